/* Another machine's run in the place of a figure's own, on this page and on those read after it.
   Loaded when a reader picks a machine, or has picked one on an earlier page. */
import { forget, machine as linked } from "./opened.js";
import { say } from "./say.js";

const { bring, enhance, live, load, make } = window.attnsite;
const KEY = "attnsite.machine";

/* What a link to this page asks for goes before what was picked earlier, on this page alone and without being kept. */
const recall = () => linked() || kept();
const kept = () => {
  let machine = keep.now;
  try { machine = localStorage.getItem(KEY) || ""; } catch { /* nothing is kept where that is forbidden */ }
  return machine === "this_build" ? "" : machine; // kept by an earlier version of the site
};
const keep = machine => {
  keep.now = machine;
  try { if (machine) localStorage.setItem(KEY, machine); else localStorage.removeItem(KEY); } catch { /* for this page only */ }
};
keep.now = "";

/* A machine was picked at a figure: all figures that have its run show it. A figure's first machine is its own, and
   picking that one brings every figure back to its own. */
export async function choose(figure) {
  const select = figure.querySelector(".exhibit-machine select");
  const own = select.selectedIndex === 0, option = select.selectedOptions[0];
  forget();
  if (apart(option)) { // never kept for other figures
    figure.querySelector(".exhibit-note")?.replaceChildren("For this figure alone.");
    say(`This figure shows ${option.textContent}.`);
    return pick(figure, option.dataset.spec);
  }
  forget();
  keep(own ? "" : select.value);
  say(own ? "Figures show their own machines." : `Figures show ${call(select.value)} where it was measured.`);
  await apply();
}

export async function apply() {
  const wanted = recall();
  const figures = [...document.querySelectorAll("figure.exhibit[data-machine]")];
  await Promise.all(figures.map(figure => {
    const select = figure.querySelector(".exhibit-machine select");
    const options = select ? [...select.options] : [];
    const option = options.find(one => one.value === wanted && !apart(one)) || options[0];
    explain(figure, wanted, option?.value || figure.dataset.machine, options[0]?.value || figure.dataset.machine);
    if (option) select.value = option.value; // a browser may have put back what was picked before a load
    if (!option || (figure.dataset.spec === option.dataset.spec)) return null;
    return pick(figure, option.dataset.spec);
  }));
}

/* What a figure says of the choice, and the way back from it. */
function explain(figure, wanted, shown, first) {
  const note = figure.querySelector(".exhibit-note");
  if (!note) return;
  note.replaceChildren();
  if (!wanted) return;
  const short = wanted.length > 40 ? `${wanted.slice(0, 39)}…` : wanted;
  if (shown !== wanted) { note.append(`Not measured on ${call(short)}: this is ${call(shown)}. `); return; }
  if (shown === first) return; // it is of that machine anyway
  const back = make("button", { type: "button", className: "as-link" }, `Back to ${call(first)}`);
  back.addEventListener("click", () => {
    const select = figure.querySelector(".exhibit-machine select");
    select.selectedIndex = 0;
    select.focus();
    choose(figure);
  });
  note.append(`${linked() ? "Shown as the link asks" : "Kept on every page"}; the text quotes ${call(first)}. `, back);
}

