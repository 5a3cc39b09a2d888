"""The built site in WebKit, the engine of Safari: quiet, alive on intent, in the page's theme, sorted, searched."""

import pytest

from tests import pixels, webkit

pytestmark = pytest.mark.browser
LONG = "questions/cost/what_more_heads_cost/"
LIGHT, DARK = (255, 255, 255), (22, 24, 29)
SCHEME = "scheme => document.body.setAttribute('data-md-color-scheme', scheme)"


@pytest.fixture(scope="module")
def program():
    found = webkit.find()
    if found is None:
        pytest.skip("there is no WebKit here: install webkit2gtk-driver and xvfb from the system's packages")
    return found


@pytest.fixture(scope="module")
def start(program, tmp_path_factory):
    """Start WebKits; each is started once for all tests."""
    running = {}

    def started(**options):
        key = tuple(sorted(options.items()))
        if key not in running:
            running[key] = webkit.WebKit(program, tmp_path_factory.mktemp("webkit"), **options)
        return running[key]

    yield started
    for browser in running.values():
        browser.close()


@pytest.fixture
def light(start):
    """A WebKit on a light system, in which nothing was said and no other host asked for at the end."""
    browser = start()
    yield browser
    assert browser.hear() == []
    assert [url for url in browser.asked if not url.startswith(("http://127.0.0.1:", "data:", "blob:"))] == []


def test_pages_load_quietly(site, program, tmp_path):
    """Pages of every kind say no error and no warning while they load."""
    paths = ["", LONG, "calculator/", "questions/learning/do_heads_specialise/"]
    said = webkit.said_as_they_load(program, tmp_path, [site + path for path in paths])

    # of the page's policy, for a directive that other browsers know
    told = {path: [line for line in lines if "'manifest-src'" not in line]
            for path, lines in zip(paths, said, strict=True)}  # fmt: skip
    assert told == {path: [] for path in paths}


def test_it_hears_what_a_page_says(tmp_path, program):
    """Otherwise the silence of the pages would mean nothing."""
    page = tmp_path / "page.html"
    page.write_text("<title>page</title><script>console.warn('careful'); nowhere()</script>", encoding="utf-8")
    (said,) = webkit.said_as_they_load(program, tmp_path, [page.as_uri()])

    assert len(said) == 2
    assert said[0].endswith("CONSOLE WARN careful")
    assert "ReferenceError" in said[1]


def test_a_figure_wakes_where_the_pointer_rests(site, light):
    """And not before: the chart has marks and stands where the picture stood."""
    light.open(site)
    assert light.run("() => !document.querySelector('.exhibit-live')")
    box = light.run("""() => { const e = document.querySelector(".exhibit-stage");
        e.scrollIntoView({ block: "center", behavior: "instant" });
        const b = e.getBoundingClientRect(); return [b.x + b.width / 2, b.y + b.height / 2, b.top]; }""")
    light.hover(round(box[0]), round(box[1]))
    light.until("() => document.querySelector('figure.is-live .main-svg .point')")

    assert light.run("() => document.querySelector('.exhibit-live').getBoundingClientRect().top") == box[2]


def picture(browser):
    """The pixels of the first still picture of a page, once it is drawn, (pixels, 3)."""
    box = browser.run("""async () => { const e = document.querySelector(".exhibit-stage img");
        e.scrollIntoView({ block: "center", behavior: "instant" });
        await document.querySelector(".exhibit-stage img").decode();
        await new Promise(done => setTimeout(done, 500));
        const b = document.querySelector(".exhibit-stage img").getBoundingClientRect();
        return [b.x, b.y, b.width, b.height].map(Math.round); }""")
    x, y, width, height = box
    return pixels.read(browser.screenshot())[y : y + height, x : x + width, :3].reshape(-1, 3).astype(int)


def assert_inked(drawn, ground):
    """Most of it is ground, and there are lines and letters on it that can be read."""
    assert len(drawn) > 100_000
    assert (drawn == ground).all(axis=1).mean() > 0.7
    assert (abs(drawn - ground).max(axis=1) > 120).sum() > 2000


