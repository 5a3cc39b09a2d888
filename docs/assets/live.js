/* What a figure needs once somebody wants more of it than its picture: the live chart, and another machine's run.
   `figures.js` loads this module on the first such wish of a visit; a page that is only read never does. */
const { NARROW, enhance, live, load, make, plotly } = window.attnsite;
const SIZES = { wide: [760, 420], narrow: [360, 360] };

// --- colours: `{{ours}}` and `{{ours 0.2}}` become what the theme has now -------------------------------------

const paint = value => {
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

const layout = spec => {
  const [width, height] = SIZES[size()];
  const coarse = matchMedia("(pointer: coarse)").matches;
  return { ...paint(spec.layouts[size()]), width, height, autosize: false, uirevision: size(),
    dragmode: coarse ? false : "zoom", transition: { duration: 0 } };
};

const render = (P, state) => P.react(state.chart, paint(state.spec.data), layout(state.spec), {
  displaylogo: false, responsive: false, displayModeBar: matchMedia("(pointer: coarse)").matches ? false : "hover",
  modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d", "toImage"],
});

/* The chart keeps the size of the still picture and is scaled like it, so nothing moves when one replaces the other. */
const fit = (stage, chart) => {
  const width = stage.clientWidth;
  if (width) chart.style.transform = `scale(${width / SIZES[size()][0]})`;
};

/* Draws the chart of a figure that `wake` has begun; the caller has its spec, and puts all back when this fails. */
export async function start(figure, state) {
  const stage = figure.querySelector(".exhibit-stage");
  state.chart = make("div", { className: "exhibit-live", role: "group", "aria-roledescription": "interactive chart",
    "aria-label": state.spec.alt });
  stage.append(state.chart);
  fit(stage, state.chart);
  await render(window.Plotly, state);
  if (!figure.isConnected || live.get(figure) !== state) { window.Plotly.purge(state.chart); state.chart.remove(); return; }
  figure.classList.add("is-live");
  stage.querySelector("img")?.setAttribute("aria-hidden", "true");
  stage.querySelector(".exhibit-wait")?.remove();
  state.watcher = new ResizeObserver(() => fit(stage, state.chart));
  state.watcher.observe(stage);
}

export async function redraw() {
  if (!window.Plotly) return;
  for (const [figure, state] of live) {
    if (!state.chart || !state.spec) continue;
    await render(window.Plotly, state);
    fit(figure.querySelector(".exhibit-stage"), state.chart);
  }
}

// --- another machine -----------------------------------------------------------------------------------------

/* Another machine was picked: texts, picture, table and downloads become those of its run. */
export async function pick(figure, address) {
  figure.setAttribute("aria-busy", "true");
  try {
    figure.dataset.spec = address;
    const spec = await load(address);
    if (figure.dataset.spec !== address) return; // yet another was picked while this one loaded
    const stem = address.replace(/\.json$/, "");
    for (const name of ["title", "caption", "reading", "made"]) {
      const place = figure.querySelector(`[data-text="${name}"]`);
      if (place) place.replaceChildren(...words(spec[name]));
    }
    for (const link of figure.querySelectorAll("[data-ending]")) link.href = stem + link.dataset.ending;
    const raw = figure.querySelector("[data-run]");
    if (raw) raw.href = raw.href.replace(/results\/[^/]+\//, `results/${spec.machine}/`);
    const picture = figure.querySelector("picture");
    if (picture) {
      picture.querySelector("source").srcset = `${stem}-narrow.svg`;
      Object.assign(picture.querySelector("img"), { src: `${stem}-wide.svg`, alt: spec.alt });
    }
    const table = figure.querySelector("table[data-sorts]");
    if (table) {
      const fresh = build(spec, table.getAttribute("aria-label"));
      table.closest(".scrolls").previousElementSibling?.matches(".filter") && table.closest(".scrolls").previousElementSibling.remove();
      table.replaceWith(fresh);
      enhance(fresh);
    }
    const state = live.get(figure);
    if (state?.chart) {
      state.spec = spec;
      state.chart.setAttribute("aria-label", spec.alt);
      await render(await plotly(), state);
    }
  } catch (error) {
    console.warn("that machine's run did not load:", error);
  } finally {
    figure.removeAttribute("aria-busy");
  }
}

const words = text => text.split("`").map((part, i) => (i % 2 ? make("code", {}, part) : part));

const build = (spec, label) => {
  const number = spec.columns.map((_, i) => spec.rows.some(row => typeof row[i][1] === "number"));
  const cells = (row, i) => {
    const cell = make(i ? "td" : "th", i ? {} : { scope: "row" }, row[0]);
    if (typeof row[1] === "number") cell.dataset.value = row[1];
    if (typeof row[1] === "number" || row[1] === null) cell.className = "number";
    return cell;
  };
  return make("table", { className: "rows", "data-sorts": "", "aria-label": label },
    make("thead", {}, make("tr", {}, ...spec.columns.map((name, i) =>
      make("th", { scope: "col", className: number[i] ? "number" : "" }, name)))),
    make("tbody", {}, ...spec.rows.map(row => make("tr", {}, ...row.map(cells)))));
};
