"""The built site in Firefox: quiet, alive on intent, in the page's theme, sorted, searched, printed."""

import re
import zlib

import pytest

from tests import pixels

pytestmark = pytest.mark.browser
LONG = "questions/cost/what_more_heads_cost/"
LIGHT, DARK = (255, 255, 255), (22, 24, 29)


@pytest.fixture
def start(firefoxes):
    return firefoxes


@pytest.fixture
def light(start):
    """A Firefox on a light system, for which nothing was said and no other host asked for at the end."""
    browser = start()
    browser.forget()
    yield browser
    # of a formula that it lays out before all of it has arrived; whether they are whole is asked in `test_site`
    said = [line for line in browser.said if "Incorrect number of children for <m" not in line]
    assert said == []
    assert [url for url in browser.asked if not url.startswith(("http://127.0.0.1:", "data:", "blob:", "about:"))] == []


def test_every_page_opens_quietly(site, paths, light):
    """No page says an error or a warning, and each has its heading and no picture that is broken."""
    broken = []
    for path in paths:
        light.open(site + path)
        broken += [
            (path, found)
            for found in light.run("""() => [...document.images].filter(i => i.complete &&
            !i.naturalWidth && i.loading !== "lazy").map(i => i.src).concat(document.querySelectorAll("h1").length === 1
            ? [] : [`not one heading: ${document.title}`])""")
        ]
    assert broken == []


def test_a_figure_wakes_where_the_pointer_rests(site, light):
    """And not before: the chart has marks and stands where the picture stood."""
    light.open(site)
    assert light.run("() => !document.querySelector('.exhibit-live')")
    box = light.run("""() => { const e = document.querySelector(".exhibit-stage");
        e.scrollIntoView({ block: "center" });
        const b = e.getBoundingClientRect(); return [b.x + b.width / 2, b.y + b.height / 2, b.top]; }""")
    light.hover(round(box[0]), round(box[1]))
    light.until("() => document.querySelector('figure.is-live .main-svg .point')")

    assert light.run("() => document.querySelector('.exhibit-live').getBoundingClientRect().top") == box[2]


@pytest.mark.parametrize("dark_system", [False, True])
@pytest.mark.parametrize(("scheme", "ground"), [("default", LIGHT), ("slate", DARK)])
def test_still_pictures_follow_the_page_and_not_the_system(site, start, dark_system, scheme, ground):
    """The switch of the page decides the ink of the picture, whatever the system asks for."""
    browser = start(dark=dark_system)
    browser.open(site)
    browser.run("scheme => document.body.setAttribute('data-md-color-scheme', scheme)", scheme)
    box = browser.run("""async () => { const e = document.querySelector(".exhibit-stage img");
        e.scrollIntoView({ block: "center" }); await e.decode();
        await new Promise(done => setTimeout(done, 300));
        const b = e.getBoundingClientRect(); return [b.x, b.y, b.width, b.height].map(Math.round); }""")
    x, y, width, height = box
    picture = pixels.read(browser.screenshot())[y : y + height, x : x + width].reshape(-1, 3).astype(int)

    assert len(picture) > 100_000
    assert (picture == ground).all(axis=1).mean() > 0.7
    contrast = abs(picture - ground).max(axis=1)
    assert (contrast > 120).sum() > 2000  # lines and letters that can be read


def test_tables_sort_and_search_finds(site, light):
    """A head sorts its column; the field finds a question."""
    light.open(site + LONG)
    years = light.run("""() => {
        const table = document.querySelector("#figure-kv_cache_models table");
        const at = [...table.tHead.rows[0].cells].findIndex(head => head.textContent === "year");
        table.querySelectorAll(".sort")[at].click();
        return [...table.tBodies[0].rows].map(row => row.cells[at].textContent);
    }""")
    assert len(years) > 20
    assert years == sorted(years)

    place = light.run("""() => { const b = document.querySelector(".md-search__input").getBoundingClientRect();
        return [b.x + b.width / 2, b.y + b.height / 2].map(Math.round); }""")
    light.click(*place)  # a window without a screen is never told of focus, which is the other sign to load the index
    light.press(*"softmax")
    light.until("() => document.querySelectorAll('.md-search-result__link').length > 1")


def test_without_scripts_text_and_pictures_are_there(site, start):
    """Where JavaScript is off, the picture is drawn and no control stands about that would do nothing."""
    browser = start(scripts=False)
    browser.open(site)
    picture = pixels.read(browser.screenshot()).astype(int)

    assert browser.asked[-1]
    assert any(re.search(r"figures/.*-wide\.svg$", url) for url in browser.asked)
    assert not any("plotly" in url for url in browser.asked)
    assert (abs(picture - LIGHT).max(axis=2) > 120).sum() > 5000


def colours(pdf):
    """The colours that the fills and strokes of a PDF name."""
    found = set()
    for stream in re.findall(rb"stream\r?\n(.*?)endstream", pdf, re.DOTALL):
        try:
            found |= set(re.findall(rb"(?:[\d.]+ ){3}(?:rg|RG)\b", zlib.decompress(stream)))
        except zlib.error:
            continue
    return found


def test_print_is_the_same_from_a_dark_system(site, start):
    """Printed from dark mode the page has the light colours, and as many pages."""
    printed = []
    for dark in (False, True):
        browser = start(dark=dark)
        browser.open(site + LONG)
        printed.append(browser.printed())

    assert len(colours(printed[0])) > 3
    assert colours(printed[0]) == colours(printed[1])
    assert printed[0].count(b"/Type /Page\n") == printed[1].count(b"/Type /Page\n")
