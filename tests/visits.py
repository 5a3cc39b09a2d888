"""One visit to a page of the built site in a browser: what it asks for, how it moves, what axe says of it."""

import contextlib
import gzip
from pathlib import Path

import axe_playwright_python

AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# What moves in the page, whoever caused it: browsers leave out what follows a reader's input, this does not.
SHIFTS = """window.shift = 0; window.moved = [];
new PerformanceObserver(list => { for (const entry of list.getEntries()) {
  window.shift += entry.value;
  window.moved.push(...(entry.sources || []).map(source => (source.node?.outerHTML || "").slice(0, 100)));
}}).observe({ type: "layout-shift", buffered: true });"""
WAKE = """() => {
  for (const go of document.querySelectorAll("figure.is-chart:not(.is-live) .exhibit-go"))
    if (go.checkVisibility()) go.click();
}"""
AWAKE = """() => [...document.querySelectorAll("figure.is-chart .exhibit-go")].every(go =>
  !go.checkVisibility() || go.closest("figure").matches(".is-live:not([aria-busy])"))"""


TAGGED = {"type": "tag", "values": TAGS}
BY_LOOK = ("color-contrast", "link-in-text-block")  # what follows from how an element looks, whatever it says
COLOURS = {"runOnly": {"type": "rule", "values": list(BY_LOOK)}}
REST = {"runOnly": TAGGED, "rules": {"target-size": {"enabled": True}} | {rule: {"enabled": False} for rule in BY_LOOK}}
ALL = {"runOnly": TAGGED, "rules": {"target-size": {"enabled": True}}}  # off unless asked for
# The text of a live chart is SVG, of whose colours axe knows nothing; the palette has tests of its own.
ALIVE = {"include": [["figure[data-fresh]"]], "exclude": [[".exhibit-live svg"]]}


def violations(page, options=ALL, context=None):
    """What axe finds wrong, each as its rule and the first elements that break it."""
    if not page.evaluate("!!window.axe"):
        page.evaluate(AXE)
    found = page.evaluate(
        "([context, options]) => axe.run(context || document, options).then(found => found.violations.map(v => "
        "[v.id, v.nodes.slice(0, 4).map(n => n.html.replace(/\\s+/g, ' ').slice(0, 160))]))",
        [context, options | {"resultTypes": ["violations"]}],
    )
    return [(rule, nodes) for rule, nodes in found]


# Rows of tables and lines of programs that look as two earlier ones of the page do are taken out: axe's time goes with
# what a page holds, and a table of a hundred rows is one row to it. A look is what style sheets can tell of an element
# by names: its own, and those of all that it stands in.
THIN = """() => {
  const named = e => `${e.localName}.${e.getAttribute("class") || ""}`;
  const seen = new Map();
  for (const row of document.querySelectorAll("tbody tr, .highlight code > span")) {
    let around = "";
    for (let e = row.parentElement; e; e = e.parentElement) around += ` ${named(e)}`;
    const looks = [...new Set([row, ...row.querySelectorAll("*")].map(named))].map(look => look + around);
    if (looks.every(look => seen.get(look) >= 2)) row.remove();
    for (const look of looks) seen.set(look, (seen.get(look) || 0) + 1);
  }
}"""
UNSEEN = """seen => {
  const named = e => {
    const style = e.getAttribute("style") || "";
    return `${e.localName}.${e.getAttribute("class") || ""}${/color|background|opacity/.test(style) ? style : ""}`;
  };
  const around = new Map([[document.body, ""]]), times = new Map(seen.map(look => [look, 2])), found = [];
  const look = e => {
    if (!around.has(e)) around.set(e, `${look(e.parentElement)} ${named(e)}`);
    return around.get(e);
  };
  const says = e => e.matches("input, select, textarea, button") ||
    [...e.childNodes].some(child => child.nodeType === Node.TEXT_NODE && child.data.trim());
  for (const e of document.body.querySelectorAll("*")) {
    if (e.closest(".exhibit-live svg") || !says(e) || !e.checkVisibility({ visibilityProperty: true })) continue;
    const so = look(e), before = times.get(so) || 0;
    if (before >= 2) continue;
    times.set(so, before + 1);
    e.setAttribute("data-unseen", "");
    found.push(so);
  }
  return found;
}"""


