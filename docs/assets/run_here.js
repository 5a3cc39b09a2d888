/* "Run it here": the kernels of a figure, timed in the reader's browser and shown beside ours as one more machine.
   Loaded on the press. `kernel_clock.js` measures in workers, `own_run.js` writes the run, `beside.js` shows it. */
import { Measurement, Stopped } from "./kernel_clock.js";
import { written } from "./own_run.js";
import { say } from "./say.js";

const { beside, bring, load, make } = window.attnsite;
const SECONDS = 5, KEPT = "attnsite.here.", MOST_THREADS = 8;
const sessions = new Map(); // experiment -> { data, rows, started, seconds, threads, text }
let running = null, owner = null; // one at a time, and the panel that it is of: two would slow each other down

export async function here(figure, button) {
  const experiment = figure.querySelector("[data-run]").getAttribute("href").match(/(\w+)\.json$/)[1];
  const panel = figure.querySelector(".exhibit-here") || place(figure, experiment);
  bring("live.js").then(({ styled }) => styled(), () => {});
  panel.button = button;
  panel.scrollIntoView({ block: "nearest" });
  if (!running) await measure(figure, panel, experiment);
  else if (owner !== panel) {
    busy(panel, false, sessions.get(experiment)?.text);
    tell(panel, "Another figure is being timed, and two would slow each other down: wait for it or cancel it, then press More rounds.");
  }
}

function place(figure, experiment) {
  const title = figure.querySelector("[data-text=title]").textContent;
  const panel = make("section", { className: "exhibit-here", "aria-label": `Run it here: ${title}`, "data-search-exclude": "" });
  const act = (words, then) => { const one = make("button", { type: "button" }, words); one.addEventListener("click", then); return one; };
  panel.said = make("p", { className: "here-said" });
  panel.bar = make("progress", { max: 1, value: 0, "aria-label": "How far the measurement is" });
  panel.doing = make("span", { className: "here-doing" });
  const threads = Math.min(MOST_THREADS, navigator.hardwareConcurrency || 1);
  panel.threads = make("select", { "aria-label": "Threads" }, ...[...new Set([threads, 1])].map(n => make("option", { value: n }, n > 1 ? `${n} threads` : "one thread")));
  const stop = () => { if (owner === panel) running?.stop("cancelled"); };
  panel.cancel = act("Cancel", stop);
  panel.more = act("More rounds", () => measure(figure, panel, experiment));
  panel.save = act("Save the run", () => save(experiment));
  panel.close = act("Close", () => { stop(); panel.remove(); (panel.button?.isConnected ? panel.button : figure).focus?.(); });
  panel.append(panel.said, make("p", {}, panel.bar, " ", panel.doing), make("p", { className: "here-acts" }, panel.cancel, panel.more, panel.save, panel.threads, panel.close));
  (figure.querySelector(".exhibit-own") || figure.querySelector("figcaption")).before(panel);
  return panel;
}

