/* What the link to a figure carries besides its place: the machine that is shown, and the window of a zoomed chart.
   Both stand in the query, so that the place in the page stays an ordinary one. `figures.js` loads this when a page was
   opened with such a link; `acts.js` when one is copied. */
const { live, wake } = window.attnsite;
const DIGITS = 4;

/* The address of a figure as it is shown now. */
export function addressOf(figure) {
  const address = new URL(location.href), select = figure.querySelector(".exhibit-machine select");
  const found = live.get(figure)?.chart?.layout && zoomOf(live.get(figure));
  address.search = "";
  if (select?.selectedIndex > 0 && select.value !== "this_build") address.searchParams.set("machine", select.value);
  if (found) address.searchParams.set("zoom", found.map(end => Number(end.toFixed(DIGITS))).join("_"));
  address.hash = figure.id;
  return address;
}

/* The ranges of both axes, [x0, x1, y0, y1] in the axes' own coordinates, where they are not the chart's own; else null. */
export function zoomOf(state) {
  const now = state.chart.layout, own = (state.shown || state.spec).layouts.wide;
  if (!own.xaxis?.range || !own.yaxis?.range) return null; // Plotly chose the window: no figure of this site, but one may
  const differs = ["xaxis", "yaxis"].some(name => !now[name]?.range || now[name].range.some((end, at) =>
    Math.abs(end - own[name].range[at]) > 1e-6 * Math.abs(own[name].range[1] - own[name].range[0])));
  return differs && now.xaxis?.range && now.yaxis?.range ? [...now.xaxis.range, ...now.yaxis.range] : null;
}

/* Four numbers that are a window within reach of a chart, or null. */
export function windowOf(text, layout) {
  const ends = String(text).split("_").map(part => (/^-?\d{1,16}(\.\d{1,8})?$/.test(part) ? Number(part) : NaN));
  if (ends.length !== 4 || !ends.every(Number.isFinite) || !layout.xaxis?.range || !layout.yaxis?.range) return null;
  const fits = (first, last, [low, high]) => {
    const span = Math.abs(high - low), way = Math.sign(high - low);
    return (last - first) * way > span * 1e-4 && Math.abs(last - first) <= 4 * span
      && Math.min(first, last) < Math.max(low, high) && Math.max(first, last) > Math.min(low, high);
  };
  return fits(ends[0], ends[1], layout.xaxis.range) && fits(ends[2], ends[3], layout.yaxis.range) ? ends : null;
}

/* Do what the address of this page asks for at its figure; once for each address. */
let done = "";
export async function open(hash) { // as it was when the page came: the theme writes what is scrolled to into the address
  const figure = document.getElementById(decodeURIComponent(hash.slice(1))), asked = new URLSearchParams(location.search).get("zoom");
  if (done === location.pathname + location.search || asked === null || !figure?.matches("figure.is-chart")) return;
  done = location.pathname + location.search;
  await wake(figure);
  const state = live.get(figure);
  if (!state?.chart) return;
  const ends = windowOf(asked, state.spec.layouts.wide);
  if (!ends) { figure.querySelector(".exhibit-note")?.append("The link asks for a part of the chart that it does not have: this is all of it. "); return; }
  await window.Plotly.relayout(state.chart, { "xaxis.range": ends.slice(0, 2), "yaxis.range": ends.slice(2) });
}

/* The machine that the address asks for, empty for none. */
export const machine = () => new URLSearchParams(location.search).get("machine") || "";

/* The reader picked another one: the address no longer asks for any. */
export function forget() {
  const address = new URL(location.href);
  if (!address.searchParams.has("machine")) return;
  address.searchParams.delete("machine");
  history.replaceState(history.state, "", address);
}