@pytest.mark.parametrize("dark_system", [False, True])
@pytest.mark.parametrize(("scheme", "ground"), [("default", LIGHT), ("slate", DARK)])
def test_still_pictures_follow_the_page_and_not_the_system(site, start, dark_system, scheme, ground):
    """The switch of the page decides the ink of the picture, whatever the system asks for; also on a full screen."""
    browser = start(dark=dark_system)
    browser.open(site)
    assert browser.run("() => matchMedia('(prefers-color-scheme: dark)').matches") == dark_system
    browser.run(SCHEME, scheme)
    browser.until("() => /#(dark|light)$/.test(document.querySelector('.exhibit-stage img').currentSrc)")
    assert_inked(picture(browser), ground)

    browser.run("""() => { document.querySelector("figure.is-chart").dataset.still = "yes"; // as its button does
        document.querySelector("[data-act=full]").click(); }""")
    browser.until("() => document.querySelector('dialog[open] .exhibit-stage img')")
    assert_inked(picture(browser), ground)


@pytest.mark.parametrize("dark_system", [False, True])
def test_without_a_choice_page_and_picture_follow_the_system(site, start, dark_system):
    """As a visitor comes: the theme takes the system's, and the picture the theme's."""
    browser = start(dark=dark_system)
    browser.open(site)
    browser.until("() => /#(dark|light)$/.test(document.querySelector('.exhibit-stage img').currentSrc)")
    scheme = browser.run("() => document.body.dataset.mdColorScheme")

    assert scheme == ("slate" if dark_system else "default")
    assert_inked(picture(browser), DARK if dark_system else LIGHT)


def test_a_picture_is_loaded_once_for_both_themes(site, light):
    """The theme stands in the part of the address that no server is asked for."""
    light.open(site)
    for scheme in ("slate", "default"):
        light.run(SCHEME, scheme)
        picture(light)

    assert len([url for url in light.asked if "-wide.svg" in url]) == 1


def test_another_machines_picture_follows_too(site, light):
    """A picture that comes after the page, in the place of another."""
    light.open(site + LONG)
    light.run(SCHEME, "slate")
    light.run("""() => { const s = document.querySelector("figure:has(.exhibit-stage) .exhibit-machine select");
        s.selectedIndex = 1; s.dispatchEvent(new Event("change")); }""")
    other = "() => document.querySelector('figure:has(.exhibit-machine) .exhibit-stage img').src"
    first = light.run(other)
    light.until(f"() => ({other})().endsWith('#dark') && ({other})().includes('-wide')")
    light.run("() => localStorage.clear()")
    assert first


def test_what_is_printed_is_light(site, light):
    """From a dark page too; afterwards it is dark again."""
    light.open(site)
    light.run(SCHEME, "slate")
    light.until("() => document.querySelector('.exhibit-stage img').src.endsWith('#dark')")
    for event, theme in (("beforeprint", "#light"), ("afterprint", "#dark")):
        light.run("kind => dispatchEvent(new Event(kind))", event)
        light.until(f"() => document.querySelector('.exhibit-stage img').src.endsWith('{theme}')")


def test_tables_sort_and_search_finds(site, light):
    """A head sorts its column; the field finds a question."""
    light.open(site + LONG)
    years = light.run("""() => {
        const table = document.querySelector('#figure-kv_cache_models table');
        const heads = [...table.tHead.rows[0].cells], at = heads.findIndex(head => head.textContent.trim() === 'year');
        heads[at].querySelector('.sort').click();
        return [...table.tBodies[0].rows].map(row => row.cells[at].textContent); }""")
    assert len(years) > 20
    assert years == sorted(years)

    place = light.run("""() => { const b = document.querySelector(".md-search__input").getBoundingClientRect();
        return [b.x + b.width / 2, b.y + b.height / 2].map(Math.round); }""")
    light.click(*place)
    light.press(*"softmax")
    light.until("() => document.querySelectorAll('.md-search-result__link').length > 1")


def test_without_scripts_page_and_picture_agree(site, start):
    """Where JavaScript is off, the page is light, and so is the picture."""
    browser = start(dark=True, scripts=False)
    browser.open(site)

    assert browser.run("() => !document.querySelector('.exhibit-live') && !window.attnsite")
    ground = LIGHT if browser.run("() => document.body.dataset.mdColorScheme") == "default" else DARK
    assert_inked(picture(browser), ground)
