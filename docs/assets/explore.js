/* A live chart, read and changed: one hover reads every series at that place, a zoomed chart keeps its names and gets
   ticks of its own, and a series is switched off and on by its name. `live.js` loads this with the first chart. */
import { zoomOf } from "./opened.js";
import { text } from "./quantity.js";

const { NARROW, live, make } = window.attnsite;
const COARSE = matchMedia("(pointer: coarse)");

export const named = name => String(name ?? "").replace(/<br>/g, " ").replace(/<[^>]*>/g, "").replace(/\s+/g, " ").trim();
const same = (a, b) => a === b || (typeof a === "number" && typeof b === "number" && Math.abs(a - b) <= 1e-6 * Math.max(Math.abs(a), Math.abs(b)));

/* The traces that are series: not their bands, nor the lines of reference, of which nothing but the name can be read. */
const isSeries = trace => !!trace.name && !trace.name.endsWith(", key") && !["skip", "name"].includes(trace.hoverinfo) && Array.isArray(trace.x) && Array.isArray(trace.y);
const lying = trace => trace.orientation === "h";
const places = trace => (lying(trace) ? trace.y : trace.x);
const values = trace => (lying(trace) ? trace.x : trace.y);

/* Along which axis series can be compared: "x" or "y" where half of the places are shared by two of them, else none. */
export function compared(traces) {
  const mine = traces.filter(isSeries);
  const across = mine.filter(lying).length * 2 > mine.length ? "y" : "x";
  const counts = new Map();
  for (const trace of mine) for (const place of new Set(places(trace))) counts.set(place, (counts.get(place) || 0) + 1);
  const shared = [...counts.values()].filter(count => count > 1).length;
  return new Set(mine.map(trace => trace.name)).size > 1 && shared * 2 >= counts.size ? across : null;
}

// --- numbers of an axis ------------------------------------------------------------------------------------------

const trimmed = number => number.replace(/(?:\.|(\.\d*?[1-9]))0+(?!\d)/, "$1");
const signed = tell => value => (value < 0 ? `−${tell(-value)}` : tell(value));
const UNITS = ["1", "%", "×", "s", "B", "FLOP", "FLOP/s", "B/s", "parameters"];
const tokens = digits => value => {
  for (const [step, letter] of [[2 ** 20, "M"], [2 ** 10, "k"]]) {
    const count = Math.round(value / step);
    if (count && Math.abs(count * step - value) < 1e-5 * value) return `${count}${letter}`; // charts have six digits
  }
  return String(Number(value.toPrecision(Number.isInteger(value) ? digits + 3 : digits)));
};
const power = (value, places) => {
  const [digits, exponent] = value.toExponential(places).split("e");
  const size = `10${String(Number(exponent)).replace(/[-\d]/g, sign => "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"["-0123456789".indexOf(sign)])}`;
  return Number(digits) === 1 ? size : `${trimmed(digits)}×${size}`;
};

/* How an axis writes its numbers, from the ticks that it has, with so many digits; undefined where they are words. */
export function writer({ tickvals = [], ticktext = [] }, digits = 3) {
  const known = tickvals.map((value, at) => [value, ticktext[at]]).filter(([value, word]) => word && typeof value === "number");
  if (!known.length) return undefined;
  const suffix = /\u202f(\D.*)$/.exec(known.find(([value]) => value)?.[1] || "")?.[1];
  const write = (value, unit) => trimmed(text(value, unit, digits));
  const units = UNITS.map(unit => signed(value => (value === 0 && unit !== "%" ? "0" : write(value, unit))));
  const ways = [tokens(digits), ...units, signed(value => (value && value < 1e-2 ? power(value, digits - 2) : write(value))),
    ...(suffix ? [signed(value => (value ? `${write(value)}\u202f${suffix}` : "0"))] : [])];
  return ways.find(way => known.every(([value, word]) => way(value) === word));
}

/* Ticks for a range of an axis, in its own values: those it has where three are in view, else places that were
   measured, where the axis shows such, else round numbers. `apart` is the least share of the range between two. */
