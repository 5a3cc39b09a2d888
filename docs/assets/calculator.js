/* The calculator: the functions of `attnsite/formulas/parts.py` under the same names, then the page that shows them.
   Counts are BigInt, so that they are exact at any size; a test holds them against the Python over random models.
   `figures.js` imports this when somebody touches the form, or when the address carries a state. */

import { grouped, text } from "./quantity.js";
import { sticks } from "./sticks.js";

const { big, round } = { big: BigInt, round: Math.round };
const least = (a, b) => (a < b ? a : b);
const sum = parts => ({ ...parts, all: Object.values(parts).reduce((a, b) => a + b, 0n) });

/* What a `Model` of the ledger has where nothing is said. */
export const MODEL = {
  layers: 1n, width: 1n, heads: 1n, dim: 1n, kv_heads: 0n, mlp_width: 0n, mlp_matrices: 3n, vocabulary: 0n, tied: false,
  window: 0n, windowed: 0n, latent: 0n, rope_dim: 0n, value_dim: 0n, query_latent: 0n,
  experts: 0n, experts_a_token: 0n, shared_experts: 0n, dense_layers: 0n, dense_width: 0n,
};

/* --- formulas/attention.py ----------------------------------------------------------------------------------- */

export function visible_pairs(queries, keys, causal, window = 0n) {
  if (!causal) return queries * keys;
  if (0n < window && window < keys) return visible_pairs(queries, keys, true) - visible_pairs(queries, keys - window, true);
  const first = queries > keys ? queries - keys : 0n;
  const seen = keys - queries + first + 1n, rows = queries - first;
  return rows * seen + rows * (rows - 1n) / 2n;
}

export function attention_parameters(m) {
  if (!m.latent) return 2n * m.width * m.dim * (m.heads + (m.kv_heads || m.heads));
  const queries = m.heads * (m.dim + m.rope_dim);
  const into = m.query_latent ? m.query_latent * (m.width + queries) : m.width * queries;
  const up = m.heads * (m.dim + m.value_dim) * m.latent;
  return into + m.width * (m.latent + m.rope_dim) + up + m.heads * m.value_dim * m.width;
}

export const kv_cache_elements = m => (m.latent ? m.latent + m.rope_dim : 2n * (m.kv_heads || m.heads) * m.dim);

/* --- formulas/parts.py ------------------------------------------------------------------------------------- */

export function mlp_weights(m, experts) {
  const unit = m.mlp_matrices * m.width;
  if (!m.experts) return m.layers * unit * m.mlp_width;
  const sparse = (m.layers - m.dense_layers) * (experts + m.shared_experts) * m.mlp_width;
  return unit * (sparse + m.dense_layers * m.dense_width);
}

export const weights = (m, experts = m.experts) => sum({
  attention: m.layers * attention_parameters(m),
  mlp: mlp_weights(m, experts),
  router: (m.layers - m.dense_layers) * m.width * m.experts,
  output: m.vocabulary * m.width,
  embedding: m.tied ? 0n : m.vocabulary * m.width,
});

export function met(m) {
  const used = weights(m, m.experts_a_token);
  return used.all - used.embedding;
}

export const pairs = (m, s) =>
  (m.layers - m.windowed) * visible_pairs(s.queries, s.keys, s.causal) +
  m.windowed * visible_pairs(s.queries, s.keys, s.causal, m.window);

export function pair_widths(m, s) {
  if (!m.latent) return [m.dim, m.dim];
  return s.queries === 1n ? [m.latent + m.rope_dim, m.latent] : [m.dim + m.rope_dim, m.value_dim];
}

export function flops(m, s) {
  const used = weights(m, m.experts_a_token), [score, value] = pair_widths(m, s);
  const pair = 2n * s.batch * m.heads * pairs(m, s), tokens = 2n * s.batch * s.queries;
  return sum({
    projections: tokens * used.attention, scores: pair * score, values: pair * value,
    mlp: tokens * used.mlp, router: tokens * used.router, output: tokens * used.output,
  });
}

export const size = (elements, bits) => (elements * big(round(2 * bits)) + 15n) / 16n;

export function cache(m, s) {
  const elements = kv_cache_elements(m), windowed = m.window ? m.windowed : 0n;
  const sequence = elements * ((m.layers - windowed) * s.keys + windowed * least(s.keys, m.window));
  return {
    token: size(m.layers * elements, s.cache_bits),
    sequence: size(sequence, s.cache_bits),
    batch: size(s.batch * sequence, s.cache_bits),
  };
}

