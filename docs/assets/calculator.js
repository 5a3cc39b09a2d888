/* The calculator: reads the form and the address, and puts the parts of the page in their places. What it counts and what
   it says are functions of `calculator_formulas.js`, which a build translates from the Python that makes the same page.
   `figures.js` imports this when somebody touches the form, or when the address carries a state. */

import * as formulas from "./calculator_formulas.js";
import { sticks } from "./sticks.js";

const MOST_BYTES = 4 * 2 ** 20, LONGEST_LINK = 6000, OWN = "own", NONE = "";
const short = (text, most = 30) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);
const fold = name => name.toLowerCase().replace(/[ \-_/]/g, "");

/* A whole number as people type it: 131 072, 131,072, 128k (of 1024, as contexts are named), 1e6; undefined where it is none. */
export function whole(typed) {
  const text = String(typed ?? "").trim().replace(/[\s_\u202f]/g, ""), parted = /^\d{1,3}(,\d{3})+(?![\d,])/.test(text);
  const found = /^(\d{1,15}(?:\.\d{1,6})?)(?:e\+?(\d{1,2}))?([km]?)$/i.exec(parted ? text.replaceAll(",", "") : text);
  if (!found) return undefined;
  const [, digits, power = "0", letter] = found;
  const value = Number(`${digits}e${power}`) * { "": 1, k: 1024, m: 1024 ** 2 }[letter.toLowerCase()];
  return Number.isSafeInteger(value) ? value : undefined;
}

/* A config with a line for each key, its values as they stand: 1.0 is not 1. */
export function pretty(text) {
  let depth = 0;
  return text.replace(/"(?:[^"\\]|\\.)*"|[{}[\],:]|\s+/g, part => {
    if (/^\s/.test(part)) return "";
    if ("{[".includes(part)) depth += 1;
    if ("}]".includes(part)) depth -= 1;
    if (part === "{" && depth === 1) return "{\n  ";
    if (part === "}" && depth === 0) return "\n}";
    if (part === ",") return depth === 1 ? ",\n  " : ", ";
    return part === ":" ? ": " : part;
  });
}

/* What is wrong with a whole number that was typed, or nothing. */
export function wrong(typed, least, most) {
  const value = whole(typed);
  if (!String(typed).trim()) return "is empty: enter a whole number";
  if (/^\s*[-−]/.test(typed)) return "must not be negative";
  if (value === undefined) return `“${short(String(typed), 20)}” is not a whole number`;
  return value < least || value > most ? `must lie between ${least.toLocaleString("en")} and ${most.toLocaleString("en")}` : "";
}

/* What older addresses said, in today's words; a name that is not here and no field is told. */
const OLDER = { roof: "device", cache_bits: "kv", weight_bits: "weights" };
const BITS = { 32: "fp32", 16: "bf16", 8.5: "q8_0", 8: "fp8", 4.5: "q4_0", 4: "mxfp4" };
const SHAPES = {
  layers: "num_hidden_layers", width: "hidden_size", heads: "num_attention_heads", kv_heads: "num_key_value_heads", dim: "head_dim",
  mlp_width: "intermediate_size", vocabulary: "vocab_size",
};
const IGNORED = ["h"]; // the search's own

const load = address => fetch(address).then(answer => { if (!answer.ok) throw Error(`${address}: ${answer.status}`); return answer.json(); });

/* Wake a calculator; once, however often it is asked. */
export async function start(element) {
  if (element.dataset.live) return;
  element.dataset.live = "soon";
  try { wake(element, await load(new URL("../calculator/choices.json", import.meta.url).href)); } catch (error) { delete element.dataset.live; throw error; }
}

/* A device as the class has it, from a row of the file. */
function device(row) {
  const [key, name, vendor, kind, year, aliases, memory, unified, bandwidth, peaks, ...rest] = row;
  return new formulas.Device(key, name, vendor, kind, BigInt(year), aliases, memory, unified, bandwidth, new formulas.Dict(peaks), ...rest);
}