export function ticks(axis, range, measured, apart) {
  const log = axis.type === "log", from = value => (log ? 10 ** value : value), to = value => (log ? Math.log10(value) : value);
  const [first, last] = [...range].sort((a, b) => a - b), inside = value => to(value) >= first - 1e-9 && to(value) <= last + 1e-9;
  const words = new Map((axis.tickvals || []).map((value, at) => [value, (axis.ticktext || [])[at]]));
  const tell = writer(axis), kept = [...words.keys()].filter(inside);
  if (kept.length >= 3 || !tell) return { vals: kept, texts: kept.map(value => words.get(value)) };
  const cases = [...new Set(measured)].filter(value => typeof value === "number" && inside(value)).sort((a, b) => a - b);
  const own = [...words.keys()].every(value => measured.some(one => same(one, value)));
  const halves = value => Math.abs(Math.log2(value) - Math.round(Math.log2(value))) < 1e-4;
  const rounds = !log ? [] : [...words.keys()].every(halves) ? [binary(first, last, [1]), binary(first, last, [1, 1.5]), binary(first, last, [1, 1.25, 1.5, 1.75])]
    : [round(first, last, [1, 2, 5]), round(first, last, [1, 1.5, 2, 3, 4, 5, 7])];
  const choices = [...(own ? [cases] : []), ...rounds, ...[5, 8, 12].map(count => steps(from(first), from(last), count))];
  const spread = choices.map(found => loose(found.filter(inside), value => (to(value) - first) / (last - first), apart));
  const vals = spread.find(found => found.length >= 3) || spread.reduce((a, b) => (b.length > a.length ? b : a), kept);
  for (let digits = 3; ; digits += 1) { // a small window needs more of them to tell its ticks apart
    const way = writer(axis, digits) || tell, texts = vals.map(value => words.get(value) || way(value));
    if (digits === 9 || new Set(texts).size === texts.length) return { vals, texts };
  }
}

const round = (first, last, digits) => {
  const found = [];
  for (let exponent = Math.floor(first); exponent <= last; exponent += 1) found.push(...digits.map(digit => Number(`${digit}e${exponent}`)));
  return found;
};

const binary = (first, last, parts) => {
  const found = [], low = Math.floor(Math.log2(10 ** first)), high = Math.log2(10 ** last);
  for (let exponent = low; exponent <= high && found.length < 200; exponent += 1) found.push(...parts.map(part => part * 2 ** exponent));
  return found;
};

const steps = (low, high, about) => {
  const rough = (high - low) / about, size = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map(times => times * size).find(one => one >= rough * 0.999);
  const first = Math.ceil(low / step - 1e-9), count = Math.floor(high / step + 1e-9) - first + 1;
  return Array.from({ length: Math.max(0, Math.min(count, 50)) }, (_, at) => Number(((first + at) * step).toPrecision(12)));
};

const loose = (found, share, apart) => {
  const kept = [];
  for (const value of found) if (!kept.length || share(value) - share(kept.at(-1)) >= apart) kept.push(value);
  return kept;
};

// --- zoom --------------------------------------------------------------------------------------------------------

const shown = state => state.shown || state.spec;
const layoutOf = (state, name) => shown(state).layouts[name];

/* Where the line or the marks of a trace can be named within a window: [x, y, whether the right edge cuts it] in the
   axes' coordinates; null where nothing of it is in view. */
export function seenEnd(points, [x0, x1, y0, y1], joined) {
  const within = ([x, y]) => x >= Math.min(x0, x1) && x <= Math.max(x0, x1) && y >= y0 && y <= y1;
  const right = Math.max(x0, x1) === x1 ? 1 : -1;
  const sorted = [...points].sort((a, b) => right * (a[0] - b[0]));
  for (let at = sorted.length - 1; at >= 0; at -= 1) {
    const here = sorted[at], before = sorted[at - 1];
    if (within(here)) return [...here, false];
    if (!joined || !before) continue;
    const [dx, dy] = [here[0] - before[0], here[1] - before[1]];
    const cuts = [(x1 - before[0]) / dx, (y0 - before[1]) / dy, (y1 - before[1]) / dy, (x0 - before[0]) / dx];
    const found = cuts.filter(share => share >= 0 && share <= 1).map(share => [before[0] + share * dx, before[1] + share * dy, share === cuts[0]])
      .filter(([x, y]) => within([Math.abs(x - x1) < 1e-9 * Math.abs(x1 - x0) ? x1 : x, y]) || Math.min(Math.abs(y - y0), Math.abs(y - y1)) < 1e-9 * (y1 - y0) && x >= Math.min(x0, x1) && x <= Math.max(x0, x1));
    if (found.length) return found.reduce((a, b) => (right * (b[0] - a[0]) > 0 ? b : a));
  }
  return null;
}

const NAMES = new Set(["label", "end"]); // annotations that may name a series, beside it or at its end

