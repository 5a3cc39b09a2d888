"""Every page for every reader: axe, the keyboard, zoom, text spacing, less motion, forced colours, texts of figures."""

import collections
import re
from html.parser import HTMLParser

import pytest

from tests import visits

pytestmark = pytest.mark.browser
LONG = "questions/cost/what_more_heads_cost/"
MADE = ("figures", "kernels", "peers", "results")
KINDS = ["", "questions/practice/multi_head_or_single_head/", "kernels/cpu_naive/", "evidence/"]


@pytest.fixture
def look(browser):
    """Open a page that goes from address to address, which costs less than a context for each.

    At the end nothing was said in the console, on whatever pages it has been.
    """
    contexts, said = [], []

    def opened(**options):
        asked = {"viewport": {"width": 1280, "height": 900}, "bypass_csp": True, **options}
        contexts.append(browser.new_context(**asked))
        page = contexts[-1].new_page()
        page.on("console", lambda m: said.append((page.url, m.text)) if m.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: said.append((page.url, str(error))))
        return page

    yield opened
    for context in contexts:
        context.close()
    assert said == []


# --- axe -------------------------------------------------------------------------------------------------------


def test_no_page_breaks_a_rule_of_access(site, paths, look):
    """axe finds nothing against WCAG 2.2 AA and good practice on any page, in both themes, still and alive.

    One page of each kind is asked whole; on the others rows of tables and lines of programs that look as earlier ones
    do are asked twice and not a hundred times, and so are live figures. Colours are asked of each look of a text in two
    places of the site, in each theme. The tests below hold all of it.
    """
    page, wrong = look(color_scheme="light", reduced_motion="reduce"), []  # no colour is asked while it fades
    woken = collections.Counter()  # what live figures are made of
    made = collections.Counter()  # pages of a kind, which one template makes
    seen = {"light": collections.Counter(), "dark": collections.Counter()}
    for path in paths:
        page.emulate_media(color_scheme="light")
        page.goto(site + path, wait_until="load")
        made[kind := path.partition("/")[0]] += 1
        if path not in KINDS:
            page.evaluate(visits.THIN)
        if page.locator("h1").count() != 1:
            wrong.append((path, "light", "one h1", []))
        wrong += [(path, "light", *found) for found in visits.violations(page, visits.REST)]
        wrong += [(path, "light", *found) for found in visits.colours(page, seen["light"])]
        if (
            kind not in MADE or made[kind] <= 3
        ):  # what wakes on such a page wakes on the question's that shows the figure
            visits.wake(page)
        if page.locator("figure.is-live").count():
            wrong += [(path, "alive", *found) for found in visits.alive(page, woken)]
            wrong += [(path, "alive", *found) for found in visits.colours(page, seen["light"])]
        page.emulate_media(color_scheme="dark")  # only colours differ in the other theme
        page.wait_for_function("document.body.dataset.mdColorScheme === 'slate'")
        wrong += [(path, "dark", *found) for found in visits.colours(page, seen["dark"])]
    assert wrong == []
    assert all(len(looks) > 150 for looks in seen.values())
    assert len(woken) > 30


def test_axe_is_awake(site, look):
    """A page that is broken on purpose is found to be, in each of the ways that the test above asks."""
    page = look()
    page.goto(site, wait_until="load")
    page.evaluate("""() => document.querySelector("article").insertAdjacentHTML("beforeend",
        "<p style='color: #ccc'>pale</p><img src='data:image/gif;base64,R0lGODlhAQABAAAAACw='>" +
        "<button style='width:9px;height:9px;padding:0'>a</button>" +
        "<button style='width:9px;height:9px;padding:0'>b</button>")""")

    assert {"color-contrast", "image-alt", "target-size"} <= {rule for rule, _ in visits.violations(page)}
    assert [rule for rule, _ in visits.colours(page, collections.Counter())] == ["color-contrast"]
    assert {"image-alt", "target-size"} <= {rule for rule, _ in visits.violations(page, visits.REST)}


def test_rows_are_asked_of_every_look(site, look):
    """Rows that look as others do are asked twice; one among them that does not is asked as well."""
    page = look()
    page.goto(site + LONG, wait_until="load")
    page.evaluate("""() => document.querySelector("article").insertAdjacentHTML("beforeend", "<table><tbody>" +
        "<tr><td>one of many</td></tr>".repeat(8) + "<tr><td class='pale'>another</td></tr>" +
        "<tr><td>one of many</td></tr>".repeat(8) + "</tbody></table>")""")
    page.evaluate(visits.THIN)

    assert page.locator("article > table:last-child td").all_inner_texts() == ["one of many", "one of many", "another"]