export function keys_read(m, s) {
  const near = s.causal && m.window ? least(s.keys, m.window + s.queries - 1n) : s.keys;
  return (m.layers - m.windowed) * s.keys + m.windowed * near;
}

/* Thousandths of a layer's experts. */
export function experts_read(m, tokens) {
  if (m.experts_a_token >= m.experts) return 1000n * m.experts;
  const missed = Number(tokens) * Math.log1p(-Number(m.experts_a_token) / Number(m.experts));
  return big(Math.floor(-1000 * Number(m.experts) * Math.expm1(missed) + 0.5));
}

export function moved(m, s) {
  const tokens = s.batch * s.queries, plain = weights(m, 0n), expert = mlp_weights(m, 1n) - mlp_weights(m, 0n);
  const chosen = (expert * experts_read(m, tokens) + 999n) / 1000n;
  const [score, value] = pair_widths(m, s), kept = kv_cache_elements(m);
  const read = !m.latent || s.queries === 1n ? kept : m.heads * (score + value);
  const ends = m.layers * m.heads * tokens * (score + value);
  return sum({
    weights: size(plain.all - plain.embedding + chosen, s.weight_bits),
    attention: size(ends, Math.max(16, s.cache_bits)) + size(s.batch * read * keys_read(m, s), s.cache_bits),
    written: size(tokens * m.layers * kept, s.cache_bits),
  });
}

/* a / b as the nearest double: a quotient of at least 70 bits, its last one set where something was left over. */
export function ratio(a, b) {
  if (!a) return 0;
  const shift = big(Math.max(0, 70 - a.toString(2).length + b.toString(2).length));
  let quotient = (a << shift) / b;
  if (quotient * b !== a << shift) quotient |= 1n;
  return Number(quotient) / 2 ** Number(shift);
}

export function intensity(m, s) {
  const done = flops(m, s), bytes = moved(m, s), core = done.scores + done.values;
  return { weights: ratio(done.all - core, bytes.weights), attention: ratio(core, bytes.attention), all: ratio(done.all, bytes.all) };
}

export const least_seconds = (work, bytes, peak, bandwidth) => Math.max(Number(work) / peak, Number(bytes) / bandwidth);

/* --- what the cells of the page hold ------------------------------------------------------------------------- */

export function cells(m, step, roof) {
  const found = {}, put = (name, parts, unit, phase = "") => {
    for (const [part, count] of Object.entries(parts)) found[`${name}.${part}${phase}`] = text(count, unit);
  };
  const held = weights(m);
  put("weights", { ...held, used: met(m) }, "parameters");
  found["weights.bytes"] = text(size(held.all, step.weight_bits), "B");
  put("cache", cache(m, step), "B");
  for (const [phase, queries] of [["prompt", step.keys], ["step", 1n]]) {
    const s = { ...step, queries }, done = flops(m, s), bytes = moved(m, s), dense = intensity(m, s);
    put("flops", done, "FLOP", `.${phase}`);
    put("moved", bytes, "B", `.${phase}`);
    put("intensity", dense, "1", `.${phase}`);
    found[`least_seconds.${phase}`] = text(least_seconds(done.all, bytes.all, roof.peak, roof.bandwidth), "s");
    found[`limit.${phase}`] = dense.all >= roof.peak / roof.bandwidth ? "arithmetic" : "memory";
  }
  return found;
}

/* --- the picture, with the geometry of `roofline_svg.py` ------------------------------------------------------ */

const [WIDE, LEFT, RIGHT, TOP, BOTTOM, LEAST, MOST, LOWEST, ROW] = [560, 62, 540, 32, 272, -1, 6, -4, 24];
const NAMES = { weights: "products with weights", attention: "attention", all: "the whole" };
const power = value => (value > 0 ? Math.log10(value) : -99);
const across = value => LEFT + (RIGHT - LEFT) * (Math.min(MOST, Math.max(LEAST, power(value))) - LEAST) / (MOST - LEAST);
const up = share => TOP + (BOTTOM - TOP) * Math.min(0, Math.max(LOWEST, power(share))) / LOWEST;