/* The labels of a zoomed chart: those whose place is out of view go to the end of what is seen of their series. */
function moved(state, own, window, height) {
  const [x0, x1, y0, y1] = window, log = axis => own[axis].type === "log";
  const place = (axis, value) => (log(axis) ? Math.log10(value) : value);
  const inView = a => (a.x - x0) * (a.x - x1) <= 0 && a.y >= y0 && a.y <= y1;
  const { _offset: left, _length: wide } = state.chart._fullLayout.xaxis, type = state.chart._fullLayout.font.size;
  const stands = a => { // whether its words, as wide as they may be, lie within the chart beside their place
    const words = 0.66 * type * Math.max(...a.text.split("<br>").map(line => named(line).length));
    const from = left + ((a.x - x0) / (x1 - x0)) * wide + (a.xshift || 0) - words * ({ left: 0, center: 0.5, right: 1 }[a.xanchor] ?? 0.5);
    const y = ((a.y - y0) / (y1 - y0)) * height + (a.yshift || 0);
    return from >= 0 && from + words <= state.chart._fullLayout.width && y >= type && y <= height - type;
  };
  const margin = [], labels = own.annotations.map(label => {
    if (!NAMES.has(label.name) || label.xref !== "x" || label.yref !== "y") return label;
    const trace = shown(state).data.find(one => named(one.name) === named(label.text) && Array.isArray(one.x));
    const atEnd = label.xanchor === "left";
    if (inView(label) && (atEnd || stands(label))) { if (atEnd) margin.push({ ...label }); return atEnd ? margin.at(-1) : label; }
    if (!trace || trace.type === "bar" || typeof trace.x[0] !== "number") return label;
    const points = trace.x.map((x, at) => [place("xaxis", x), place("yaxis", trace.y[at])]).filter(point => point.every(Number.isFinite));
    const end = seenEnd(points, window, /lines/.test(trace.mode || "lines"));
    if (!end) return { ...label, visible: false };
    const [x, y, cut] = end;
    const rightward = !cut && !stands({ ...label, x, y, xanchor: "right", xshift: -4, yshift: 0, text: named(label.text) });
    const fresh = { ...label, x, y, xanchor: cut || rightward ? "left" : "right", xshift: cut ? 9 : rightward ? 4 : -4, yshift: 0, yanchor: "middle", text: cut ? label.text : named(label.text) };
    if (cut) margin.push(fresh); else Object.assign(fresh, y > (y0 + y1) / 2 ? { yanchor: "top", yshift: -6 } : { yanchor: "bottom", yshift: 6 });
    return fresh;
  });
  margin.sort((a, b) => a.y - b.y);
  const size = ((y1 - y0) * 15) / height; // of a line of type
  let floor = y0 - size / 2;
  for (const label of margin) {
    const lines = label.text.split("<br>").length * size;
    label.y = Math.max(label.y, floor + lines / 2);
    floor = label.y + lines / 2;
  }
  let ceiling = y1 + size / 2;
  for (const label of [...margin].reverse()) {
    const lines = label.text.split("<br>").length * size;
    label.y = Math.min(label.y, ceiling - lines / 2);
    ceiling = label.y - lines / 2;
  }
  return labels;
}

const faded = (state, labels) => labels.map(label => {
  const its = NAMES.has(label.name) && state.series?.has(named(label.text));
  return its ? { ...label, captureevents: true, opacity: state.off.has(named(label.text)) ? 0.4 : 1 } : label;
});

/* Ticks, labels and switched-off series as the window of the chart wants them; after every drawing and every zoom. */
export async function adapt(state) {
  const { chart } = state;
  if (!chart?._fullLayout?.xaxis || state.adapting) return;
  state.adapting = true;
  try {
    const own = layoutOf(state, state.name), ranges = zoomOf(state), change = {};
    const full = chart._fullLayout, type = full.font.size;
    const [wide, high] = [full.xaxis._length, full.yaxis._length];
    for (const [axis, length] of [["xaxis", wide], ["yaxis", high]]) {
      if (!own[axis]) continue; // Plotly chose all of it
      const room = axis === "xaxis" ? (7 * type * 0.6) / length : (1.6 * type) / length;
      const data = axis === "xaxis" ? shown(state).data.filter(isSeries).flatMap(trace => trace.x) : [];
      const found = ranges ? ticks(layoutOf(state, "wide")[axis], chart.layout[axis].range, data, room) : { vals: own[axis].tickvals, texts: own[axis].ticktext };
      Object.assign(change, { [`${axis}.tickvals`]: found.vals, [`${axis}.ticktext`]: found.texts });
    }
    change.annotations = faded(state, ranges ? moved(state, state.painted, ranges, high) : state.painted.annotations || []);
    await window.Plotly.relayout(chart, change);
    whole(state, ranges);
    const off = chart.data.map((trace, at) => [trace, at]).filter(([trace]) => (trace.visible === "legendonly") !== hides(state, trace));
    if (off.length) {
      await window.Plotly.restyle(chart, { visible: off.map(([trace]) => (hides(state, trace) ? "legendonly" : true)) }, off.map(([, at]) => at));
    }
  } finally {
    state.adapting = false;
  }
}