function wake(element, data) {
  const form = element.querySelector("form"), { elements } = form, { copied } = elements;
  const place = name => element.querySelector(`[data-block=${name}]`), line = name => element.querySelector(`[data-told=${name}]`);
  for (const name of ["model", "device"]) { // the second lists are the first ones
    for (const group of elements[name].querySelectorAll("optgroup")) elements[`${name}2`].append(group.cloneNode(true));
    for (const option of elements[`${name}2`].options) option.removeAttribute("selected");
    elements[`${name}2`].value = NONE;
  }
  const models = new Map(data.models.map(([slug, name, maker, aliases, config, limit]) => [slug, { slug, name, aliases, config, limit: BigInt(limit) }]));
  const devices = new Map(data.devices.map(row => [row[0], device(row)])), every = [...devices.values()];
  const names = new Map([...models.values()].flatMap(one => [...one.aliases, one.name, one.slug].map(name => [fold(name), one.slug])));
  const machines = new Map(every.flatMap(one => [...one.aliases, one.name, one.key].map(name => [fold(name), one.key])));
  const fields = [...elements].filter(field => field.name && field.tagName !== "OUTPUT").map(field => field.name);
  const usual = Object.fromEntries(fields.map(name => [name, usually(elements[name])]));
  const refused = new Map(), read = new Map(); // field -> what its address said wrongly; config -> decoder
  const get = name => elements[name].value;
  let late = 0, lost = ""; // what an address said and was not taken

  const bare = text => text.replace(/("(?:[^"\\]|\\.)*")|\s+/g, "$1");
  const fill = () => { if (get("model") !== OWN) { elements.config.value = pretty(models.get(get("model")).config); } };

  /* The decoder of a config, or a line for each of its faults. */
  function decoder(text) {
    if (!read.has(text)) {
      if (read.size > 40) read.clear();
      let found;
      try { found = { decoder: formulas.read_config(formulas.parsed(text)) }; } catch (error) {
        if (error instanceof formulas.NotJson) found = { faults: [`line ${error.line}: is not valid JSON (${error.message}); paste the whole file`] };
        else if (error instanceof formulas.NotUnderstood) found = { faults: error.faults.map(fault => fault.__str__()) };
        else found = { faults: [`cannot be read (${error.message}); please report this config`] };
      }
      read.set(text, found);
    }
    return read.get(text);
  }

  const ownName = text => {
    const values = formulas.parsed(text), named = values.get("_name_or_path");
    const name = typeof named === "string" && named ? named.split("/").at(-1) : `your ${values.get("model_type")}`;
    return short(name, 40);
  };

  const real = name => { // a comma parts thousands, and is nothing else
    const text = get(name).trim(), plain = /^\d{1,3}(,\d{3})+(\.\d+)?$/.test(text) ? text.replaceAll(",", "") : text;
    return /^\d+(\.\d*)?(e\d+)?$/i.test(plain) ? Number(plain) : NaN;
  };
  const PEAKS = ["fp32", "fp16", "bf16", "fp8", "int8", "fp4"]; // a rate of one's own is of whatever dtype the weights have
  const ownDevice = () => new formulas.Device(OWN, "your device", "", "", 0n, [], [real("memory")], false, real("bandwidth"),
    new formulas.Dict(PEAKS.map(dtype => [dtype, real("peak")])), [], "", "maker", "");

  /* One column: a Chosen, or what is wrong by field. */
  function column(slug, key, faults) {
    const text = slug === OWN ? get("config") : models.get(slug).config, found = decoder(text);
    if (found.faults) { faults.config = found.faults; return null; }
    const at = key === OWN ? ownDevice() : devices.get(key), number = name => BigInt(whole(get(name)));
    const count = new formulas.Count(number("context"), 0n, number("page"), number("source"));
    const weights = get("weights") ? formulas.WEIGHTS.get(get("weights")) : null;
    try {
      const cost = new formulas.Cost(found.decoder, count, number("batch"), formulas.DTYPES.get(get("kv")), weights, number("devices"), at);
      const limit = slug === OWN ? found.decoder.positions : models.get(slug).limit;
      return new formulas.Chosen(slug === OWN ? ownName(text) : models.get(slug).name, cost, at, every, slug === OWN ? NONE : slug, limit);
    } catch (error) {
      if (!(error instanceof formulas.NotUnderstood)) throw error;
      if (error.faults[0].where === "") faults.devices = `cannot be: ${error.faults[0].what}`;
      else faults.config = error.faults.map(fault => fault.__str__());
      return null;
    }
  }

  /* Everything that is wrong, by field; and the columns where nothing is. */
  function state() {
    const faults = {};
    for (const field of form.querySelectorAll("[data-least]")) {
      const fault = wrong(field.value, Number(field.dataset.least), Number(field.dataset.most));
      if (fault) faults[field.name] = fault;
    }
    if (get("device") === OWN) {
      for (const name of ["memory", "bandwidth", "peak"]) {
        const value = real(name), least = name === "peak" ? 0 : 1e-3;
        if (!(value >= least && value <= 1e9)) faults[name] = `must be a number from ${least} to 1,000,000,000`;
      }
    }
    if (Object.keys(faults).length) return { faults, columns: [] };
    const columns = [column(get("model"), get("device"), faults)];
    if (get("model2") || get("device2")) columns.push(column(get("model2") || get("model"), get("device2") || get("device"), faults));
    return { faults, columns: columns.filter(Boolean) };
  }

  const put = parts => {
    for (const [name, html] of parts.items()) { const at = place(name); if (at && at.innerHTML !== html) at.innerHTML = html; }
  };

  function tell(faults) {
    for (const field of [...elements].filter(one => one.name && element.querySelector(`#calc-${one.name}-fault`))) {
      const fault = faults[field.name] ?? refused.get(field.name), at = element.querySelector(`#calc-${field.name}-fault`);
      field.toggleAttribute("aria-invalid", Boolean(faults[field.name]));
      if (faults[field.name]) field.setAttribute("aria-invalid", "true");
      if (at.tagName === "UL") at.replaceChildren(...[].concat(fault ?? []).map(text => Object.assign(document.createElement("li"), { textContent: text })));
      else if (at.textContent !== (fault ?? "")) at.textContent = fault ?? "";
    }
    const count = Object.values(faults).flat().length;
    element.classList.toggle("is-faulty", count > 0);
    line("refused").textContent = count ? `${count === 1 ? "1 fault" : `${count} faults`} below: the numbers are those before it.` : lost;
    if (faults.config) element.querySelector(".calc-own").open = true;
  }

  function show() {
    for (const part of form.querySelectorAll("[data-own]")) part.hidden = get("device") !== OWN;
    let found;
    try { found = state(); } catch (error) { found = { faults: { config: [`cannot be counted (${error.message}); please report this config`] }, columns: [] }; }
    tell(found.faults);
    if (Object.keys(found.faults).length) return;
    put(formulas.answer(found.columns));
    clearTimeout(late);
    late = setTimeout(() => { if (element.isConnected) put(formulas.details(found.columns)); }, element.dataset.live === "yes" ? 120 : 0);
    address();
  }

  /* The address: what differs from the page as it came. */
  function address() {
    const said = new URLSearchParams();
    for (const name of fields) {
      if (name === "config" || (["memory", "bandwidth", "peak"].includes(name) && get("device") !== OWN)) continue;
      const typed = get(name).trim(), count = elements[name].dataset.least && whole(typed);
      const same = count ? count === whole(usual[name]) : typed === usual[name];
      if (!same) said.set(name, count && !/^\d+[km]?$/i.test(typed) ? String(count) : typed);
    }
    if (get("model") === OWN) {
      const text = bare(get("config"));
      if (text.length <= LONGEST_LINK) said.set("config", text);
      else copied.value = "This config is too long for a link: send the file with it.";
    }
    const url = new URL(location.href);
    url.search = said;
    if (url.href !== location.href) history.replaceState(history.state, "", url);
  }

  /* Take a state from an address; what cannot be taken is told and the rest is. */
  function follow(said) {
    const lines = [], shape = {}, untaken = [];
    refused.clear();
    for (const name of fields) if (name !== "config") elements[name].value = usual[name];
    for (let [name, value] of said) {
      if (IGNORED.includes(name)) continue;
      const given = name;
      name = OLDER[name] ?? name;
      if (given !== name && name !== "device") value = BITS[value] ?? value;
      const drop = () => untaken.push(`${short(given, 20)}=${short(value, 20)}`);
      const refuse = why => {
        drop();
        if (element.querySelector(`#calc-${name}-fault`) && name !== "config") refused.set(name, `refused from the address: ${why}`);
        else lines.push(`${short(given)}: ${why}.`);
      };
      if (given in SHAPES) { if (whole(value)) shape[SHAPES[given]] = whole(value); else refuse(`“${short(value, 20)}” is not a whole number`); }
      else if (name === "config") { elements.config.value = value; elements.model.value = OWN; }
      else if (!fields.includes(name)) { drop(); lines.push(`The address says ${short(given)}, which is not a field of this form.`); }
      else if (elements[name].options) {
        const known = (name.startsWith("model") ? names : name.startsWith("device") ? machines : new Map()).get(fold(value)) ?? value;
        if ([...elements[name].options].some(option => option.value === known)) elements[name].value = known;
        else refuse(`“${short(value, 20)}” is not one of the choices`);
      } else {
        const field = elements[name], fault = field.dataset.least ? wrong(value, Number(field.dataset.least), Number(field.dataset.most)) : "";
        if (fault) refuse(fault); else field.value = value;
      }
    }
    lost = untaken.length ? `Not taken from the link: ${untaken.join(", ")}.` : "";
    if (get("model") !== OWN) fill();
    else if (!said.has("config")) { elements.model.value = usual.model; fill(); }
    if (Object.keys(shape).length) {
      const own = Object.entries(shape), known = new RegExp(`^  "(?:${own.map(([key]) => key).join("|")})": .*\n`, "gm");
      elements.config.value = get("config").replace(known, "").replace("{\n", `{\n${own.map(([key, size]) => `  "${key}": ${size},\n`).join("")}`);
      elements.model.value = OWN;
    }
    line("address").replaceChildren(...lines.map(text => Object.assign(document.createElement("li"), { textContent: text })));
    for (const part of element.querySelectorAll("details")) {
      if ([...part.querySelectorAll("[name]")].some(field => field.name !== "config" && field.value !== usual[field.name])) part.open = true;
    }
    show();
  }

  /* A file that was dropped or opened. */
  async function take(file) {
    const told = why => tell({ config: [`${short(file.name, 60)}: ${why}`] });
    if (file.size > MOST_BYTES) { told("is larger than 4 MiB; name the config.json, not the weights"); return; }
    try { elements.config.value = new TextDecoder("utf-8", { fatal: true }).decode(await file.arrayBuffer()); } catch { told("is not a text in UTF-8; name a model's config.json"); return; }
    elements.model.value = OWN;
    element.querySelector(".calc-own").open = true;
    refused.clear();
    show();
  }

  form.addEventListener("input", event => {
    refused.delete(event.target.name);
    lost = "";
    if (event.target.name === "config") elements.model.value = OWN;
    if (event.target.name === "model") fill();
    copied.value = "";
    show();
  });
  const open = () => {
    const input = Object.assign(document.createElement("input"), { type: "file", accept: ".json,application/json" });
    input.addEventListener("change", () => take(input.files[0]));
    input.click();
  };
  form.addEventListener("reset", event => { event.preventDefault(); follow(new URLSearchParams()); });
  form.addEventListener("submit", event => event.preventDefault());
  for (const type of ["dragover", "drop"]) {
    element.addEventListener(type, event => {
      if (![...event.dataTransfer.items].some(item => item.kind === "file")) return;
      event.preventDefault();
      event.stopPropagation();
      element.classList.toggle("is-over", type === "dragover");
      if (type === "drop") take(event.dataTransfer.files[0]);
    });
  }
  element.addEventListener("dragleave", () => element.classList.remove("is-over"));
  const copy = (text, done) => {
    const tell_ = words => { copied.value = words; };
    if (!navigator.clipboard) tell_("Copy it from the address bar.");
    else navigator.clipboard.writeText(text).then(() => tell_(done), () => tell_("The browser does not let this page copy."));
  };
  form.addEventListener("click", event => {
    const button = event.target.closest("button");
    if (!button) return;
    if (button.dataset.context) { elements.context.value = button.dataset.context; refused.delete("context"); show(); }
    else if (button.dataset.do === "open") open();
    else if (button.dataset.state) follow(new URLSearchParams(button.dataset.state));
    else if (button.dataset.do === "link") copy(location.href, "Copied.");
    else if (button.dataset.do === "markdown") { const found = state(); if (found.columns.length) copy(formulas.markdown(found.columns), "Copied as a Markdown table."); else copied.value = "Nothing to copy: correct the fields that are marked first."; }
  });
  if (location.search) follow(new URLSearchParams(location.search));
  else { fill(); show(); }
  element.dataset.live = "yes";
  sticks(place("told"));
}

const usually = element => (element.options ? ([...element.options].find(option => option.defaultSelected)?.value ?? element.options[0]?.value ?? "") : element.defaultValue);
