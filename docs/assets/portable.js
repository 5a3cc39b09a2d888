/* What a page that was opened from a disk may not read, it gets from scripts that lie beside it: the numbers of figures,
   modules, the worker of the search. The pages of `attnsite build --portable` load this file before every other; on a
   server it leaves everything as it is. In any other copy of the site those scripts are missing: there `figures.js` loads
   this file when the page was opened from a disk, and it says what is left out. */
(() => {
  "use strict";
  if (window.attnsiteImport) return;

  if (window.attnsite) {
    document.querySelectorAll("table[data-sorts='']").forEach(window.attnsite.enhance);
    const dead = ".exhibit-acts, .exhibit-machine, .scripted, .calculator form, .by-hand :is(fieldset, .calc-buttons, .hand-slide), .hb-reading";
    document.querySelectorAll(dead).forEach(part => part.remove()); // they would do nothing
    for (const bar of document.querySelectorAll(".exhibit-bar")) {
      bar.append("Still, without a server: attnsite build --portable makes a copy whose figures live.");
      bar.hidden = false;
    }
    document.querySelector(".md-search-result__meta")?.replaceChildren("Search needs a server, or a portable copy.");
    document.addEventListener("click", event => {
      const link = event.target.closest?.("a[href]"); // a browser shows what is in a folder, not its page
      if (link?.protocol === "file:" && link.pathname.endsWith("/")) link.pathname += "index.html";
    });
    return;
  }

  const root = new URL("..", document.currentScript.src).href;
  if (location.protocol !== "file:") { window.attnsiteImport = address => import(address); return; }

  const texts = new Map(); // address below the root -> promise of the file's text
  const arrived = new Map(); // the same, while its script is under way -> what keeps the promise
  window.attnsiteFile = (name, text) => arrived.get(name)?.(text);

  const text = address => {
    const name = address.slice(root.length);
    if (!texts.has(name)) {
      texts.set(name, new Promise((done, failed) => {
        const script = document.createElement("script");
        arrived.set(name, done);
        script.src = `${root}${name}.txt.js`;
        script.onload = () => script.remove();
        script.onerror = () => { texts.delete(name); failed(Error(`${name} is not in this copy of the site`)); };
        document.head.append(script);
      }));
    }
    return texts.get(name);
  };
  const absolute = (address, base = document.baseURI) => new URL(address, base).href;
  const ours = address => address.startsWith(root);
  const blob = source => URL.createObjectURL(new Blob([source], { type: "text/javascript" }));

  // --- modules, with those that they import ---------------------------------------------------------------------

  const modules = new Map(); // address -> promise of the address to import instead
  const IMPORTS = /(\b(?:from|import)\s*)(["'])(\.{1,2}\/[^"']+)\2/g;
  const module = address => {
    if (!modules.has(address)) {
      modules.set(address, text(address).then(async source => {
        const named = [...source.matchAll(IMPORTS)].map(found => absolute(found[3], address));
        const given = await Promise.all(named.map(module));
        return blob(source.replace(IMPORTS, (all, word, quote) => `${word}${quote}${given.shift()}${quote}`)
          .replaceAll("import.meta.url", JSON.stringify(address)));
      }));
      modules.get(address).catch(() => modules.delete(address));
    }
    return modules.get(address);
  };
  window.attnsiteImport = address => module(absolute(address)).then(instead => import(instead));

  // --- what is fetched ------------------------------------------------------------------------------------------

  const { fetch } = window;
  window.fetch = (asked, ...more) => {
    const address = absolute(asked.url || asked);
    return ours(address) ? text(address).then(held => new Response(held)) : fetch(asked, ...more);
  };

  // --- workers --------------------------------------------------------------------------------------------------

  const Real = window.Worker;
  window.Worker = class extends EventTarget {
    constructor(address, options) {
      super();
      if (!ours(absolute(address))) return new Real(address, options);
      this.real = text(absolute(address)).then(source => {
        const worker = new Real(blob(source), options);
        worker.onmessage = event => {
          this.onmessage?.(event);
          this.dispatchEvent(new MessageEvent("message", { data: event.data }));
        };
        return worker;
      });
    }
    postMessage(...message) { this.real.then(worker => worker.postMessage(...message)); }
    terminate() { this.real.then(worker => worker.terminate()); }
  };
})();