/* The way back from a zoomed chart for fingers, which have no double click and no bar of buttons. */
function whole(state, zoomed) {
  const { chart } = state, has = chart.querySelector(".whole-chart");
  if (!COARSE.matches || Boolean(zoomed) === Boolean(has)) return;
  if (has) { has.remove(); return; }
  const button = make("button", { type: "button", className: "whole-chart" }, "Whole chart");
  button.addEventListener("click", () => {
    const { xaxis, yaxis } = layoutOf(state, "wide");
    window.Plotly.relayout(chart, { "xaxis.range": [...xaxis.range], "yaxis.range": [...yaxis.range] });
  });
  chart.append(button);
}

// --- series off and on -------------------------------------------------------------------------------------------

/* A series with its band, its seeds, its mark in a legend and its line of reference, which has the name in its own. */
const AGAIN = /^, (?:middle half|interquartile.*|seeds|key|ends)$/, AGAIN_AT_END = /, (?:seeds|ends)$/;
const within = (words, name) => ` ${words} `.replace(/,/g, " ").includes(` ${name.split(",")[0]} `);
const belongs = (trace, name) => {
  const own = named(trace.name);
  return own === name || (own.startsWith(name) && AGAIN.test(own.slice(name.length))) || (!isSeries(trace) && within(own, name));
};
const hides = (state, trace) => [...(state.off || [])].some(name => belongs(trace, name));

function turn(figure, state, name, on) {
  if (on) state.off.delete(name); else state.off.add(name);
  const box = [...state.chart.querySelectorAll(".series-list input")].find(one => one.value === name);
  if (box) box.checked = on;
  unread(state);
  return adapt(state);
}

const colourOf = trace => [trace.line?.color, trace.marker?.color].flat().find(colour => typeof colour === "string" && colour) || "currentColor";
const DASHES = { dot: "dotted", dash: "dashed", dashdot: "dashed" };

function swatch(trace) {
  const mark = make("span", { className: "series-swatch" });
  const lines = trace.type !== "bar" && /lines/.test(trace.mode || "lines");
  mark.style.borderTop = `${lines ? 3 : 10}px ${(lines && DASHES[trace.line?.dash]) || "solid"} ${colourOf(trace)}`;
  return mark;
}

/* A list of the series with a box each, folded into a corner of the chart. */
function list(figure, state) {
  state.chart.querySelector(".series-list")?.remove();
  const traces = state.chart.data.filter(isSeries), first = new Map();
  const names = new Set(traces.map(trace => named(trace.name)));
  for (const trace of traces) {
    const name = named(trace.name), other = name.replace(AGAIN_AT_END, "");
    if (!first.has(name) && (other === name || !names.has(other))) first.set(name, trace);
  }
  state.series = new Set(first.size > 1 ? first.keys() : []);
  state.off = new Set([...(state.off || [])].filter(name => state.series.has(name)));
  if (first.size < 2) return;
  const boxes = [...first].map(([name, trace]) => {
    const box = make("input", { type: "checkbox", value: name, checked: !state.off.has(name) });
    box.addEventListener("change", () => turn(figure, state, name, box.checked));
    return make("label", {}, box, swatch(trace), make("span", {}, name));
  });
  const folded = make("details", { className: "series-list" }, make("summary", {}, "Series"), make("div", { role: "group", "aria-label": "Series that are shown" }, ...boxes));
  folded.addEventListener("keydown", event => { if (event.key === "Escape" && folded.open) { folded.open = false; folded.querySelector("summary").focus(); event.stopPropagation(); } });
  const away = event => { if (!folded.contains(event.target)) folded.open = false; };
  folded.addEventListener("toggle", () => { document[`${folded.open ? "add" : "remove"}EventListener`]("pointerdown", away); });
  state.chart.append(folded);
}

// --- reading -----------------------------------------------------------------------------------------------------

