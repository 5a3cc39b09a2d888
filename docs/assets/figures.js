/* The living part of the pages: figures that wake on intent, a machine picker, cards on citations, tables that sort.
   What fewer readers ask for is in modules beside this file, loaded when first wanted: `live.js` (the chart),
   `machines.js` (another machine's run), `cards.js` (what a citation or a number stands for), `acts.js` (full screen,
   link, PNG), `dropped.js`, `run_here.js` (runs of the reader's own).
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

  let failures = 0; // browsers remember that a module did not load: another try has another address
  const bring = name => {
    if (!modules.has(name)) {
      const address = beside(name) + (failures ? `?${failures}` : "");
      modules.set(name, import(address).catch(error => { failures += 1; modules.delete(name); throw error; }));
    }
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

  /* A chart is `pressed` for, or a pointer that rests on the picture has it come. Only who has pressed sees the button
     change, and only a press that follows on that one ends the chart. */
  async function wake(figure, pressed = true) {
    const stage = figure.querySelector(".exhibit-stage"), known = live.get(figure);
    if (!stage || known || !stage.clientWidth) {
      if (known && pressed) { known.pressed = true; button(figure); }
      return;
    }
    const state = { chart: null, spec: null, watcher: null, pressed };
    live.set(figure, state);
    figure.querySelector(".exhibit-fault")?.remove();
    figure.setAttribute("aria-busy", "true");
    button(figure);
    try {
      const [{ start }] = await Promise.all([bring("live.js"), plotly(), load(figure.dataset.spec)]);
      if (!figure.isConnected || live.get(figure) !== state) return;
      state.spec = await load(figure.dataset.spec); // at hand, unless another machine was picked meanwhile
      await start(figure, state);
      state.ready = true;
    } catch (error) {
      if (live.get(figure) !== state) return;
      const told = state.pressed;
      sleep(figure);
      console.warn("this figure stays a still picture:", error);
      const fault = make("span", { className: "exhibit-fault", role: "alert" }, "The chart did not load. Try again. ");
      if (told) figure.querySelector(".exhibit-note")?.append(fault);
    } finally {
      if (!live.has(figure) || live.get(figure) === state) figure.removeAttribute("aria-busy");
      button(figure);
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
    const go = figure.querySelector(".exhibit-go"), { pressed, ready } = live.get(figure) || {};
    if (go) go.textContent = !pressed ? "Explore" : ready ? "Still picture" : "Loading…";
  };

  function prepare(figure) {
    const stage = figure.querySelector(".exhibit-stage");
    const bar = figure.querySelector(".exhibit-bar");
    figure.querySelector(".exhibit-machine select")?.addEventListener("change", ({ target }) => bring("machines.js").then(m => m.choose(figure)).catch(error => {
      console.warn("that did not work:", error);
      const shown = [...target.options].find(option => option.dataset.spec === figure.dataset.spec);
      if (shown) target.value = shown.value;
      figure.querySelector(".exhibit-note")?.replaceChildren("That machine did not load. Try again.");
    }));
    if (bar) bar.hidden = false;
    if (!stage) return;
    let rest;
    const wanted = () => { if (!figure.dataset.still) wake(figure, false); };
    stage.addEventListener("pointerenter", event => { if (event.pointerType === "mouse") rest = setTimeout(wanted, DWELL); });
    stage.addEventListener("pointerleave", () => clearTimeout(rest));
    stage.addEventListener("click", () => wake(figure));
    if (!stage.querySelector("picture")) near.observe(stage); // no still picture was made: draw it as soon as it can be seen
  }

  const later_on = (name, then) => bring(name).then(then).catch(error => console.warn("that did not work:", error));
  const ACTS = { own: "dropped.js", here: "run_here.js" };
  document.addEventListener("click", event => {
    const button = event.target.closest?.("[data-act]");
    const figure = button?.closest("figure"), act = button?.dataset.act;
    if (act && act !== "explore") later_on(ACTS[act] || "acts.js", m => m[act](figure, button));
    if (act !== "explore") return;
    const { pressed, ready } = live.get(figure) || {};
    if (pressed && !ready) return; // pressed again for waiting
    figure.dataset.still = pressed ? "yes" : "";
    if (pressed) sleep(figure); else wake(figure);
  });
  document.addEventListener("focusin", event => {
    if (event.target.matches?.(".exhibit-go:focus-visible")) Promise.all([plotly(), bring("live.js")]).catch(() => {});
  });

  document.addEventListener("selectionchange", () => { if (!getSelection().isCollapsed) later_on("copied.js", () => {}); });

  /* A file that is dropped on a page is a run of the reader's own; without this the browser would leave the page. */
  for (const kind of ["dragover", "drop"]) document.addEventListener(kind, event => {
    if (!event.dataTransfer?.types.includes("Files") || event.target.matches?.("input")) return;
    event.preventDefault();
    const files = [...event.dataTransfer.files];
    later_on("dropped.js", m => (kind === "drop" ? m.take(files) : m.over()));
  });

  const near = new IntersectionObserver(entries => {
    for (const entry of entries) {
      if (entry.isIntersecting) { near.unobserve(entry.target); wake(entry.target.closest("figure"), false); }
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
  let led = null; // what a step within the page has led to, until the reader moves on
  for (const intent of ["pointerover", "focusin"]) document.addEventListener(intent, event => {
    const link = event.target.closest?.(CARDS);
    if (link && (event.type === "focusin" ? link !== led : event.pointerType === "mouse")) later_on("cards.js", m => m.show(link, link === tapped?.link));
  });

  /* A finger has no way to point: its first tap shows the card, the second follows the link. Focus comes between the two
     events of a tap and shows the card already, so that what was there is looked at when the finger comes down. */
  let tapped = null;
  document.addEventListener("pointerdown", event => {
    const link = event.pointerType === "mouse" ? null : event.target.closest?.(CARDS);
    const again = link && (link === tapped?.link || link.hasAttribute("aria-describedby"));
    tapped = link && { link, again };
  }, true);
  document.addEventListener("click", event => {
    const link = event.detail && event.target.closest?.(CARDS);
    if (!link || link !== tapped?.link || tapped.again) return;
    event.preventDefault();
    event.stopImmediatePropagation(); // the theme would turn the page all the same
    link.focus({ preventScroll: true });
    later_on("cards.js", m => m.show(link, true));
  }, true);
  document.addEventListener("keydown", () => { tapped = null; }, true);

  /* The theme's copy buttons stand in landmarks without a name, one for each block of code: they are none. */
  const unname = () => {
    for (const nav of document.querySelectorAll("nav.md-code__nav:not([role])")) nav.setAttribute("role", "none");
  };
  const names = new MutationObserver(unname);

  // --- every page ----------------------------------------------------------------------------------------------

  let page;
  function scan() {
    if (!page?.isConnected) page?.replaceChildren(); // one that was left, which the theme keeps hold of
    page = document.querySelector("[data-md-component=container]");
    if (modules.has("cards.js")) later_on("cards.js", m => m.hide());
    for (const figure of [...live.keys()]) if (!figure.isConnected) sleep(figure);
    for (const figure of document.querySelectorAll("figure.exhibit:not([data-seen])")) {
      figure.dataset.seen = "";
      prepare(figure);
    }
    sortable(document);
    let kept;
    try { kept = localStorage.getItem("attnsite.machine"); } catch { /* nothing is kept where that is forbidden */ }
    const { hash, search } = location, asks = /[?&](machine|zoom)=/.test(search);
    if (kept || asks) later_on("machines.js", m => m.apply()).then(() => asks && later_on("opened.js", m => m.open(hash)));
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

  // --- steps within a page, to another, and back ----------------------------------------------------------------

  /* A step to a heading or a source of the page that is read is left to the browser, which scrolls and marks where it
     leads: the theme takes no link that has a target. Not every browser has the next Tab go on from there. */
  let clicked = -Infinity; // when a link to where the address leads already was, which is no way back
  document.addEventListener("click", event => {
    const link = event.target.closest?.("a[href*='#']");
    if (!link?.hash || link.origin + link.pathname !== location.origin + location.pathname) return;
    if (link.search !== location.search && /[?&]h=/.test(link.search)) return; // a result of the search, to be marked
    link.search = location.search; // what the page keeps there, such as the calculator's fields
    link.target ||= "_self";
    clicked = link.href === location.href ? performance.now() : -Infinity;
    if (step) replaceState.call(history, { x: scrollX, y: scrollY }, ""); // the way back leads here
    setTimeout(() => {
      led = document.getElementById(decodeURIComponent(link.hash.slice(1)));
      if (led?.tabIndex < 0) led.tabIndex = -1;
      led?.focus({ preventScroll: true });
    });
  }, true);

  /* The theme has seen no page before it is told of one: back and forward among the steps of the first page would load
     that page again. And while the next page is under way the address is that page's already: what the theme keeps of the
     page that is left, its place and its heading, would be kept for the other. A heading is kept with the place, and not
     in the stead of the figure or source that a step led to, until the reader has moved on from there. */
  const steps = window.location$, step = steps?.next, { replaceState } = history;
  let path = location.pathname, gone = false, turning = false;
  const arrived = () => { led = document.querySelector(":target"); };
  if (step) {
    steps.next = to => {
      if (!gone && to.pathname === path && window.event?.type === "popstate") {
        const { y } = history.state || {};
        if (y >= 0 && performance.now() - clicked > 1000) requestAnimationFrame(() => scrollTo(0, y)); // the browser at times goes to the heading instead
        return;
      }
      turning ||= !gone || to.pathname !== path;
      [gone, path] = [true, to.pathname];
      step.call(steps, to);
    };
    history.replaceState = (state, title, address) => {
      if (turning || document.body.hasAttribute("data-md-scrolllock")) return; // a phone's search lies over a page that it holds at its top
      if (led && address && new URL(address, location).search === location.search) return; // only a heading changes
      replaceState.call(history, address ? { x: scrollX, y: scrollY } : state, title, address);
    };
    for (const kind of ["hashchange", "load"]) addEventListener(kind, arrived);
    for (const kind of ["wheel", "touchmove", "keydown", "pointerdown"]) {
      addEventListener(kind, () => { led = null; }, { passive: true, capture: true });
    }
  }

  const redraw = () => { if (live.size) bring("live.js").then(({ redraw }) => redraw(), () => {}); };
  NARROW.addEventListener("change", redraw);
  new MutationObserver(redraw).observe(document.body, { attributes: true, attributeFilter: ["data-md-color-scheme"] });
  window.attnsite = { NARROW, beside, bring, enhance, live, load, make, plotly, scan, sleep, wake };
  if (navigator.vendor.startsWith("Apple")) bring("themed.js");
  if (location.protocol === "file:" && !window.attnsiteFile) document.head.append(make("script", { src: beside("portable.js") }));
  else if (window.document$) window.document$.subscribe(() => { turning = false; arrived(); scan(); });
  else if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", scan);
  else scan();
})();
