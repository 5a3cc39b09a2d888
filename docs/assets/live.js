/* What a figure needs once somebody wants more of it than its picture: the live chart.
   `figures.js` loads this module on the first such wish of a visit; a page that is only read never does. */
const { NARROW, beside, bring, live, make } = window.attnsite;
const SIZES = { wide: [760, 420], narrow: [360, 360] };

// --- colours: `{{ours}}` and `{{ours 0.2}}` become what the theme has now -------------------------------------

export const paint = value => {
  const style = getComputedStyle(document.body);
  const seen = {};
  const colour = (name, alpha) => {
    const hex = (seen[name] ||= style.getPropertyValue(`--figure-${name}`).trim());
    if (alpha === undefined) return hex;
    const channel = at => parseInt(hex.slice(at, at + 2), 16);
    return `rgba(${channel(1)},${channel(3)},${channel(5)},${alpha})`;
  };
  const walk = node => {
    if (typeof node === "string") return node.replace(/\{\{([\w-]+)(?: ([\d.]+))?\}\}/g, (_, n, a) => colour(n, a));
    if (Array.isArray(node)) return node.map(walk);
    if (node && typeof node === "object") return Object.fromEntries(Object.entries(node).map(([k, v]) => [k, walk(v)]));
    return node;
  };
  return walk(value);
};

// --- the chart -----------------------------------------------------------------------------------------------

const size = () => (NARROW.matches ? "narrow" : "wide");

/* Width, height and scale of the chart. On the page they are those of the still picture, so nothing moves when one
   replaces the other; on a full screen the chart is laid out for the room there is, its type growing with the root. */
const shape = stage => {
  const [width, height] = SIZES[size()], [w, h] = [stage.clientWidth, stage.clientHeight];
  if (!stage.closest("dialog")) return { width, height, scale: w / width };
  const room = Math.min(w / width, h / height);
  const scale = room < 1 ? Math.max(room, 0.85 * Math.min(1, w / width)) : Math.sqrt(room); // a low screen: a lower chart, not smaller type
  return { width: Math.floor(w / scale), height: Math.floor(h / scale), scale };
};

export const layout = (state, { width, height }, name = size()) => {
  const coarse = matchMedia("(pointer: coarse)").matches;
  state.name = name;
  const { machine } = state.spec; // another machine's axes are others, and what was zoomed into does not lie in them
  state.painted = paint((state.shown || state.spec).layouts[name]);
  return { ...structuredClone(state.painted), width, height, autosize: false, uirevision: `${name} ${machine}`, hovermode: state.across || "closest",
    hoverdistance: state.across ? 60 : 20, dragmode: coarse ? false : "zoom", transition: { duration: 0 },
    modebar: paint({ bgcolor: "{{paper 0.85}}", color: "{{mute}}", activecolor: "{{ink}}" }) };
};

function scaled(chart, { scale }) {
  chart.style.transform = `scale(${scale})`;
  chart.style.setProperty("--scale", scale);
}

async function render(stage, state) {
  const to = shape(stage);
  if (!(to.scale > 0)) return; // it has no width now, and will be told when it gets one
  const { attach, compared, unread } = await bring("explore.js");
  const coarse = matchMedia("(pointer: coarse)").matches;
  state.across = compared((state.shown || state.spec).data);
  const another = state.home && state.home !== state.spec.machine, { zoomOf } = await bring("opened.js");
  const kept = !another && state.chart.layout ? zoomOf(state) : null; // a window that a link asked for, or the reader
  if (another) { // what was read is of the other machine, and Plotly would read it again at the same place
    window.Plotly.Fx.unhover(state.chart);
    if (state.chart._fullLayout) state.chart._fullLayout._rehover = null;
    unread(state);
  }
  const now = layout(state, to);
  if (kept) [now.xaxis.range, now.yaxis.range] = [kept.slice(0, 2), kept.slice(2)];
  await window.Plotly.react(state.chart, paint((state.shown || state.spec).data), now, {
    displaylogo: false, responsive: false, // a double click would make room for the labels first; a tap it takes for two
    doubleClick: coarse ? false : "reset", displayModeBar: coarse ? false : "hover",
    plotlyServerURL: "", // the library would offer to send the chart to its maker's servers
    modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d", "toImage", "sendChartToCloud"],
  });
  if (another) { // where a double click leads back to Plotly keeps from the first drawing on
    const { xaxis, yaxis } = state.chart._fullLayout;
    for (const axis of [xaxis, yaxis]) if (axis) [axis._rangeInitial0, axis._rangeInitial1] = axis.range;
  }
  state.home = state.spec.machine;
  if (!state.chart.on) return; // it was put away while it was drawn
  scaled(state.chart, to);
  state.size = [to.width, to.height].join();
  await attach(stage.closest("figure"), state);
}

function fit(stage, state) {
  const to = shape(stage);
  if (!(to.scale > 0)) return;
  if (state.size === [to.width, to.height].join()) scaled(state.chart, to);
  else render(stage, state);
}

/* The style of what is made here; again on a page that was turned to, whose head has it no more. */
export async function styled() {
  const address = beside("live.css");
  if (document.querySelector(`link[href="${address}"]`)) return;
  const sheet = make("link", { rel: "stylesheet", href: address });
  const come = new Promise(done => { sheet.onload = sheet.onerror = done; });
  document.head.append(sheet);
  await come;
}

/* Draws the chart of a figure that `wake` has begun; the caller has its spec, and puts all back when this fails. */
export async function start(figure, state) {
  const stage = figure.querySelector(".exhibit-stage");
  state.chart = make("div", { className: "exhibit-live", role: "group", "aria-roledescription": "interactive chart",
    "aria-label": state.spec.alt });
  stage.append(state.chart);
  await styled();
  await render(stage, state);
  if (!figure.isConnected || live.get(figure) !== state) { window.Plotly.purge(state.chart); state.chart.remove(); return; }
  figure.classList.add("is-live");
  stage.querySelector("img")?.setAttribute("aria-hidden", "true");
  stage.querySelector(".exhibit-wait")?.remove();
  state.watcher = new ResizeObserver(() => fit(stage, state));
  state.watcher.observe(stage);
  figure.dispatchEvent(new Event("attnsite:shown"));
  bring("linked.js").then(({ connect }) => connect(figure, state), () => {}); // a chart without it is a whole chart
}

/* Another spec, or the same with more in it (`state.shown`), takes the place of what is drawn. */
export async function show(figure, state) {
  if (!state.chart) return;
  state.chart.setAttribute("aria-label", state.spec.alt);
  await render(figure.querySelector(".exhibit-stage"), state);
  bring("linked.js").then(({ connect }) => connect(figure, state), () => {});
}

export async function redraw() {
  if (!window.Plotly) return;
  for (const [figure, state] of live) {
    if (state.chart && state.spec) await render(figure.querySelector(".exhibit-stage"), state);
  }
}