/* Texts, picture, table and downloads become those of another machine's run. */
async function pick(figure, address) {
  const before = figure.dataset.spec;
  figure.setAttribute("aria-busy", "true");
  try {
    figure.dataset.spec = address;
    const spec = await load(address);
    if (figure.dataset.spec !== address) return; // yet another was picked while this one loaded
    const stem = address.replace(/\.json$/, "");
    for (const part of ["title", "caption", "reading", "made"]) {
      const place = figure.querySelector(`[data-text="${part}"]`);
      if (place) place.replaceChildren(...words(spec[part]));
    }
    for (const link of figure.querySelectorAll("[data-ending]")) {
      link.href = stem + link.dataset.ending;
      link.download = `${spec.figure}_${spec.machine}${link.dataset.ending}`;
    }
    const raw = figure.querySelector("[data-run]");
    if (raw) raw.href = raw.href.replace(/results\/[^/]+\//, `results/${spec.machine}/`);
    const picture = figure.querySelector("picture");
    if (picture) {
      picture.querySelector("source").srcset = `${stem}-narrow.svg`;
      Object.assign(picture.querySelector("img"), { src: `${stem}-wide.svg`, alt: spec.alt });
    }
    const table = figure.querySelector(":is(.exhibit-data, .exhibit-table) table[data-sorts]");
    if (table) {
      const { columns, rows, same, not_run } = spec.table; // what the page shows of all rows and columns
      const chosen = row => columns.map(at => row[at]);
      const fresh = build(chosen(spec.columns), spec.rows.slice(0, rows).map(chosen), table.getAttribute("aria-label"));
      fresh.className = table.className;
      const box = table.closest(".scrolls");
      for (const part of box.parentElement.querySelectorAll(":scope > :is(.filter, .rows-same, .rows-not-run)")) part.remove();
      table.replaceWith(fresh);
      if (same) box.before(make("p", { className: "rows-same" }, same));
      if (not_run.length) box.after(missing(not_run, spec.rows.length - rows, table.getAttribute("aria-label")));
      enhance(fresh);
    }
    const state = live.get(figure);
    if (state) Object.assign(state, { spec, shown: null });
    figure.dispatchEvent(new Event("attnsite:shown"));
    if (state?.chart) (await bring("live.js")).show(figure, state);
  } catch (error) {
    console.warn("that machine's run did not load:", error);
    if (figure.dataset.spec === address) back(figure, before);
  } finally {
    figure.removeAttribute("aria-busy");
  }
}

/* What was shown stays, and so does its name; that another did not come is said where it was asked for. */
function back(figure, address) {
  figure.dataset.spec = address;
  const select = figure.querySelector(".exhibit-machine select");
  const shown = [...select.options].find(option => option.dataset.spec === address);
  if (shown) select.value = shown.value;
  figure.querySelector(".exhibit-note")?.replaceChildren("That machine did not load. Try again.");
  say("That machine did not load.");
}

const words = text => text.split("`").map((part, i) => (i % 2 ? make("code", {}, part) : part));

const apart = option => option.parentNode.matches("optgroup");

export const call = machine => (machine === "this_build" ? "this build" : machine);

/* The list of what was not run, closed, as `attnsite/site/tables.py` writes it. */
const missing = (reasons, count, label) => {
  const words = `Not run: ${count} row${count === 1 ? "" : "s"}, and why`;
  return make("details", { className: "rows-not-run" }, make("summary", { "aria-label": `${words}: ${label}` }, words),
    make("ul", {}, ...reasons.map(line => make("li", {}, line))));
};

const PROSE = 32; // characters from which a cell's text may take several lines

/* A table like those of the page, of [text, value] cells. */
export const build = (columns, rows, label) => {
  const number = columns.map((_, i) => rows.some(row => typeof row[i][1] === "number"));
  const prose = columns.map((_, i) => i > 0 && !number[i] && rows.some(row => row[i][0].length > PROSE));
  const cells = (row, i) => {
    const cell = make(i ? "td" : "th", i ? {} : { scope: "row" }, row[0]);
    if (typeof row[1] === "number") cell.dataset.value = row[1];
    cell.className = prose[i] ? "prose" : typeof row[1] === "number" || row[1] === null ? "number" : "";
    return cell;
  };
  return make("table", { className: "rows", "data-sorts": "", "aria-label": label },
    make("thead", {}, make("tr", {}, ...columns.map((head, i) =>
      make("th", { scope: "col", className: number[i] ? "number" : prose[i] ? "prose" : "" },
        ...head.split(/(?<=_)/).flatMap((part, at) => (at ? [make("wbr"), part] : [part])))))),
    make("tbody", {}, ...rows.map(row => make("tr", {}, ...row.map(cells)))));
};