BROKEN = {  # within a figure whose like was asked before
    "e.insertAdjacentHTML('beforeend', '<button class=new></button>')": "button-name",
    "e.querySelector('button[aria-label]').setAttribute('aria-label', '')": "button-name",
    "e.querySelector('button[aria-label]').setAttribute('aria-pressed', 'yes')": "aria-valid-attr-value",
}


def test_a_live_figure_is_asked_where_something_in_it_is_new(site, look):
    """The third of a kind is not asked again; one with a part, a name or a state that no other has is."""
    page, seen = look(), collections.Counter()
    page.goto(site + LONG, wait_until="load")
    visits.wake(page)
    assert visits.alive(page, seen) == []
    assert visits.alive(page, seen) == []
    before = seen.total()
    assert visits.alive(page, seen) == []
    assert seen.total() == before
    figure = page.locator("figure.is-live").last
    inside = figure.evaluate("e => e.innerHTML")
    for breaking, rule in BROKEN.items():
        figure.evaluate(f"e => {breaking}")
        assert [rule for rule, _ in visits.alive(page, seen.copy())] == [rule], breaking
        figure.evaluate("(e, inside) => { e.innerHTML = inside; }", inside)


def test_colours_are_asked_of_every_look(site, look):
    """What looks as two places before it did is not asked again, on this page or the next; what does not is."""
    page, seen = look(), collections.Counter()
    page.goto(site + LONG, wait_until="load")
    assert visits.colours(page, seen) == []
    assert visits.colours(page, seen) == []  # what looks like nothing else on the page is asked once more
    before = sum(seen.values())
    page.evaluate("""() => document.querySelector("article").insertAdjacentHTML("beforeend", "<table><tbody>" +
        "<tr><td>one of many</td></tr>".repeat(8) + "<tr><td class='pale'>pale</td></tr>" +
        "<tr><td style='color: #ddd'>paler</td></tr></tbody></table>")""")
    page.add_style_tag(content=".pale { color: #ccc; }")

    [(rule, where)] = visits.colours(page, seen)
    assert rule == "color-contrast"
    assert [re.sub(' data-unseen=""', "", html) for html in where] == [
        '<td class="pale">pale</td>',
        '<td style="color: #ddd">paler</td>',
    ]
    assert 2 <= sum(seen.values()) - before <= 4  # two of the eight alike, where no table of the page looks so
    page.reload(wait_until="load")
    assert visits.colours(page, seen) == []
    assert max(seen.values()) == 2


# --- figures ---------------------------------------------------------------------------------------------------


class Figures(HTMLParser):
    """Each figure of a page: its classes, the text of its picture, and the tables in it with their names and heads."""

    def __init__(self, text):
        super().__init__()
        self.found, self.inside = [], False
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        has = dict(attributes)
        if tag == "figure" and "exhibit" in (has.get("class") or ""):
            self.inside = True
            self.found.append(
                {"id": has.get("id"), "class": has["class"].split(), "alt": None, "tables": [], "heads": 0}
            )
        elif self.inside and tag == "img":
            self.found[-1]["alt"] = has.get("alt")
        elif self.inside and tag == "table":
            self.found[-1]["tables"].append(has.get("aria-label"))
        elif self.inside and tag == "th":
            self.found[-1]["heads"] += has.get("scope") in ("col", "row")

    def handle_endtag(self, tag):
        self.inside = self.inside and tag != "figure"


def test_every_figure_tells_its_finding_and_has_its_numbers(site_folder):
    """Each chart has a text that states a finding with a number, and a named table with heads, as tables have."""
    seen, wrong = 0, []
    for file in sorted(site_folder.rglob("index.html")):
        for figure in Figures(file.read_text(encoding="utf-8")).found:
            if "is-unmeasured" in figure["class"]:
                continue
            seen += 1
            told = figure["alt"] or ""
            if "is-chart" in figure["class"] and (len(told) < 60 or not re.search(r"\d", told)):
                wrong.append((figure["id"], "alt", told))
            if not figure["tables"] or not all(figure["tables"]) or figure["heads"] < 3:
                wrong.append((figure["id"], "table", figure["tables"], figure["heads"]))
    assert seen > 40
    assert wrong == []