function picture(svg, dense, balance) {
  const start = Math.max(10 ** LEAST, balance * 10 ** LOWEST);
  svg.querySelector(".calc-line").setAttribute("d",
    `M${across(start).toFixed(1)} ${up(start / balance).toFixed(1)}L${across(balance).toFixed(1)} ${TOP}H${RIGHT}`);
  const order = Object.keys(NAMES).sort((a, b) => dense[a] - dense[b]);
  for (const [name, words] of Object.entries(NAMES)) {
    const [x, y, low] = [across(dense[name]), up(dense[name] / balance), BOTTOM - 10 - ROW * order.indexOf(name)];
    const mark = svg.querySelector(`[data-mark=${name}]`), left = x > WIDE * 0.55, label = mark.querySelector("text");
    mark.querySelector("path").setAttribute("d", `M${x.toFixed(1)} ${y.toFixed(1)}V${low}`);
    mark.querySelector("circle").setAttribute("cx", x.toFixed(1));
    mark.querySelector("circle").setAttribute("cy", y.toFixed(1));
    label.setAttribute("x", (x + (left ? -7 : 7)).toFixed(1));
    label.setAttribute("y", low - 2);
    label.setAttribute("text-anchor", left ? "end" : "start");
    label.textContent = `${words}, ${text(dense[name])}`;
  }
}

/* --- reading a form: every fault at once, one line each ------------------------------------------------------- */

const plain = number => grouped(String(number));

/* A whole number as people type it: 131 072, 131,072, 128k (of 1024, as contexts are named), 1e6; undefined where it is none. */
export function whole(typed) {
  const found = /^(\d{1,15}(?:\.\d{1,6})?)(?:e\+?(\d{1,2}))?([km]?)$/i.exec(String(typed ?? "").trim().replace(/[\s_,\u202f]/g, ""));
  if (!found) return undefined;
  const [, digits, power = "0", letter] = found;
  const value = Number(`${digits}e${power}`) * { "": 1, k: 1024, m: 1024 ** 2 }[letter.toLowerCase()];
  return Number.isSafeInteger(value) ? value : undefined;
}

/* Fields as they were typed -> [what they say, what is wrong with them by field]. `bounds` has [least, most] by name. */
export function check(typed, bounds) {
  const faults = {}, said = { ...typed };
  for (const [name, [low, high]] of Object.entries(bounds)) {
    const number = whole(typed[name]);
    if (number === undefined) faults[name] = /^\s*[-−]/.test(typed[name]) ? "must not be negative" : !String(typed[name]).trim() ? "is empty: enter a whole number" : `“${String(typed[name]).slice(0, 20)}” is not a whole number`;
    else if (number < low || number > high) faults[name] = `must lie between ${plain(low)} and ${plain(high)}`;
    else said[name] = big(number);
  }
  const rule = (name, needs, broken, line) => {
    if ([name, ...needs].every(other => other in bounds && !faults[other]) && broken()) faults[name] = line();
  };
  rule("kv_heads", ["heads", "latent"], () => !said.latent && said.heads % said.kv_heads, () => `must divide the ${said.heads} query heads`);
  rule("windowed", ["layers"], () => said.windowed > said.layers, () => `must be at most the ${said.layers} layers`);
  rule("windowed", ["window"], () => said.windowed && !said.window, () => "needs a window");
  rule("value_dim", ["latent"], () => said.latent && !said.value_dim, () => "must be given with latent attention");
  rule("experts_a_token", ["experts"], () => said.experts_a_token > said.experts, () => `must be at most the ${said.experts} experts`);
  rule("experts_a_token", ["experts"], () => said.experts && !said.experts_a_token, () => "must be at least 1 with experts");
  rule("dense_layers", ["layers"], () => said.dense_layers > said.layers, () => `must be at most the ${said.layers} layers`);
  return [said, faults];
}

/* A model as the form has it: KV heads are said, zeros too. */
export const shape = model => {
  const full = Object.fromEntries(Object.entries(MODEL).map(([name, usual]) =>
    [name, name in model ? (typeof usual === "bigint" ? big(model[name]) : model[name]) : usual]));
  return { ...full, kv_heads: full.kv_heads || full.heads };
};

const IGNORED = ["h"]; // the search's own
const load = address => fetch(address).then(answer => { if (!answer.ok) throw Error(`${address}: ${answer.status}`); return answer.json(); });

