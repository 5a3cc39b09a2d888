/* The reader's own run beside ours: at every figure of its experiment a table of the rows that both have and, in a live
   chart, a cross for each point that is the very median of one of our rows. What a figure works out from several rows,
   Python has drawn; no cross is put where this script would have to guess. */
import { build, call } from "./machines.js";
import { ours as ourRun } from "./run.js";

const { bring, enhance, live, load, make, wake } = window.attnsite;
const MOST_ROWS = 600;
let runs = new Map(); // experiment -> the reader's run
const watched = new WeakSet();

const experiment = figure => figure.querySelector("[data-run]")?.getAttribute("href").match(/([\w]+)\.json$/)?.[1];

export async function apply(own) {
  runs = own;
  for (const figure of document.querySelectorAll("figure.exhibit[data-machine]")) {
    const run = runs.get(experiment(figure)), state = live.get(figure);
    if (!run) { clear(figure, state); continue; }
    if (!watched.has(figure)) {
      watched.add(figure);
      figure.addEventListener("attnsite:shown", () => compare(figure).catch(error => console.warn("your run is not shown:", error)));
    }
    await compare(figure);
    if (!live.has(figure) && figure.matches(".is-chart") && figure.dataset.still !== "yes") wake(figure);
  }
}

function clear(figure, state) {
  figure.querySelector(".exhibit-own")?.remove();
  if (!state?.shown) return;
  state.shown = null;
  bring("live.js").then(({ show }) => show(figure, state));
}

async function compare(figure) {
  const yours = runs.get(experiment(figure));
  if (!yours) return;
  const address = figure.querySelector("[data-run]").href;
  const data = await load(address);
  if (figure.querySelector("[data-run]").href !== address || runs.get(experiment(figure)) !== yours) return;
  const ours = ourRun(data);
  const both = matched(ours, yours);
  const state = live.get(figure);
  let crosses = null;
  if (state?.chart && state.spec) {
    const made = crossed(state.spec, ours, both);
    crosses = made.count;
    state.shown = made.count ? made.spec : null;
    (await bring("live.js")).show(figure, state);
  }
  section(figure, ours, yours, both, crosses);
}

/* The quantities that both runs have: { row, name, ours, yours }. */
function matched(ours, yours) {
  const theirs = new Map(yours.rows.map(row => [row.key, row]));
  return ours.rows.flatMap(row => [...row.quantities].flatMap(([name, value]) => {
    const own = theirs.get(row.key)?.quantities.get(name);
    return own === undefined ? [] : [{ row, name, ours: value, yours: own }];
  }));
}

// --- in the chart --------------------------------------------------------------------------------------------

const same = (a, b) => typeof a === "number" && Math.abs(a - b) <= 6e-6 * Math.abs(b); // charts keep six digits

export function crossed(spec, ours, both) {
  const medians = ours.rows.flatMap(row => (row.quantities.has("") ? [row.quantities.get("")] : []));
  const sure = both.filter(one => one.name === "" && medians.filter(other => same(other, one.ours)).length === 1);
  const bars = spec.data.filter(trace => trace.type === "bar").flatMap(trace => (trace.orientation === "h" ? trace.y : trace.x));
  let count = 0;
  const added = [], reach = { x: [], y: [] };
  for (const trace of spec.data) {
    if (["skip", "name"].includes(trace.hoverinfo) || !Array.isArray(trace.x) || !Array.isArray(trace.y)) continue;
    const level = trace.orientation === "h", [values, places] = level ? [trace.x, trace.y] : [trace.y, trace.x];
    const found = values.flatMap((value, at) => {
      if (trace.type === "bar" && bars.filter(place => place === places[at]).length > 1) return []; // a part of a pile
      const one = sure.find(candidate => same(value, candidate.ours));
      return one ? [{ place: places[at], ...one }] : [];
    });
    if (!found.length) continue;
    count += found.length;
    const given = found.map(one => one.yours), at = found.map(one => one.place);
    const colour = typeof trace.marker?.color === "string" ? trace.marker.color : "{{ink}}";
    reach[level ? "x" : "y"].push(...given);
    added.push({ type: "scatter", mode: "markers", name: "yours", cliponaxis: false, x: level ? given : at, y: level ? at : given,
      marker: { symbol: "x-thin-open", size: 12, color: colour, line: { color: colour, width: 3 } }, hoverinfo: "text",
      hovertext: found.map(one => `yours${trace.name ? `, ${trace.name}` : ""}: ${shown(one.yours, ours.kind)}<br>${ratio(one)} ours`) });
  }
  const layouts = Object.fromEntries(Object.entries(spec.layouts).map(([size, layout]) =>
    [size, { ...layout, xaxis: wider(layout.xaxis, reach.x), yaxis: wider(layout.yaxis, reach.y) }]));
  return { count, spec: { ...spec, layouts, data: [...spec.data, ...added] } };
}

/* The axis with room for what is added. */
function wider(axis, values) {
  if (!values.length || !axis?.range) return axis;
  const places = values.filter(value => axis.type !== "log" || value > 0).map(value => (axis.type === "log" ? Math.log10(value) : value));
  const pad = 0.04 * Math.abs(axis.range[1] - axis.range[0]);
  const [low, high] = [Math.min(...axis.range, ...places.map(p => p - pad)), Math.max(...axis.range, ...places.map(p => p + pad))];
  const least = axis.type !== "log" && Math.min(...axis.range) === 0 ? 0 : low;
  return { ...axis, range: axis.range[0] <= axis.range[1] ? [least, high] : [high, least] };
}