# Beside its name and classes, what a rule of axe may hang on: roles, states, whether its names say anything and lead
# anywhere, whether an id stands twice. Words of a label and numbers of a figure differ and are no news.
FRESH = """seen => {
  const times = new Map(seen.map(look => [look, 2])), found = [], ids = new Map();
  for (const e of document.querySelectorAll("[id]")) ids.set(e.id, (ids.get(e.id) || 0) + 1);
  const part = ({ name, value }) => {
    if (name === "id") return ids.get(value) > 1 ? "id twice" : "id";
    if (["aria-labelledby", "aria-describedby", "aria-controls", "for", "list", "headers"].includes(name))
      return `${name} ${value.trim().split(/\\s+/).every(to => ids.has(to))}`;
    const states = /^(true|false|mixed|page|polite|assertive|off)$/;
    const kept = ["role", "type", "tabindex"].includes(name) || (name.startsWith("aria-") && states.test(value));
    return `${name} ${kept ? value : value.trim() && "some"}`;
  };
  const look = e => {
    const parts = [...e.attributes].filter(({ name }) => !["class", "style"].includes(name)).map(part).sort();
    return `${e.localName}.${e.className} ${parts} ${e.textContent.trim() && "says"}`;
  };
  for (const figure of document.querySelectorAll("figure.is-live")) {
    const looks = new Set([...figure.querySelectorAll(":not(svg, svg *)")].map(look));
    const fresh = [...looks].filter(look => (times.get(look) || 0) < 2);
    figure.toggleAttribute("data-fresh", fresh.length > 0);
    for (const look of fresh) times.set(look, (times.get(look) || 0) + 1);
    found.push(...fresh);
  }
  return found;
}"""


def alive(page, seen):
    """What axe finds wrong with live figures, but for those in which nothing is new: one script makes them all.

    `seen` counts the looks of their elements, names and states among them, from page to page; each is asked in two
    figures.
    """
    found = page.evaluate(FRESH, [look for look, times in seen.items() if times >= 2])
    seen.update(found)
    return violations(page, REST, ALIVE) if found else []


def colours(page, seen):
    """What axe finds wrong with the colours of a page's text, as it looks now.

    Contrast takes two thirds of the time of all rules, and is the same for all that looks alike: each look is asked in
    two places of the site and not in thousands. `seen` counts them, from page to page; an empty one asks all.
    """
    found = page.evaluate(UNSEEN, [look for look, times in seen.items() if times >= 2])
    seen.update(found)
    if not found:
        return []
    wrong = violations(page, COLOURS, {"include": [["[data-unseen]"]], "exclude": [[".exhibit-live svg"]]})
    page.evaluate("document.querySelectorAll('[data-unseen]').forEach(e => e.removeAttribute('data-unseen'))")
    return wrong


def wake(page):
    """Bring every figure of the page to life, and wait until all are."""
    page.evaluate(WAKE)
    page.wait_for_function(AWAKE)


class Traffic:
    """What a page loads: the address and the gzipped size of each answer, since the last `forget`."""

    def __init__(self, page):
        self.answers, self.asked = {}, []
        page.on("request", lambda request: self.asked.append(request.url))
        page.on("response", lambda answer: self.answers.update({answer.url: answer}))
        self.known = {}

    def forget(self):
        self.answers.clear()
        self.asked.clear()

    def sizes(self):
        """By address; what a server cannot answer for (data:, blob:) weighs nothing."""
        for url, answer in list(self.answers.items()):
            if url not in self.known and url.startswith("http"):
                with contextlib.suppress(Exception):  # a redirect has no body
                    self.known[url] = len(gzip.compress(answer.body(), 9))
        return {url: self.known[url] for url in self.answers if url in self.known}

    def others(self):
        """The addresses on other hosts that were asked for."""
        return [url for url in self.asked if not url.startswith(("http://127.0.0.1:", "data:", "blob:"))]
