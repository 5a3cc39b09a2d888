/* The living part of the pages: figures that wake on intent, a machine picker, cards on citations, tables that sort.
   What fewer readers ask for is in modules beside this file, each loaded when it is first wanted: `live.js` (the chart),
   `machines.js` (another machine's run), `cards.js` (what a citation or a number stands for), `acts.js` (full screen,
   link, PNG), `dropped.js` (the reader's own run).
   Everything here adds to a page that is complete without it. It runs once a visit; `scan` runs after each page
   change and leaves alone what it has already seen. */
(() => {
  "use strict";
  if (window.attnsite) return;
  const HERE = document.currentScript.src;
  const beside = name => new URL(name, HERE).href;
  const NARROW = matchMedia("(max-width: 600px)");
  const DWELL = 120; // ms that a pointer must rest on a figure: crossing it on the way elsewhere loads nothing
  const live = new Map(); // figure -> { chart, spec, watcher }
  const specs = new Map(); // address -> promise of its JSON
  const modules = new Map(); // name -> promise of a module beside this file
  let bundle = null;

  const make = (tag, set = {}, ...children) => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(set)) {
      if (name in element && name !== "list") element[name] = value;
      else element.setAttribute(name, value);
    }
    element.append(...children);
    return element;
  };

  // --- loading: library, module and each spec once a visit ----------------------------------------------------

  const plotly = () => (bundle ||= new Promise((done, failed) => {
    const script = make("script", { src: beside("plotly-attnsite.min.js") });
    script.onload = () => done(window.Plotly);
    script.onerror = () => { bundle = null; script.remove(); failed(Error("the chart library did not load")); };
    document.head.append(script);
  }));

  const bring = name => {
    if (!modules.has(name)) modules.set(name, import(beside(name)).catch(error => { modules.delete(name); throw error; }));
    return modules.get(name);
  };

  const load = address => {
    if (!specs.has(address)) {
      specs.set(address, fetch(address).then(answer => {
        if (!answer.ok) throw Error(`${address}: ${answer.status}`);
        return answer.json();
      }).catch(error => { specs.delete(address); throw error; }));
    }
    return specs.get(address);
  };

  // --- figures -------------------------------------------------------------------------------------------------

  async function wake(figure) {
    const stage = figure.querySelector(".exhibit-stage");
    if (!stage || live.has(figure) || !stage.clientWidth) return;
    const state = { chart: null, spec: null, watcher: null };
    live.set(figure, state);
    figure.setAttribute("aria-busy", "true");
    try {
      const [{ start }] = await Promise.all([bring("live.js"), plotly(), load(figure.dataset.spec)]);
      if (!figure.isConnected || live.get(figure) !== state) return;
      state.spec = await load(figure.dataset.spec); // at hand, unless another machine was picked meanwhile
      await start(figure, state);
      button(figure);
    } catch (error) {
      sleep(figure);
      console.warn("this figure stays a still picture:", error);
    } finally {
      figure.removeAttribute("aria-busy");
    }
  }

  function sleep(figure) {
    const state = live.get(figure);
    live.delete(figure);
    state?.watcher?.disconnect();
    if (state?.chart) {
      if (window.Plotly) window.Plotly.purge(state.chart);
      state.chart.remove();
    }
    figure.classList.remove("is-live");
    figure.querySelector(".exhibit-stage img")?.removeAttribute("aria-hidden");
    button(figure);
  }

  const button = figure => {
    const go = figure.querySelector(".exhibit-go");
    if (go) go.textContent = live.has(figure) ? "Still picture" : "Explore";
  };

  function prepare(figure) {
    const stage = figure.querySelector(".exhibit-stage");
    const bar = figure.querySelector(".exhibit-bar");
    figure.querySelector(".exhibit-machine select")?.addEventListener("change", () => later_on("machines.js", m => m.choose(figure)));
    if (bar) bar.hidden = false;
    if (!stage) return;
    let rest;
    const wanted = () => { if (!figure.dataset.still) wake(figure); };
    stage.addEventListener("pointerenter", event => { if (event.pointerType === "mouse") rest = setTimeout(wanted, DWELL); });
    stage.addEventListener("pointerleave", () => clearTimeout(rest));
    stage.addEventListener("click", () => { if (!live.has(figure)) wake(figure); });
    if (!stage.querySelector("picture")) near.observe(stage); // no still picture was made: draw it as soon as it can be seen
  }

  const later_on = (name, then) => bring(name).then(then).catch(error => console.warn("that did not work:", error));
  const ACTS = { full: "acts.js", link: "acts.js", png: "acts.js", own: "dropped.js" };
  document.addEventListener("click", event => {
    const button = event.target.closest?.("[data-act]");
    const figure = button?.closest("figure"), act = button?.dataset.act;
    if (ACTS[act]) later_on(ACTS[act], m => m[act](figure, button));
    if (act !== "explore") return;
    figure.dataset.still = live.has(figure) ? "yes" : "";
    if (live.has(figure)) sleep(figure); else wake(figure);
  });
  document.addEventListener("focusin", event => {
    if (event.target.matches?.(".exhibit-go:focus-visible")) Promise.all([plotly(), bring("live.js")]).catch(() => {});
  });

  /* A file that is dropped on a page is a run of the reader's own; without this the browser would leave the page. */
  for (const kind of ["dragover", "drop"]) document.addEventListener(kind, event => {
    if (!event.dataTransfer?.types.includes("Files") || event.target.matches?.("input")) return;
    event.preventDefault();
    const files = [...event.dataTransfer.files];
    if (kind === "drop") later_on("dropped.js", m => m.take(files));
  });

  const near = new IntersectionObserver(entries => {
    for (const entry of entries) {
      if (entry.isIntersecting) { near.unobserve(entry.target); wake(entry.target.closest("figure")); }
    }
  }, { rootMargin: "300px" });

  // --- tables --------------------------------------------------------------------------------------------------

  const compare = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" }).compare;

  function enhance(table) {
    if (table.dataset.sorts === "on") return;
    table.dataset.sorts = "on";
    const body = table.tBodies[0];
    [...body.rows].forEach((row, at) => { row.dataset.at = at; }); // which it stays, however the table is sorted
    const value = (row, at) => row.cells[at].dataset.value ?? row.cells[at].textContent.trim();
    [...table.tHead.rows[0].cells].forEach((head, at) => {
      const sort = make("button", { type: "button", className: "sort" }, ...head.childNodes);
      head.append(sort);
      sort.addEventListener("click", () => {
        const up = head.getAttribute("aria-sort") !== "ascending";
        for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
        head.setAttribute("aria-sort", up ? "ascending" : "descending");
        const rows = [...body.rows].sort((a, b) => {
          const [x, y] = [value(a, at), value(b, at)];
          if (x === "–" || y === "–") return (x === "–") - (y === "–"); // what was not measured comes last, always
          const [n, m] = [Number(x.replace(/\u202f/g, "")), Number(y.replace(/\u202f/g, ""))];
          const order = Number.isNaN(n) || Number.isNaN(m) ? compare(x, y) : n - m;
          return up ? order : -order;
        });
        body.append(...rows);
      });
    });
    if (body.rows.length < 12 || !table.closest("figure")) return; // elsewhere it would push down what is being read
    const count = make("output", {}, `${body.rows.length} rows`);
    const input = make("input", { type: "search", autocomplete: "off", spellcheck: false });
    input.addEventListener("input", () => {
      const wanted = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0;
      for (const row of body.rows) {
        const text = row.textContent.toLowerCase();
        row.hidden = !wanted.every(word => text.includes(word));
        shown += !row.hidden;
      }
      count.textContent = wanted.length ? `${shown} of ${body.rows.length} rows` : `${body.rows.length} rows`;
    });
    table.closest(".scrolls").before(make("div", { className: "filter" }, make("label", {}, "Filter ", input), count));
  }

  /* A box that scrolls sideways must be reachable by keyboard; one that does not must not be a stop. All are looked at
     before any is changed, so that the page is laid out once. */
  const reachable = boxes => boxes.map(box => [box, box.scrollWidth > box.clientWidth + 1 || box.scrollHeight > box.clientHeight + 1])
    .forEach(([box, scrolls]) => {
      if (scrolls) {
        box.tabIndex = 0;
        box.setAttribute("role", "region");
        box.setAttribute("aria-label", box.querySelector("table")?.getAttribute("aria-label") || "formula");
      } else {
        for (const name of ["tabindex", "role", "aria-label"]) box.removeAttribute(name);
      }
    });
  const reach = new ResizeObserver(entries => reachable(entries.map(entry => entry.target)));

  /* What is closed is left alone until it is opened, because a browser lays it out as soon as anything in it changes:
     its tables become sortable just before, at the click, so that nothing moves when it is seen. */
  const shut = element => element.closest("details:not([open])");
  const sortable = within => within.querySelectorAll("table[data-sorts='']").forEach(table => {
    if (within.matches?.("details") || !shut(table)) enhance(table);
  });
  const watch = within => within.querySelectorAll(".scrolls").forEach(box => { if (!shut(box)) reach.observe(box); });
  document.addEventListener("click", event => {
    const summary = event.target.closest?.("summary");
    if (summary) sortable(summary.parentElement);
  }, true);
  document.addEventListener("toggle", event => {
    if (!event.target.open) return;
    sortable(event.target);
    watch(event.target);
  }, true);
  document.addEventListener("contentvisibilityautostatechange", event => { if (!event.skipped) reachable([event.target]); }, true);

  // --- cards on citations and numbers --------------------------------------------------------------------------

  const CARDS = "a.cite, a.quantity, a.term";
  for (const intent of ["pointerover", "focusin"]) document.addEventListener(intent, event => {
    const link = event.target.closest?.(CARDS);
    if (link && (event.type === "focusin" || event.pointerType === "mouse")) later_on("cards.js", m => m.show(link));
  });

  /* The theme's copy buttons stand in landmarks without a name, one for each block of code: they are none. */
  const unname = () => {
    for (const nav of document.querySelectorAll("nav.md-code__nav:not([role])")) nav.setAttribute("role", "none");
  };
  const names = new MutationObserver(unname);

  // --- every page ----------------------------------------------------------------------------------------------

  function scan() {
    if (modules.has("cards.js")) later_on("cards.js", m => m.hide());
    for (const figure of [...live.keys()]) if (!figure.isConnected) sleep(figure);
    for (const figure of document.querySelectorAll("figure.exhibit:not([data-seen])")) {
      figure.dataset.seen = "";
      prepare(figure);
    }
    sortable(document);
    let kept;
    try { kept = localStorage.getItem("attnsite.machine"); } catch { /* nothing is kept where that is forbidden */ }
    if (kept) later_on("machines.js", m => m.apply());
    if (modules.has("dropped.js")) later_on("dropped.js", m => m.apply());
    watch(document);
    unname();
    names.disconnect();
    for (const code of document.querySelectorAll(".highlight")) names.observe(code, { childList: true, subtree: true });
    for (const part of document.querySelectorAll("[data-module]:not([data-seen])")) { // touched, or asked for by the address
      const go = () => bring(`${part.dataset.module}.js`).then(({ start }) => start(part)).catch(error => console.warn("this part stays still:", error));
      for (const intent of ["pointerover", "focusin", "input"]) part.addEventListener(intent, go, { once: true });
      part.dataset.seen = "";
      if (location.search) go();
    }
  }

  /* The theme takes the first step within a page, to a heading or a source, for a new page: it would load the page again
     and put it in the place of the one that is read, with its charts still and the focus lost. As long as no other page
     has been gone to, the browser can do that alone. */
  const came = location.pathname, steps = window.location$, step = steps?.next;
  let gone = false;
  if (step) steps.next = to => { gone ||= to.pathname !== came; if (gone) step.call(steps, to); };

  const redraw = () => { if (live.size) bring("live.js").then(({ redraw }) => redraw(), () => {}); };
  NARROW.addEventListener("change", redraw);
  new MutationObserver(redraw).observe(document.body, { attributes: true, attributeFilter: ["data-md-color-scheme"] });
  window.attnsite = { NARROW, beside, bring, enhance, live, load, make, plotly, scan, sleep, wake };
  if (navigator.vendor.startsWith("Apple")) bring("themed.js");
  if (location.protocol === "file:" && !window.attnsiteFile) document.head.append(make("script", { src: beside("portable.js") }));
  else if (window.document$) window.document$.subscribe(scan);
  else if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", scan);
  else scan();
})();