/* Measure for a few seconds more, and show what is known then. */
async function measure(figure, panel, experiment) {
  if (running) { if (owner !== panel) tell(panel, "Another figure is being timed: wait for it or cancel it."); return; }
  if (document.hidden) { tell(panel, "A tab in the background is slowed down: bring it to the front, then press again."); return; }
  const threads = Number(panel.threads.value), held = sessions.get(experiment) || kept(experiment);
  const session = held?.threads === threads ? held : { rows: new Map(), started: new Date().toISOString().replace(/\.\d+/, ""), seconds: 0, threads };
  busy(panel, true);
  panel.bar.value = 0;
  let measurement = null, watch = null, begun = performance.now();
  const hidden = () => { if (document.hidden) running?.stop("the tab went to the background, where browsers slow pages down"); };
  try {
    const [data, about] = await Promise.all([load(beside(`kernels/${experiment}.json`)), load(beside("kernels/modules.json"))]);
    if (session.digest && session.digest !== JSON.stringify(data.kernels)) { session.rows = new Map(); session.seconds = 0; }
    Object.assign(session, { data, digest: JSON.stringify(data.kernels) });
    owner = panel;
    running = measurement = new Measurement(data, about, beside("kernel_worker.js"), threads, session.rows);
    document.addEventListener("visibilitychange", hidden);
    watch = setInterval(() => { if (!figure.isConnected || !panel.isConnected) measurement.stop("cancelled"); }, 200);
    begun = performance.now();
    await measurement.run(Number(figure.dataset.seconds) || SECONDS, (share, what) => { panel.bar.value = share; panel.doing.textContent = what; });
  } catch (error) {
    if (!(error instanceof Stopped)) console.warn("kernels do not run here:", error);
    session.trouble = error instanceof Stopped ? `Stopped: ${error.message}.` : `That did not work here: ${error.message}.`;
  } finally {
    measurement?.stop("done");
    clearInterval(watch);
    document.removeEventListener("visibilitychange", hidden);
    running = owner = null;
  }
  session.seconds += (performance.now() - begun) / 1000;
  await shown(panel, experiment, session, measurement?.bits).catch(error => { session.trouble = `The result is not shown: ${error.message}.`; });
  busy(panel, false, session.text);
  const trouble = session.trouble ? `${session.trouble} ` : "";
  session.trouble = "";
  tell(panel, trouble + (session.text ? summary(session, measurement?.bits) : nothing(session)));
}

async function shown(panel, experiment, session) {
  if (![...session.rows.values()].some(row => row.samples)) return;
  session.text = await written(session.data, session.rows, session);
  sessions.set(experiment, session);
  try {
    sessionStorage.setItem(KEPT + experiment, JSON.stringify({ ...session, data: undefined, rows: [...session.rows] }));
  } catch { /* nothing is kept where that is forbidden, or full */ }
  if (panel.isConnected) await (await bring("dropped.js")).hold(session.text);
}

/* What an earlier page of this visit measured. */
function kept(experiment) {
  try {
    const held = JSON.parse(sessionStorage.getItem(KEPT + experiment));
    return held && { ...held, rows: new Map(held.rows) };
  } catch { return null; }
}

function nothing(session) {
  const why = [...new Set([...session.rows.values()].map(row => row.skipped))];
  return why.length ? `Nothing was timed: ${why.join("; ")}.` : "";
}

function summary(session, bits) {
  const rows = [...session.rows.values()].filter(row => row.samples), cases = new Set(rows.map(row => JSON.stringify(row.case))).size;
  const samples = rows.reduce((sum, row) => sum + row.samples.length, 0), drifted = rows.filter(row => Math.abs(row.drift) > 0.1).length;
  const proved = bits ? `results identical to the native kernels’ in ${bits} small calls, and ` : "results ";
  return `${cases} of ${session.data.cases.length} cases, ${samples} samples in ${session.seconds.toFixed(0)} s on ${session.threads === 1 ? "one thread" : `${session.threads} threads`}. `
    + `Checked: ${proved}within rounding of float64 in all. `
    + (drifted ? `${drifted} of ${rows.length} rows changed by more than a tenth while they were measured: something else was running, or the clock changed, so take them as rough. ` : "")
    + "These kernels use vectors of four numbers, without fused multiply-add or BLAS; a browser does not tell its processor.";
}

function tell(panel, words) {
  panel.said.textContent = words;
  panel.doing.textContent = "";
  say(words);
}

function busy(panel, on, text) {
  for (const [one, there] of [[panel.bar.parentElement, on], [panel.cancel, on], [panel.more, !on], [panel.threads, !on], [panel.save, !on && text], [panel.close, !on]]) one.hidden = !there;
  if (on) panel.said.textContent = `Kernels compiled from their own source are checked and timed in this browser, for about ${SECONDS} seconds and longer on a slow machine. Nothing is sent.`;
}

function save(experiment) {
  const link = make("a", { href: URL.createObjectURL(new Blob([sessions.get(experiment).text], { type: "application/json" })), download: `${experiment}.json` });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}
