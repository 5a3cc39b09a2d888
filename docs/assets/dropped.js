/* The reader's own run: a file that `attnsite measure` wrote, dropped on a page or chosen, read here and sent nowhere.
   This module takes the files in and says what became of them; `run.js` knows what a run is, `beside.js` draws. */
import { say } from "./say.js";

const { beside, bring, make } = window.attnsite;
const MOST_BYTES = 4 * 2 ** 20, MOST_FILES = 70, MOST_SAID = 12;
const own = new Map(); // experiment -> run, for as long as this visit lasts
let catalogue = null;

const known = () => (catalogue ||= fetch(beside("../results/index.json")).then(answer => {
  if (!answer.ok) throw Error(`results/index.json: ${answer.status}`);
  return answer.json();
}).then(read => new Map(Object.entries(read.experiments))).catch(error => { catalogue = null; throw error; }));

const styled = () => bring("live.js").then(module => module.styled(), () => {}); // without it all of this is plain, and there

/* A sign for as long as a file is over the page; a browser tells of that again and again. */
let timer;
export function over(on = true) {
  clearTimeout(timer);
  document.body.classList.toggle("is-dropping", on);
  if (on) styled();
  if (on) timer = setTimeout(over, 500, false);
}

/* The button in a figure's downloads. */
function choose(figure, button) {
  const input = make("input", { type: "file", accept: ".json,application/json", multiple: true });
  input.addEventListener("change", () => take([...input.files], button));
  input.click();
}
export { choose as own };

/* Read files; every mistake of each is told, and what could be read is shown beside ours. */
export async function take(files, from) {
  over(false);
  const mistakes = [], taken = [];
  try {
    const [{ read }, experiments] = await Promise.all([bring("run.js"), known()]);
    if (files.length > MOST_FILES) mistakes.push(`${files.length} files are more than the ${MOST_FILES} that are read at once.`);
    for (const file of files.slice(0, MOST_FILES)) {
      const told = what => mistakes.push(`${brief(file.name)}: ${what}`);
      if (file.size > MOST_BYTES) { told(`is larger than ${MOST_BYTES / 2 ** 20} MiB, which no run is.`); continue; }
      const { run, faults } = read(await text(file), experiments);
      faults.forEach(told);
      if (run) { own.set(run.experiment, run); taken.push(run); }
    }
  } catch (error) {
    mistakes.push(`The files could not be read: ${brief(error.message)}.`);
  }
  await apply();
  await report(taken, mistakes, from);
}

const text = file => file.text().catch(() => { throw Error(`${brief(file.name)} cannot be opened`); });
const brief = words => (words.length > 80 ? `${words.slice(0, 79)}…` : words);

/* A run that this browser made itself. */
export async function hold(source) {
  const [{ read }, experiments] = await Promise.all([bring("run.js"), known()]);
  const { run, faults } = read(source, experiments);
  if (!run) throw Error(faults[0]);
  own.set(run.experiment, run);
  await apply();
}

/* Draw what was taken in at the figures of this page; called again after each page change. */
export async function apply() {
  if (own.size) styled();
  const wanted = own.size || document.querySelector(".exhibit-own");
  if (wanted) await (await bring("beside.js")).apply(own);
}

export async function forget(experiment) {
  own.delete(experiment);
  await apply();
}

// --- what became of it ---------------------------------------------------------------------------------------

async function report(taken, mistakes, from) {
  document.querySelector(".own-report")?.remove();
  styled();
  const experiments = await known().catch(() => new Map());
  const box = make("section", { className: "own-report", tabIndex: -1, "aria-label": "Your own run", "data-search-exclude": "" });
  const close = make("button", { type: "button" }, "Close");
  close.addEventListener("click", () => { box.remove(); (from?.isConnected ? from : document.querySelector("h1"))?.focus?.(); });
  if (taken.length) {
    box.append(make("p", {}, "Read in this browser and sent nowhere; it is forgotten when this page is closed or loaded again."));
    box.append(make("ul", {}, ...taken.map(run => line(run, experiments.get(run.experiment)))));
  }
  if (mistakes.length) {
    box.append(make("p", {}, mistakes.length === 1 ? "One thing is wrong:" : `${mistakes.length} things are wrong:`));
    const more = mistakes.length - MOST_SAID;
    const said = more > 0 ? [...mistakes.slice(0, MOST_SAID), `and ${more} more.`] : mistakes;
    box.append(make("ul", { className: "own-mistakes" }, ...said.map(what => make("li", {}, what))));
  }
  box.append(close);
  (document.querySelector("dialog.exhibit-full") || document.body).append(box);
  box.focus();
  say(`${taken.length} read, ${mistakes.length} mistakes.`);
}

/* One run, and where it is shown: a figure of this page, or the pages that have one. */
function line(run, entry) {
  const here = [...document.querySelectorAll(".exhibit-own")].filter(one => one.dataset.experiment === run.experiment);
  const item = make("li", {}, make("code", {}, run.experiment), ` on ${brief(run.machine)}: `);
  const links = here.length ? here.map(one => [one.closest("figure").querySelector("[data-text=title]").textContent, `#${one.closest("figure").id}`])
    : entry.shown.map(([title, address]) => [title, beside(`../${address}`)]);
  links.forEach(([title, href], at) => item.append(at ? ", " : "", make("a", { href }, title)));
  if (!links.length) item.append("no page shows this experiment yet.");
  return item;
}