// --- below it ------------------------------------------------------------------------------------------------

const UNITS = { timing: [[1, "s"], [1e-3, "ms"], [1e-6, "µs"], [1e-9, "ns"]], memory: [[2 ** 30, "GiB"], [2 ** 20, "MiB"], [1024, "KiB"], [1, "B"]] };

function shown(value, kind) {
  const [size, unit] = UNITS[kind]?.find(([least]) => value >= least) || UNITS[kind]?.at(-1) || [1, ""];
  const digits = Number((value / size).toPrecision(3));
  return unit ? `${digits}\u202f${unit}` : `${digits}`;
}
const ratio = one => (one.ours > 0 ? `${Number((one.yours / one.ours).toPrecision(3))}×` : "–");
const cut = value => { const text = Array.isArray(value) ? value.join(" ") : String(value ?? "–"); return text.length > 60 ? `${text.slice(0, 59)}…` : text; };

function section(figure, ours, yours, both, crosses) {
  const old = figure.querySelector(".exhibit-own");
  const remove = make("button", { type: "button" }, "Remove your run");
  remove.addEventListener("click", () => { figure.querySelector(".exhibit-go, [data-act]")?.focus(); bring("dropped.js").then(({ forget }) => forget(yours.experiment)); });
  const box = make("section", { className: "exhibit-own", "aria-label": `Your run beside ours: ${figure.querySelector("[data-text=title]").textContent}`, "data-search-exclude": "" },
    make("p", {}, make("strong", {}, `Your run on ${call(yours.machine)}`), ` (${yours.sweep} sweep, ${cut(yours.started)}) beside ${call(ours.machine)}: ${summary(both, ours.kind)} `, remove),
    make("p", { className: "exhibit-made" }, `${chart(figure, crosses, both.length)} The file is read in this browser and sent nowhere.`));
  box.dataset.experiment = yours.experiment;
  if (old) old.replaceWith(box); else figure.querySelector("figcaption").before(box);
  if (both.length) {
    const table = build(...rows(both, ours, yours), "Your run beside ours, row by row");
    box.append(make("details", { className: "exhibit-rows", open: old?.querySelector("details")?.open ?? crosses === 0 },
      make("summary", {}, "Row by row"), make("div", { className: "scrolls" }, table)));
    enhance(table);
  }
}

function summary(both, kind) {
  if (!both.length) return "no row of yours asks what one of ours asks: measure it again, with the site's own version.";
  const logs = both.filter(one => one.ours > 0 && one.yours > 0).map(one => Math.log(one.yours / one.ours));
  if (!["timing", "memory"].includes(kind)) {
    const away = both.map(one => (one.ours === one.yours ? 0 : Math.abs(one.yours - one.ours) / Math.abs(one.ours)));
    const other = away.filter(share => !(share <= 1e-9));
    const most = Math.max(...other), told = Number((100 * most).toPrecision(2));
    const rest = !other.length ? "" : Number.isFinite(most) ? `, and the others differ by at most ${told}%` : "";
    return `${both.length - other.length} of ${both.length} numbers are the same${rest}.`;
  }
  if (!logs.length) return `of ${both.length} rows that both have none is above zero in both, so that there is no ratio.`;
  const mean = Number(Math.exp(logs.reduce((sum, one) => sum + one, 0) / logs.length).toPrecision(3));
  return `${kind === "timing" ? "yours takes" : "yours needs"} ${mean}× ours in the geometric mean of ${logs.length === 1 ? "the one row" : `the ${logs.length} rows`} that both have.`;
}

function chart(figure, crosses, count) {
  if (!figure.matches(".is-chart") || !count) return "";
  if (crosses === null) return "Crosses stand in the chart once it is explored.";
  if (!crosses) return "The chart shows what is worked out from several rows, so yours is in the table alone.";
  return `A cross in the chart is yours: ${crosses === 1 ? "one point is" : `${crosses} points are`} the median of one row.`;
}

function rows(both, ours, yours) {
  const fields = [...new Set(both.flatMap(one => [...one.row.case.keys()]))]
    .filter(name => new Set(both.map(one => cut(one.row.case.get(name)))).size > 1);
  const has = part => both.some(one => one.row[part] !== null), several = both.some(one => one.name);
  const columns = [...(has("kernel") ? ["kernel"] : []), ...fields.map(name => name.replaceAll("_", " ")), ...(has("stage") ? ["step"] : []),
    ...(several ? ["what"] : []), call(ours.machine), `yours (${cut(call(yours.machine))})`, "yours / ours"];
  const lines = both.slice(0, MOST_ROWS).map(one => [
    ...(has("kernel") ? [[cut(one.row.kernel), ""]] : []),
    ...fields.map(name => { const value = one.row.case.get(name); return [cut(value), typeof value === "number" ? value : ""]; }),
    ...(has("stage") ? [[one.row.stage ?? "whole call", ""]] : []), ...(several ? [[cut(one.name), ""]] : []),
    [shown(one.ours, ours.kind), one.ours], [shown(one.yours, ours.kind), one.yours],
    [ratio(one), one.ours > 0 ? one.yours / one.ours : null]]);
  return [columns, lines];
}