/* Wake a calculator; once, however often it is asked. */
export async function start(element) {
  if (element.dataset.live) return;
  element.dataset.live = "soon";
  try { wake(element, await load(element.dataset.models)); } catch (error) { delete element.dataset.live; throw error; }
}

function wake(element, data) {
  const form = element.querySelector("form"), { elements } = form, svg = element.querySelector("svg");
  const { told, copied } = elements; // a form whose page was left no longer finds them
  const models = new Map(data.models.map(model => [model.name, model])), roofs = new Map(data.roofs.map(roof => [roof.key, roof]));
  const numbers = [...form.querySelectorAll("[data-least]")], refused = new Map();
  const bounds = Object.fromEntries(numbers.map(i => [i.name, [Number(i.dataset.least), Number(i.dataset.most)]]));
  const fields = [...new Set([...elements].map(e => e.name))].filter(name => name && !["told", "copied"].includes(name));
  const get = name => (elements[name].type === "checkbox" ? elements[name].checked : elements[name].value);
  const put = (name, value) => { if (elements[name].type === "checkbox") elements[name].checked = value; else elements[name].value = String(value); };
  const usual = Object.fromEntries(fields.map(name => [name, name === "phase" ? "step" : usually(elements[name])]));

  const fill = () => { for (const [name, value] of Object.entries(shape(models.get(get("model"))))) put(name, value); };

  /* The address: only what differs from the model and from the page as it came. */
  function address(counted) {
    const own = shape(models.get(get("model"))), said = new URLSearchParams();
    for (const name of fields) {
      const value = String(counted[name]);
      if (value !== String(name in own ? own[name] : usual[name])) said.set(name, value);
    }
    const url = new URL(location.href);
    url.search = said;
    if (url.href !== location.href) history.replaceState(history.state, "", url);
  }

  function follow() {
    const said = new URLSearchParams(location.search), lines = [], lost = [], drop = (name, value) => lost.push(`${name.slice(0, 20)}=${value.slice(0, 20)}`), refuse = (name, value) => {
      drop(name, value);
      const line = `“${value.slice(0, 20)}” in the address is not one of the choices`;
      if (element.querySelector(`#calc-${name}-fault`)) refused.set(name, line); else lines.push(`${name}: ${line}.`);
    };
    const known = said.get("model");
    if (known !== null) { if (models.has(known)) { put("model", known); fill(); } else refuse("model", known); }
    for (const [name, value] of said) {
      if (name === "model" || IGNORED.includes(name)) continue;
      if (!fields.includes(name)) {
        drop(name, value);
        lines.push(`The address says ${name.slice(0, 30)}, which is not a field of this form.`);
      }
      else if (elements[name].type === "checkbox") { if (["true", "false"].includes(value)) put(name, value === "true"); else refuse(name, value); }
      else if (name in bounds) {
        const fault = check({ [name]: value }, { [name]: bounds[name] })[1][name];
        if (fault) drop(name, value);
        if (fault) refused.set(name, `refused from the address: ${fault.startsWith("must") ? `“${value.slice(0, 20)}” ${fault}` : fault}`); else put(name, value);
      } else {
        const before = get(name);
        put(name, value);
        if (get(name) !== value) { put(name, before); refuse(name, value); }
      }
    }
    tell("refused", lost.length ? ` Not taken from the link: ${lost.slice(0, 8).join(", ")}.` : "");
    element.querySelector("[data-told=address]").replaceChildren(...lines.slice(0, 8).map(line => Object.assign(document.createElement("li"), { textContent: line })));
  }

  function tell(from, ...parts) { element.querySelector(`[data-told=${from}]`).replaceChildren(...parts); }
  const link = (words, href) => Object.assign(document.createElement("a"), { textContent: words, href });

  let timer;
  function show() {
    const typed = Object.fromEntries(fields.map(name => [name, get(name)]));
    const [said, faults] = check(typed, bounds), held = models.get(typed.model), roof = roofs.get(typed.roof);
    for (const name of fields) {
      const slot = element.querySelector(`#calc-${name}-fault`);
      const fault = faults[name] || (refused.get(name) || "");
      if (!slot) continue;
      if (slot.textContent !== fault) slot.textContent = fault;
      if (faults[name]) elements[name].setAttribute("aria-invalid", "true"); else elements[name].removeAttribute("aria-invalid");
      if (fault) slot.closest("details")?.setAttribute("open", "");
    }
    tell("from", from(held));
    tell("roof", machine(roof), " ", roof.source ? link("Source", `${element.dataset.sources}#${roof.source}`) : link("Run", element.dataset.results + roof.result));
    const wrong = Object.keys(faults).length;
    element.classList.toggle("is-faulty", wrong > 0);
    let line = `Not counted: ${wrong === 1 ? "one field has" : `${wrong} fields have`} a fault.`;
    if (!wrong) {
      const m = Object.fromEntries(Object.keys(MODEL).map(name => [name, said[name]]));
      m.mlp_matrices = big(said.mlp_matrices);
      const step = { queries: 1n, keys: said.context, batch: said.batch, causal: said.causal, weight_bits: Number(said.weight_bits), cache_bits: Number(said.cache_bits) };
      const filled = cells(m, step, roof), own = shape(held);
      for (const cell of element.querySelectorAll("[data-cell]")) cell.textContent = filled[cell.dataset.cell];
      const changed = Object.keys(own).some(name => String(own[name]) !== String(m[name]));
      const phase = said.phase, balance = roof.peak / roof.bandwidth;
      line = sentence(held.name + (changed ? ", changed" : ""), m, filled, phase, roof.name);
      picture(svg, intensity(m, { ...step, queries: phase === "step" ? 1n : step.keys }), balance);
      svg.setAttribute("aria-label", line);
      address(said);
    }
    clearTimeout(timer);
    timer = setTimeout(() => { if (told.value !== line) told.value = line; }, 400); // once, when the typing stops
  }

  form.addEventListener("input", event => {
    refused.delete(event.target.name);
    tell("refused");
    if (event.target.name === "model") { for (const name of Object.keys(MODEL)) refused.delete(name); fill(); }
    show();
  });
  form.addEventListener("reset", () => setTimeout(() => { refused.clear(); tell("address"); tell("refused"); copied.value = ""; show(); }));
  form.addEventListener("submit", event => event.preventDefault());
  form.querySelector("[data-do=copy]").addEventListener("click", () => {
    const done = line => { copied.value = line; };
    if (!navigator.clipboard) done("Copy it from the address bar.");
    else navigator.clipboard.writeText(location.href).then(() => done("Copied."), () => done("Copy it from the address bar."));
  });
  if (location.search) follow();
  else if (get("model") !== usual.model && Object.keys(MODEL).every(name => String(get(name)) === String(usual[name]))) fill(); // picked while this was loading
  element.dataset.live = "yes";
  sticks(told.closest("p"));
  show();
}