/* The value of a point in a few words: what its label says behind the place, else its number as the axis writes it. */
export function valueOf(hover, value, tell) {
  const lines = String(hover ?? "").split("<br>");
  const line = lines.find(one => one.includes(": ")) ?? (lines.length > 1 ? lines.at(-1) : "");
  return line.split(": ").at(-1).trim() || (tell ? tell(value) : String(value));
}

const textAt = (trace, at) => [trace.hovertext ?? trace.text].flat()[Array.isArray(trace.hovertext ?? trace.text) ? at : 0];

/* Every series at one place, from the top of the chart down: [trace, index, value in words]. Where a series has several
   marks there, each of them is meant that the pointer is nearest to, with how many there are. */
export function read(state, place, pointed = null) {
  const tell = writer(layoutOf(state, "wide")[state.across === "y" ? "xaxis" : "yaxis"] || {});
  const found = [];
  state.chart.data.forEach((trace, curve) => {
    if (!isSeries(trace) || hides(state, trace)) return;
    const all = places(trace).flatMap((one, at) => (same(one, place) && values(trace)[at] !== null ? [at] : []));
    if (!all.length) return;
    const away = at => (pointed === null ? 0 : Math.abs(pointed(values(trace)[at])));
    const at = all.reduce((a, b) => (away(b) < away(a) ? b : a));
    const told = valueOf(textAt(trace, at), values(trace)[at], tell);
    found.push({ trace, curve, at, away: away(at), value: values(trace)[at], told: all.length > 1 ? `${told}, one of ${all.length}` : told });
  });
  return found.sort((a, b) => b.value - a.value);
}

/* How far a value of the chart is from the pointer, in pixels; null where the pointer is not known. */
function pointer({ chart, across }, event, point) {
  if (!event || event.clientX === undefined) return null;
  const box = chart.querySelector(".main-svg").getBoundingClientRect(), scale = box.width / chart._fullLayout.width;
  const axis = across === "y" ? point.xaxis : point.yaxis;
  const at = across === "y" ? (event.clientX - box.left) / scale : (event.clientY - box.top) / scale;
  return value => axis._offset + axis.d2p(value) - at;
}

/* The point of an event that the pointer is nearest to; a line of reference only where nothing else is there. */
export function nearest({ points: all, event }, chart) {
  const series = all.filter(({ data }) => isSeries(data)), points = series.length ? series : all;
  if (points.length < 2 || !event) return points[0];
  const box = chart.querySelector(".main-svg").getBoundingClientRect(), scale = box.width / chart._fullLayout.width;
  const away = ({ x, y, xaxis, yaxis }) => Math.hypot(xaxis._offset + xaxis.d2p(x) - (event.clientX - box.left) / scale,
    yaxis._offset + yaxis.d2p(y) - (event.clientY - box.top) / scale);
  return points.reduce((a, b) => (away(b) < away(a) ? b : a));
}

/* What one point says, in a box of its own: Plotly's own lie upon the marks, are cut at the edge, cut off names, and
   beside a bar they are turned. */
function tells(state, point) {
  const { chart } = state, { xaxis, yaxis, data } = point;
  const own = String(textAt(data, point.pointNumber) ?? "").split("<br>").map(named).filter(Boolean);
  const axis = state.across === "y" ? "xaxis" : "yaxis", tell = writer(layoutOf(state, "wide")[axis] || {});
  const value = axis === "xaxis" ? point.x : point.y;
  const [head, ...more] = own.length ? own : [named(data.name), tell ? tell(value) : String(value)];
  if (!head) return;
  const box = make("div", { className: "reading-box is-told", "aria-hidden": "true" },
    make("p", {}, head), ...more.map(line => make("p", { className: "is-line" }, line)));
  put(box, chart);
  chart.classList.add("is-read");
  stand(box, chart._fullLayout, xaxis._offset + xaxis.d2p(point.x), yaxis._offset + yaxis.d2p(point.y));
}

const SENTENCE = 16; // letters of a value above which it stands below its name

/* Upon the chart; on a phone's page below it, where it stays until the next: there it would hide half of what it reads. */
function put(box, chart) {
  const stage = chart.parentElement;
  if (!COARSE.matches || !NARROW.matches || stage.closest("dialog")) { chart.append(box); return; }
  box.classList.add("is-below");
  stage.after(box);
}

/* Into the corner that is farthest from a place of the chart. */
function aside(box, full, px, py) {
  box.style.left = `${px < full.width / 2 ? full.width - box.offsetWidth - 2 : 2}px`;
  box.style.top = `${py < full.height / 2 ? full.height - box.offsetHeight - 2 : 2}px`;
}

