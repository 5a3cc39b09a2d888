/* What is pointed at in a live chart, found again: its row in the data table, and its place in the page's other live
   charts over the same quantity. The other way round, a row that is pointed at, or reached by key, marks its point.
   A point and a row belong together when the row holds the point's value, and its place too where several do. */
import { nearest } from "./explore.js";

const { enhance, live } = window.attnsite;
const AT_MOST = 3; // rows for one point: with more of them the value says too little
const wired = new WeakMap(); // chart or table -> what it was wired for

const same = (a, b) => typeof a === "number" && typeof b === "number" && Math.abs(a - b) <= 1e-5 * Math.abs(b);
const axis = (state, name) => state.spec.layouts.wide[name] || {}; // which has the text of more of the ticks

/* What stands at a place of an axis, as its tick says it; the number itself between ticks. */
const told = ({ tickvals = [], ticktext = [] }, at) => ticktext[tickvals.findIndex(tick => same(tick, at) || tick === at)] || at;

/* For every trace and point the rows that belong to it, and for every row its points. */
export function pairs(spec, axes) {
  const points = new Map(), rows = new Map();
  spec.data.forEach((trace, curve) => {
    if (["skip", "name"].includes(trace.hoverinfo) || !Array.isArray(trace.x) || !Array.isArray(trace.y)) return;
    const [values, places, ticks] = trace.orientation === "h" ? [trace.x, trace.y, axes.y] : [trace.y, trace.x, axes.x];
    values.forEach((value, number) => {
      const held = (wanted, row) => row.some(([text, cell]) => same(cell, wanted) || (typeof wanted === "string" && text === wanted));
      let found = spec.rows.flatMap((row, at) => (held(value, row) ? [at] : []));
      if (found.length > 1) {
        const text = told(ticks, places[number]);
        const wants = [text, Number(text), ...(ticks.type === "log" ? [places[number]] : [])];
        const closer = found.filter(at => wants.some(wanted => held(wanted, spec.rows[at])));
        if (closer.length) found = closer;
      }
      if (!found.length || found.length > AT_MOST) return;
      points.set(`${curve} ${number}`, found);
      for (const at of found) rows.set(at, [...(rows.get(at) || []), { curveNumber: curve, pointNumber: number }]);
    });
  });
  return { points, rows };
}

export function connect(figure, state) {
  const { chart, spec } = state;
  const table = figure.querySelector(".exhibit-data table");
  if (!chart || !table || wired.get(table) === chart && wired.get(chart) === spec) return;
  const links = state.links = pairs(spec, { x: axis(state, "xaxis"), y: axis(state, "yaxis") });
  if (wired.get(chart) === undefined) {
    chart.on("plotly_hover", event => reached(figure, state, nearest(event, chart)));
    chart.on("plotly_unhover", () => { marked(figure, []); others(figure, state, null); });
  }
  wired.set(chart, spec);
  if (wired.get(table) === chart) return;
  wired.set(table, chart);
  enhance(table); // rows have numbers from then on
  wire(figure, state, table);
  reachable(table, links);
}

/* The rows that have a point are one stop of the Tab key; the arrow keys go from one to the next. */
function reachable(table, links) {
  const mine = [...table.tBodies[0].rows].filter(row => links.rows.has(Number(row.dataset.at)));
  mine.forEach((row, at) => { row.tabIndex = at ? -1 : 0; });
  if (!mine.length) return;
  const hint = table.closest("details").querySelector(".linked-hint") || document.createElement("p");
  hint.className = "linked-hint";
  hint.id ||= `linked-${table.closest("figure").id}`;
  hint.textContent = "A row that is pointed at, or reached by the arrow keys, is marked in the chart, and the other way round.";
  table.closest(".scrolls").before(hint);
  for (const row of mine) row.setAttribute("aria-describedby", hint.id);
}

function wire(figure, state, table) {
  const point = row => { // the library tells of no hovering that it was asked for, so that is done here
    if (!state.chart.isConnected) return;
    const at = Number(row?.dataset.at), found = row && state.links.rows.get(at);
    if (found) window.Plotly.Fx.hover(state.chart, found.slice(0, 1)); else window.Plotly.Fx.unhover(state.chart);
    marked(figure, found ? [at] : []);
    const first = found?.[0];
    others(figure, state, first ? told(axis(state, "xaxis"), state.spec.data[first.curveNumber].x[first.pointNumber]) : null);
  };
  const body = table.tBodies[0];
  body.addEventListener("pointerover", event => point(event.target.closest("tr")));
  body.addEventListener("pointerleave", () => point(null));
  body.addEventListener("focusin", event => { if (event.target.matches("tr")) point(event.target); });
  body.addEventListener("focusout", () => point(null));
  body.addEventListener("keydown", event => {
    const row = event.target;
    if (!row.matches("tr")) return;
    const mine = [...body.rows].filter(one => one.hasAttribute("tabindex") && !one.hidden);
    const to = { ArrowDown: mine[mine.indexOf(row) + 1], ArrowUp: mine[mine.indexOf(row) - 1], Home: mine[0], End: mine.at(-1) }[event.key];
    if (!to) return;
    event.preventDefault();
    row.tabIndex = -1;
    to.tabIndex = 0;
    to.focus();
  });
}

function reached(figure, state, point) {
  const at = Array.isArray(point.pointNumber) ? point.pointNumber[0] : point.pointNumber;
  const rows = state.links.points.get(`${point.curveNumber} ${at}`) || [];
  marked(figure, rows);
  others(figure, state, told(axis(state, "xaxis"), point.x));
}

function marked(figure, wanted) {
  for (const row of figure.querySelectorAll(".exhibit-data tbody tr")) {
    row.classList.toggle("is-marked", wanted.includes(Number(row.dataset.at)));
  }
  const first = figure.querySelector("tr.is-marked"), box = first?.closest(".scrolls");
  if (!box || first.contains(document.activeElement)) return;
  const top = first.offsetTop - box.querySelector("thead").offsetHeight;
  if (first.offsetTop + first.offsetHeight > box.scrollTop + box.clientHeight || top < box.scrollTop) box.scrollTop = top;
}

/* The same place in the other live charts whose x axis is of the same quantity: an upright line. */
function others(figure, state, place) {
  const quantity = axis(state, "xaxis").title?.text;
  for (const [other, its] of live) {
    const x = its.spec ? axis(its, "xaxis") : {};
    if (other === figure || !its.chart?.layout || !quantity || x.title?.text !== quantity) continue;
    const at = place === null ? undefined
      : x.tickvals?.[x.ticktext?.indexOf(String(place))] ?? (typeof place === "number" ? place : undefined);
    if (at === undefined && !its.crossed) continue;
    its.crossed = at !== undefined;
    const colour = getComputedStyle(document.body).getPropertyValue("--figure-mute").trim();
    const line = { type: "line", xref: "x", yref: "paper", x0: at, x1: at, y0: 0, y1: 1, line: { color: colour, width: 1, dash: "dot" } };
    window.Plotly.relayout(its.chart, { shapes: its.crossed ? [line] : [] });
  }
}