/* The same line as `calculator.py` writes. */
const STARTS = { step: "One decode step", prompt: "Prefill" };
export function sentence(name, m, filled, phase, roof) {
  const mlp = m.experts ? m.mlp_width || m.dense_width : m.mlp_width;
  const without = [...(mlp ? [] : ["MLPs"]), ...(m.vocabulary ? [] : ["vocabulary"])].join(" and ");
  const only = !without ? "weights" : mlp || m.vocabulary ? `weights without ${without}` : "weights, of attention only";
  const these = without ? ` of these weights alone` : "";
  return `${name}: ${filled["weights.all"]} ${only}; KV cache: ${filled["cache.token"]} per token, ${filled["cache.batch"]} in all. `
    + `${STARTS[phase]}${these} does ${filled[`intensity.all.${phase}`]} FLOP/byte and is ${BOUND[filled[`limit.${phase}`]]} on ${roof}.`;
}

const BOUND = { arithmetic: "compute-bound", memory: "memory-bound" };

const usually = element => {
  if (element.type === "checkbox") return element.defaultChecked;
  return element.options ? [...element.options].find(option => option.defaultSelected)?.value : element.defaultValue;
};

/* The same lines as `calculator.py` writes. */
export const from = model => `Heads and layers: ${model.heads_from}. `
  + (model.parts_from ? `MLP and vocabulary: ${model.parts_from}.` : "Its MLP and vocabulary were not looked up: type them, or read the sums as without them.")
  + (model.tied_unknown && model.parts_from ? " Whether embedding and output layer are one matrix was not looked up; here they are two." : "");
export const machine = roof => `${text(roof.peak, "FLOP/s")} and ${text(roof.bandwidth, "B/s")}, so ${text(roof.peak / roof.bandwidth)} FLOP/byte: ${roof.told}.`;
