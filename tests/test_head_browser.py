"""The head browser: whole without a script, by mouse and keyboard, and nothing in it that the committed run has not."""

import gzip
import itertools
import re

import pytest

from attnsite.site.answers import Answers
from attnsite.site.widgets import head_browser
from tests import visits
from tests.conftest import ROOT
from tests.test_access import STICKS_OUT

PATH = "questions/learning/do_heads_specialise/"
RUN, ROW = head_browser.found(Answers.load(ROOT))
HEADS = head_browser.heads(ROW)
LETTERS = ROW.values["shown"]["text"]
browser_test = pytest.mark.browser


def cells_of(weights):
    """Which cells a map draws and how dark, from the run."""
    return {
        (key, query): head_browser.level(weight)
        for query, row in enumerate(weights)
        for key, weight in enumerate(row)
        if head_browser.level(weight)
    }


def drawn(html):
    """The same from the paths of a map."""
    found = {}
    for shade, path in re.findall(r'<path class="hb(\d)" d="([^"]*)"', html):
        for key, query in re.findall(r"M(\d+) (\d+)\.5h1", path):
            found[int(key), int(query)] = int(shade)
    return found


def seen(page, part):
    """The texts of the elements that a reader sees."""
    return [each.inner_text() for each in page.locator(part).all() if each.is_visible()]


def live(page):
    page.locator("[data-module=head_browser]").dispatch_event("focusin")
    page.wait_for_selector("[data-module=head_browser][data-live=yes]")
    return page


def test_every_map_and_word_is_the_runs():
    """Each cell of each map, every weight and what is said of a head come from the committed run, none from a build."""
    assert RUN.machine != "this_build"
    html = head_browser.html(Answers.load(ROOT))
    for state, head in itertools.product(head_browser.STATES, HEADS):
        weights = ROW.values["shown"][state][head.layer][head.place]
        part = re.search(rf'<g id="hb-{state}-{head.key}" data-weights="([^"]*)">(.*?)</g>', html)
        assert drawn(part[2]) == cells_of(weights)
        assert [[int(w) for w in row.split(",")] for row in part[1].split(";")] == [
            [round(100 * weight) for weight in row] for row in weights
        ]
        assert head_browser.told(ROW, state, head) in html.replace("&#x27;", "'")


def test_a_shade_is_a_range_of_weights():
    """Nothing under the least, the darkest from the greatest bound on, and no weight is lighter than a smaller one."""
    assert head_browser.level(0) == 0
    assert head_browser.level(1) == len(head_browser.LEVELS)
    shades = [head_browser.level(weight / 1000) for weight in range(1001)]
    assert shades == sorted(shades)


def test_a_checkout_without_a_run_says_so(tmp_path):
    """The page is built all the same."""
    assert head_browser.found(Answers.load(tmp_path)) is None
    assert "attnsite measure head_roles" in head_browser.html(Answers.load(tmp_path))


def test_the_style_sheet_knows_every_head():
    """Which head is seen is a rule for each: as many as the model has."""
    css = (ROOT / "docs/assets/heads.css").read_text(encoding="utf-8")

    assert all(f'[data-head="{head.key}"]' in css for head in HEADS)


@browser_test
def test_it_is_whole_without_a_script(site, open_page):
    """All maps, the table and the choice of head and state work; what needs the script is not there."""
    page = open_page(site + PATH, java_script_enabled=False)
    part = page.locator(".head-browser")

    assert part.locator(".hb-cell").count() == len(HEADS)
    assert len([m for m in part.locator(".hb-cell .hb-map").all() if m.is_visible()]) == len(HEADS)
    assert part.locator("table").is_visible()
    assert part.locator("tbody tr").count() == len(HEADS)
    assert not part.locator("select").is_visible()
    head = HEADS[-1]
    part.locator(f"input[value='{head.key}']").check()
    assert seen(page, ".hb-told p") == [head_browser.told(ROW, "trained", head)]
    part.locator("input[value=initial]").check()
    assert seen(page, ".hb-told p") == [head_browser.told(ROW, "initial", head)]
    assert not re.search(r"NaN|undefined|None|Infinity", part.inner_text())