def test_a_long_table_is_laid_out_when_it_comes_near_and_nothing_moves(site, look):
    """It takes the room that it will need while it is skipped; then it is a stop for the keyboard, with a name."""
    page = look(viewport={"width": 400, "height": 500})
    page.goto(site + "calculator/", wait_until="load")
    box = page.locator(".scrolls.is-long")
    far = box.evaluate("e => [e.offsetHeight, e.querySelector('td').checkVisibility({ contentVisibilityAuto: true })]")
    box.scroll_into_view_if_needed()
    page.wait_for_function("document.querySelector('.scrolls.is-long').tabIndex === 0")

    assert far[1] is False
    assert box.evaluate("e => e.querySelector('td').checkVisibility({ contentVisibilityAuto: true })")
    assert box.evaluate("e => [e.offsetHeight, e.scrollHeight > e.clientHeight]") == [far[0], True]
    assert box.get_attribute("role") == "region"
    assert box.get_attribute("aria-label")


# --- keyboard --------------------------------------------------------------------------------------------------

CAN_FOCUS = """() => [...document.querySelectorAll(
    "a[href], button, input, select, textarea, summary, audio, video, [tabindex]")].filter(e =>
  !e.disabled && e.tabIndex >= 0 && e.type !== "hidden" && e.checkVisibility({ visibilityProperty: true }) &&
  e.getClientRects().length && !(e.type === "radio" && !e.checked))"""
FOCUSED = """() => {
  const e = document.activeElement;
  if (!e || e === document.body) return null;
  window.stops = window.stops || new Map();
  if (window.stops.has(e)) return "again";
  window.stops.set(e, true);
  const label = e.matches(".md-option") ? e.nextElementSibling : e; // the theme's switch shows the label behind it
  const shape = getComputedStyle(label), box = label.getBoundingClientRect();
  const seen = (shape.outlineStyle !== "none" && parseFloat(shape.outlineWidth) >= 1) || shape.boxShadow !== "none" ||
    e.matches(".md-search__input"); // its box unfolds
  const shown = box.width > 0 && box.bottom > 0 && box.top < innerHeight;
  return (seen ? "" : "no outline: ") + (shown ? "" : "out of sight: ") + e.outerHTML.slice(0, 120);
}"""


@pytest.mark.parametrize("path", KINDS)
def test_everything_is_reached_by_the_keyboard(site, look, path):
    """Tab goes through all that can be operated, shows where it is each time, and comes out at the end."""
    page = look()
    page.goto(site + path, wait_until="networkidle")
    expected = page.evaluate(f"({CAN_FOCUS})().length")
    stops = []
    for _ in range(expected + 30):
        page.keyboard.press("Tab")
        stop = page.evaluate(FOCUSED)
        if stop in (None, "again"):
            break
        stops.append(stop)
    missed = page.evaluate(f"({CAN_FOCUS})().filter(e => !window.stops.has(e)).map(e => e.outerHTML.slice(0, 120))")

    assert [stop for stop in stops if stop.startswith(("no outline", "out of sight"))] == []
    assert len(stops) > 20
    assert missed == []


def test_one_can_skip_to_the_content(site, look):
    """The first stop of the Tab key is a link that leads past the menus."""
    page = look()
    page.goto(site + LONG, wait_until="load")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.matches('.md-skip')")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")

    assert page.evaluate("!!document.activeElement.closest('article, .md-content')")


# --- size, spacing, motion, colours ----------------------------------------------------------------------------

OPEN = "() => document.querySelectorAll('details').forEach(e => { e.open = true; })"
STICKS_OUT = """() => {
  const width = document.documentElement.clientWidth;
  const boxed = element => {
    for (let e = element.parentElement; e && !e.matches(".md-content"); e = e.parentElement)
      if (getComputedStyle(e).overflowX !== "visible") return true; // it scrolls, or is cut, in a box of its own
    return false;
  };
  const found = [...document.querySelectorAll(".md-content *")].filter(e => {
    const box = e.getBoundingClientRect();
    return box.width && box.height && (box.right > width + 0.5 || box.left < -0.5) && !boxed(e);
  }).map(e => e.outerHTML.slice(0, 120));
  for (const part of document.querySelectorAll(".md-content, .md-content__inner, .md-main"))
    if (["clip", "hidden"].includes(getComputedStyle(part).overflowX)) found.push(`${part.className} hides`);
  const whole = document.documentElement.scrollWidth;
  if (whole > width) found.push(`the page is ${whole} wide`);
  return found.slice(0, 3);
}"""
# Letters that a box cuts off: the box hides what runs over, and text of its own does.
CUT = """() => [...document.querySelectorAll(".md-content *, .md-footer *")].filter(e => {
  const style = getComputedStyle(e);
  return ["hidden", "clip"].includes(style.overflowX) && style.clip === "auto" && e.clientWidth > 2 &&
    !e.closest(".exhibit-stage, mjx-container, math") && e.textContent.trim() &&
    (e.scrollWidth > e.clientWidth + 2 || e.scrollHeight > e.clientHeight + 2);
}).map(e => e.outerHTML.slice(0, 120)).slice(0, 3)"""
# A formula is no text of a language: its spacing has meaning.
SPACED = """:not(math, math *) {
  line-height: 1.5 !important; letter-spacing: 0.12em !important; word-spacing: 0.16em !important;
}
p { margin-bottom: 2em !important; }"""