/* Beside a place of the chart and within it; of a finger in the corner that is farthest from it. */
function stand(box, full, px, py) {
  if (COARSE.matches) { aside(box, full, px, py); return; } // the lines at the place stay in sight, and the finger beside the box
  const [wide, high] = [box.offsetWidth, box.offsetHeight], left = px + 14 + wide <= full.width ? px + 14 : px - 14 - wide;
  box.style.left = `${Math.max(2, Math.min(left, full.width - wide - 2))}px`;
  box.style.top = `${Math.max(2, Math.min(py - high / 2, full.height - high - 2))}px`;
}

function reads(state, event) {
  const { chart } = state, point = nearest(event, chart), place = state.across === "y" ? point.y : point.x;
  const pointed = pointer(state, event.event, point), rows = state.across ? read(state, place, pointed) : [];
  const near = pointed && rows.length ? rows.reduce((a, b) => (b.away < a.away ? b : a)).curve : point.curveNumber;
  unread(state);
  if (rows.length < 2) { tells(state, point); return; }
  const { xaxis, yaxis } = point, full = chart._fullLayout, axis = layoutOf(state, "wide")[state.across === "y" ? "yaxis" : "xaxis"] || {};
  const tick = (axis.tickvals || []).findIndex(value => same(value, place));
  const title = axis.title?.text || "";
  const head = (tick >= 0 && axis.ticktext[tick]) || writer(axis)?.(place) || String(place);
  const box = make("div", { className: "reading-box", "aria-hidden": "true" },
    make("p", {}, title && state.across === "x" ? `${named(title)}: ${head}` : named(head)),
    ...rows.map(({ trace, curve, at, told }) => {
      const row = make("p", { className: `${curve === near ? "is-nearest" : ""} ${told.length > SENTENCE ? "is-long" : ""}` }, swatch(trace), make("span", {}, named(trace.name)), make("b", {}, told));
      const more = curve === near && String(textAt(trace, at) ?? "").split("<br>").slice(1).filter(line => !line.includes(told)).map(line => line.replace(/,$/, "")).join("; ");
      if (more) row.append(make("small", {}, more));
      return row;
    }));
  const rule = make("div", { className: "reading-rule" });
  const at = state.across === "y" ? yaxis._offset + yaxis.d2p(place) : xaxis._offset + xaxis.d2p(place);
  Object.assign(rule.style, state.across === "y" ? { left: `${xaxis._offset}px`, width: `${xaxis._length}px`, top: `${at}px`, height: "1px" }
    : { left: `${at}px`, width: "1px", top: `${yaxis._offset}px`, height: `${yaxis._length}px` });
  chart.append(rule);
  put(box, chart);
  chart.classList.add("is-read");
  stand(box, full, xaxis._offset + xaxis.d2p(point.x), yaxis._offset + yaxis.d2p(point.y));
}

export function unread({ chart }) {
  if (!chart) return;
  chart.classList.remove("is-read");
  for (const part of [...chart.querySelectorAll(".reading-box, .reading-rule"), ...(chart.closest("figure")?.querySelectorAll(".is-below") || [])]) part.remove();
}

// --- all of it ---------------------------------------------------------------------------------------------------

/* After a chart was drawn, for the first time or anew. */
export async function attach(figure, state) {
  const { chart } = state;
  if (!chart || live.get(figure) !== state) return;
  list(figure, state);
  if (!state.explored) {
    state.explored = true;
    chart.on("plotly_hover", event => { reads(state, event); });
    chart.addEventListener("click", event => setTimeout(() => { // of some taps Plotly tells nothing, though it shows them
      if (COARSE.matches && chart._hoverdata?.length) reads(state, { points: chart._hoverdata, event });
    }, 50));
    chart.on("plotly_unhover", () => { if (!chart.closest("figure")?.querySelector(".is-below")) unread(state); });
    chart.on("plotly_relayout", () => {
      const { width, height, xaxis, yaxis } = chart._fullLayout, place = [width, height, xaxis.range, yaxis.range].join();
      if (place !== state.place) { window.Plotly.Fx.unhover(chart); unread(state); } // what was read has moved
      state.place = place; // of a tap Plotly says the same once more: it takes it for two
      adapt(state);
    });
    chart.on("plotly_clickannotation", ({ annotation }) => {
      const name = named(annotation.text);
      if (state.series.has(name)) turn(figure, state, name, state.off.has(name));
    });
  }
  await adapt(state);
}