@browser_test
def test_heads_are_picked_by_keyboard_and_mouse(site, open_page):
    """Arrow keys walk through the heads, Tab leaves the group; a click on a map picks it; one map is large."""
    page = live(open_page(site + PATH))
    page.locator(f"input[name=head][value='{HEADS[0].key}']").focus()
    page.keyboard.press("Space")
    for head in HEADS[1:]:
        page.keyboard.press("ArrowRight")
        assert seen(page, ".hb-told p") == [head_browser.told(ROW, "trained", head)]
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.name") == "query"
    page.locator(".hb-cell").nth(2).locator(".hb-map:visible").click()
    assert page.locator("input[name=head]:checked").get_attribute("value") == HEADS[2].key
    uses = page.locator(".hb-large use").evaluate_all(
        "all => all.filter(e => getComputedStyle(e).display !== 'none').map(e => e.getAttribute('xlink:href'))"
    )
    assert uses == [f"#hb-trained-{HEADS[2].key}"]
    style = "getComputedStyle(document.querySelector('.hb-large')).stroke"
    assert page.evaluate(style) not in ("none", "rgba(0, 0, 0, 0)")


@browser_test
def test_a_query_is_read_out_as_the_run_has_it(site, open_page):
    """For every head, both states and several queries the words are those that Python makes of the run's weights."""
    page = live(open_page(site + PATH))
    for state, head in itertools.product(head_browser.STATES, HEADS):
        page.locator(f"input[name=state][value={state}]").check()
        page.locator(f"input[name=head][value='{head.key}']").check()
        for query in (0, 5, len(LETTERS) - 1):
            page.select_option("select[name=query]", str(query))
            assert page.locator(".hb-reading output").inner_text() == head_browser.reading(ROW, state, head, query)
    page.locator(".hb-large").scroll_into_view_if_needed()
    box = page.locator(".hb-large").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 3, box["y"] + box["height"] / 2)
    query = int(page.locator("select[name=query]").input_value())
    assert abs(query - (len(LETTERS) - 1.7) / 2) <= 1
    last = (list(head_browser.STATES)[-1], HEADS[-1])
    assert page.locator(".hb-reading output").inner_text() == head_browser.reading(ROW, *last, query)


@browser_test
def test_waking_changes_and_moves_nothing(site, browser):
    """As built it says what the script says; the script is at most 2 KB gz and loads on intent."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, bypass_csp=True)
    page, asked = context.new_page(), []
    page.on("request", lambda request: asked.append(request.url))
    page.add_init_script(visits.SHIFTS)
    page.goto(site + PATH, wait_until="networkidle")
    assert not any("head_browser.js" in url for url in asked)
    before = page.locator(".head-browser").inner_text()
    live(page)
    page.wait_for_timeout(300)

    assert page.locator(".head-browser").inner_text() == before
    assert page.evaluate("window.shift") < 0.001
    assert len(gzip.compress((ROOT / "docs/assets/head_browser.js").read_bytes(), 9)) < 2_000
    context.close()


@browser_test
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_there_are_no_accessibility_violations(site, open_page, scheme):
    """axe finds nothing, in either scheme and either state."""
    page = live(open_page(site + PATH, color_scheme=scheme))

    assert visits.violations(page, context={"include": [[".head-browser"]]}) == []
    page.locator("input[name=state][value=initial]").check()
    assert visits.violations(page, context={"include": [[".head-browser"]]}) == []


@browser_test
def test_a_phone_needs_no_sideways_scrolling(site, open_page):
    """At 360 pixels nothing sticks out, whichever head and state are shown."""
    page = live(open_page(site + PATH, viewport={"width": 360, "height": 740}))
    for state in head_browser.STATES:
        page.locator(f"input[name=state][value={state}]").check()
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        assert page.evaluate(STICKS_OUT) == []


@browser_test
@pytest.mark.parametrize(("width", "height"), [(1440, 900), (768, 900), (390, 844)])
def test_the_map_is_seen_with_its_reading(site, open_page, width, height):
    """The whole of the large map, the choice of a token and what is read of it fit into one window."""
    page = live(open_page(site + PATH, viewport={"width": width, "height": height}))
    boxes = [page.locator(part).bounding_box() for part in (".hb-large", ".hb-reading select", ".hb-reading output")]
    top, bottom = min(box["y"] for box in boxes), max(box["y"] + box["height"] for box in boxes)
    header = page.locator(".md-header").bounding_box()["height"]
    assert bottom - top <= height - header
    if width > 600:  # and the small maps beside them
        small = page.locator(".hb-grid").bounding_box()
        assert max(bottom, small["y"] + small["height"]) - min(top, small["y"]) <= height - header


@browser_test
def test_maps_are_seen_in_forced_colours(site, open_page):
    """The cells take the system's colour for text."""
    page = open_page(site + PATH, forced_colors="active")
    stroke, text = page.evaluate(
        "[getComputedStyle(document.querySelector('.hb-map .hb5')).stroke, getComputedStyle(document.body).color]"
    )

    assert stroke == text