def test_no_page_needs_sideways_scrolling(site, paths, look):
    """At 360 pixels, at 200 % zoom of a 1280 pixel window, with the text alone at 200 %, and with room between letters.

    The last is what WCAG 1.4.12 names; it may cut no text off either.
    """
    page, wrong = look(reduced_motion="reduce", device_scale_factor=2), []
    for path in paths:
        page.set_viewport_size({"width": 360, "height": 740})
        page.goto(site + path, wait_until="load")
        page.evaluate(OPEN)
        wrong += [(path, "360", found) for found in page.evaluate(STICKS_OUT)]
        page.set_viewport_size({"width": 640, "height": 450})
        wrong += [(path, "zoom", found) for found in page.evaluate(STICKS_OUT)]
        page.set_viewport_size({"width": 1280, "height": 900})
        size = page.evaluate("parseFloat(getComputedStyle(document.documentElement).fontSize)")
        page.evaluate("size => { document.documentElement.style.fontSize = `${size}px`; }", 2 * size)
        wrong += [(path, "text", found) for found in page.evaluate(STICKS_OUT)]
        page.evaluate("document.documentElement.style.fontSize = ''")
        page.set_viewport_size({"width": 360, "height": 740})
        page.add_style_tag(content=SPACED)
        wrong += [(path, "spaced", found) for found in page.evaluate(STICKS_OUT) + page.evaluate(CUT)]
    assert wrong == []


def test_who_asks_for_less_motion_gets_none(site, look):
    """No animation runs and no transition takes time, on a page that is used."""
    page = look(reduced_motion="reduce")
    page.goto(site + LONG, wait_until="load")
    page.locator(".exhibit-go").first.click()
    page.wait_for_selector("figure.is-live")
    page.keyboard.press("/")
    moving = """() => [...document.querySelectorAll("*")].filter(e => ["", "::before", "::after"].some(part => {
      const style = getComputedStyle(e, part);
      const longest = text => Math.max(...text.split(",").map(parseFloat));
      return longest(style.transitionDuration) > 0.001 || (style.animationName !== "none" &&
        longest(style.animationDuration) > 0.001);
    })).map(e => e.outerHTML.slice(0, 80)).slice(0, 3)"""

    assert page.evaluate(moving) == []
    assert page.evaluate("getComputedStyle(document.documentElement).scrollBehavior") == "auto"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_forced_colours_leave_everything_to_be_seen(site, look, scheme):
    """Pictures keep their own ground and ink, controls have an edge, and what is sorted or active says so in form."""
    page = look(forced_colors="active", color_scheme=scheme)
    page.goto(site + LONG, wait_until="networkidle")
    page.locator(".exhibit-go").first.click()
    page.wait_for_selector("figure.is-live")
    bare = """() => [...document.querySelectorAll(".exhibit-go, .exhibit select, .filter input")].filter(e => {
      const style = getComputedStyle(e);
      return e.checkVisibility() && !(parseFloat(style.borderTopWidth) >= 1 && style.borderTopStyle !== "none");
    }).length"""
    ground = "e => getComputedStyle(e).backgroundColor"
    assert page.evaluate(bare) == 0
    wanted = {"light": "rgb(255, 255, 255)", "dark": "rgb(22, 24, 29)"}[scheme]
    assert page.locator(".exhibit-stage img").nth(1).evaluate(ground) == wanted
    assert page.locator(".exhibit-live").evaluate(ground) == wanted
    inks = page.locator(".exhibit-live .js-line").evaluate_all("all => all.map(e => getComputedStyle(e).stroke)")
    assert len(set(inks)) == len(inks) or len(set(inks)) > 2
