"""The built site in a real browser: complete without JavaScript, alive on intent, links whole."""

import html
import re
import statistics
from html.parser import HTMLParser
from urllib.parse import unquote, urljoin, urlsplit
from xml.etree import ElementTree

import pytest

from attnsite.records import registry
from attnsite.records.participant import parse_participant
from tests import pixels
from tests.conftest import ROOT

pytestmark = pytest.mark.browser
LONG = "questions/cost/what_more_heads_cost/"
FOUR = "questions/practice/multi_head_or_single_head/"


def without_a_run():
    """The figures that ask a GPU and nothing else, while no GPU's run is committed."""
    found = set()
    for name, figure in registry.modules("figures", "EXPERIMENT").items():
        asked = registry.module("experiments", figure.EXPERIMENT, "experiment").experiment
        on_gpu = all(parse_participant(pattern).on_gpu for pattern in getattr(asked, "kernels", ("cpu",)))
        if on_gpu and not list((ROOT / "docs" / "results").glob(f"*/{figure.EXPERIMENT}.json")):
            found.add(name)
    return found


class Links(HTMLParser):
    """The addresses that a page refers to and the anchors that it has."""

    def __init__(self, text):
        super().__init__()
        self.targets, self.anchors = [], set()
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.anchors.update(filter(None, (found.get("id"), found.get("name") if tag == "a" else None)))
        for name in ("href", "src"):
            if found.get(name):
                self.targets.append(found[name])
        for part in (found.get("srcset") or "").split(","):
            if part.strip():
                self.targets.append(part.split()[0])


def test_every_link_and_anchor_of_every_page_is_there(site_folder):
    """No page refers to a file that was not built, or to an anchor that its target does not have."""
    pages = {path: Links(path.read_text(encoding="utf-8")) for path in site_folder.rglob("*.html")}
    broken = []
    for path, page in pages.items():
        if path.name == "404.html":
            continue
        here = "https://site/" + path.relative_to(site_folder).as_posix().removesuffix("index.html")
        for target in page.targets:
            address = urlsplit(urljoin(here, target))
            if address.scheme != "https" or address.netloc != "site":
                continue
            file = site_folder / unquote(address.path).lstrip("/")
            file = file / "index.html" if file.is_dir() else file
            anchor = unquote(address.fragment)
            if not file.is_file() or (anchor and file in pages and anchor not in pages[file].anchors):
                broken.append((here, target))
    assert len(pages) > 10
    assert broken == []


def test_nothing_is_loaded_from_another_host(site_folder):
    """No script, style, image or frame of any page has an address of its own host."""
    loads = re.compile(r"<(?:script|img|iframe|source|link rel=\"(?:stylesheet|preconnect|preload)\")[^>]*https?://")
    found = [path.name for path in site_folder.rglob("*.html") if loads.search(path.read_text(encoding="utf-8"))]

    assert found == []


def test_no_mark_is_left_unresolved(site_folder):
    """Every number and citation has become what it stands for."""
    for path in site_folder.rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        assert 'class="unresolved"' not in text, path
        assert not re.search(r"\[[@=][a-z_]+[.\d]", re.sub(r"<(code|pre).*?</\1>", "", text, flags=re.DOTALL)), path


@pytest.mark.parametrize("path", ["", LONG, FOUR, "notebooks/heads_by_hand/"])
def test_figures_show_pictures_without_javascript(site, open_page, path):
    """Every chart is an image that has loaded, with a text that states its finding; every table is there."""
    page = open_page(site + path, java_script_enabled=False)

    figures = page.locator("figure.exhibit")
    assert figures.count() >= 1
    for image in page.locator("figure.exhibit img").all():
        image.scroll_into_view_if_needed()
        image.wait_for(state="visible")
        assert len(image.get_attribute("alt")) > 60
        box = image.bounding_box()
        assert box["width"] > 300
        answer = page.request.get(urljoin(page.url, image.get_attribute("src")))
        assert answer.ok
        assert answer.text().startswith("<svg")
    unmeasured = {figure.get_attribute("id") for figure in page.locator("figure.is-unmeasured").all()}
    assert unmeasured <= {f"figure-{name}" for name in without_a_run()}


def test_a_page_without_javascript_follows_the_system(site, open_page):
    """A dark system gets dark ground, light ink and dark pictures where no script chooses; a light one stays light."""
    seen = {}
    for scheme in ("light", "dark"):
        page = open_page(site + FOUR, java_script_enabled=False, color_scheme=scheme)
        image = page.locator("figure.exhibit img").first
        image.scroll_into_view_if_needed()
        image.wait_for(state="visible")
        corner = pixels.read(image.screenshot())[4, 4]
        ground, ink = light(page.locator("body"), "backgroundColor"), light(page.locator("h1"), "color")
        seen[scheme] = [ground, ink, corner.mean()]

    assert [value > 128 for value in seen["light"]] == [True, False, True]
    assert [value > 128 for value in seen["dark"]] == [False, True, False]


def light(element, name):
    """The mean of a colour's three parts, of 255."""
    return statistics.mean(map(int, element.evaluate("(e, name) => getComputedStyle(e)[name]", name)[4:-1].split(", ")))


def wake(page, number=0):
    """Rest the pointer on a figure until it is alive."""
    figure = page.locator("figure.is-chart").nth(number)
    figure.scroll_into_view_if_needed()
    figure.locator(".exhibit-stage").hover()
    page.wait_for_function("n => document.querySelectorAll('figure.is-chart')[n].matches('.is-live')", arg=number)
    return figure


def test_a_figure_comes_alive_on_intent_and_not_before(site, open_page):
    """The chart library is not loaded with the page; a pointer at rest loads it, and the plot has marks."""
    page = open_page(site)
    page.wait_for_timeout(400)
    assert page.evaluate("!window.Plotly")

    figure = wake(page)

    assert figure.locator(".exhibit-live .main-svg").count() >= 1
    assert figure.locator(".exhibit-live .scatterlayer .point, .exhibit-live .barlayer .point").count() > 3


def test_the_button_works_from_the_keyboard(site, open_page):
    """Focus it, press Enter: alive; again: the still picture."""
    page = open_page(site)
    page.locator(".exhibit-go").first.focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("figure.is-live")
    page.keyboard.press("Enter")
    page.wait_for_selector("figure.is-live", state="detached")


def test_figures_survive_instant_navigation_there_and_back(site, open_page):
    """After going to a question by a link and back, its figures and those of the first page come alive again."""
    page = open_page(site)
    wake(page)
    page.locator("article a[href*='what_more_heads_cost']").first.click()
    page.wait_for_url("**/what_more_heads_cost/**")
    page.wait_for_selector("#figure-parameters_by_heads")
    wake(page)
    page.go_back()
    page.wait_for_selector("#figure-flat_and_growing")
    wake(page)

    assert page.locator(".exhibit-live").count() == 1


def test_live_figures_follow_the_palette(site, open_page):
    """Switching the theme repaints a live chart."""
    page = open_page(site, color_scheme="light")
    figure = wake(page)

    def ink():
        return figure.locator(".exhibit-live .xtick text").first.evaluate("e => getComputedStyle(e).fill")

    light = ink()
    page.evaluate("document.body.setAttribute('data-md-color-scheme', 'slate')")
    changed = "before => getComputedStyle(document.querySelector('.exhibit-live .xtick text')).fill !== before"
    page.wait_for_function(changed, arg=light)
    assert ink() != light


def test_still_pictures_follow_the_theme(site, open_page):
    """The same SVG is drawn with other ink in dark mode."""
    page = open_page(site, color_scheme="light")
    address = urljoin(page.url, page.locator("figure.exhibit img").first.get_attribute("src"))
    text = page.request.get(address).text()

    assert "prefers-color-scheme" in text
    assert not re.search(r"rgb\(\s*(1,\s*2,\s*3|13,\s*14,\s*15)\s*\)", text)


def test_another_machine_can_be_picked(site, open_page):
    """Where there are several, choosing one changes the line that says what was measured where."""
    page = open_page(site + LONG)
    pickers = page.locator(".exhibit-machine select")
    if pickers.count() == 0:
        pytest.skip("there is only one machine's run here")
    figure = page.locator("figure:has(.exhibit-machine select)").first
    before = figure.locator("[data-text=made]").inner_text()
    picker = figure.locator("select")
    other = picker.locator("option").nth(1).get_attribute("value")
    picker.select_option(other)

    page.wait_for_function("([e, before]) => e.textContent !== before",
                           arg=[figure.locator("[data-text=made]").element_handle(), before])  # fmt: skip
    assert other in figure.locator("[data-ending='.csv']").get_attribute("href")


def test_print_shows_the_still_pictures_on_white(site, open_page):
    """Printing from dark mode with a live figure gives the light picture."""
    page = open_page(site, color_scheme="dark")
    wake(page)
    page.emulate_media(media="print")

    assert page.locator(".exhibit-live").first.is_hidden()
    assert page.locator("figure.exhibit img").first.is_visible()


@pytest.mark.parametrize("contrast", ["no-preference", "more"])
@pytest.mark.parametrize("path", ["", "calculator/", "by_hand/", "questions/learning/do_heads_specialise/"])
def test_print_has_the_same_colours_from_either_theme(site, open_page, path, contrast):
    """Of drawings within the page too: whatever a colour is named, it is one of a light page."""
    sheets = ((ROOT / "docs" / "assets" / name).read_text(encoding="utf-8") for name in ("site.css", "play.css"))
    names = sorted({name for text in sheets for name in re.findall(r"(--[\w-]+):", text)} - {"--scale"})
    read = (
        "names => { const style = getComputedStyle(document.body); return names.map(n => style.getPropertyValue(n)); }"
    )
    found = []
    for scheme in ("light", "dark"):
        page = open_page(site + path, color_scheme=scheme, contrast=contrast)
        page.wait_for_selector(f"body[data-md-color-scheme={'slate' if scheme == 'dark' else 'default'}]")
        page.emulate_media(media="print")
        found.append(dict(zip(names, page.evaluate(read, names), strict=True)))
    assert len(names) > 50
    assert {name: pair for name in names if (pair := [each[name] for each in found])[0] != pair[1]} == {}


def test_downloads_of_every_figure_are_built(site_folder):
    """For each figure and machine there are JSON and CSV, and for charts both pictures."""
    specs = sorted((site_folder / "figures").glob("*/*.json"))
    names = {path.stem for path in (ROOT / "attnsite" / "figures").glob("[!_]*.py")}

    assert {path.parent.name for path in specs} == names - without_a_run()
    for spec in specs:
        assert spec.with_suffix(".csv").read_text(encoding="utf-8").count("\n") >= 2, spec


def test_the_dark_theme_is_whole_without_the_themes_palettes(site_folder):
    """No page loads that sheet, so what it sets for the dark theme is set by ours, or not at all."""
    (palettes,) = (site_folder / "assets" / "stylesheets").glob("palette.*.css")
    dark = r'\[data-md-color-scheme="?slate"?\] ?{([^}]*)}'
    wanted = set(re.findall(r"(--[\w-]+):", "".join(re.findall(dark, palettes.read_text(encoding="utf-8")))))
    ours = (ROOT / "docs" / "assets" / "site.css").read_text(encoding="utf-8")

    assert len(wanted) > 30
    assert wanted - set(re.findall(r"(--[\w-]+):", "".join(re.findall(dark, ours)))) == set()
    assert not [path for path in site_folder.rglob("*.html") if palettes.name in path.read_text(encoding="utf-8")]


CHILDREN = {"msub": 2, "msup": 2, "mfrac": 2, "munder": 2, "mover": 2, "mroot": 2, "msubsup": 3, "munderover": 3}


def test_every_formula_is_whole(site_folder):
    """Elements of MathML that have two or three parts have as many on every page."""
    count, wrong = 0, []
    for path in site_folder.rglob("*.html"):
        for found in re.findall(r"<math.*?</math>", path.read_text(encoding="utf-8"), re.DOTALL):
            count += 1
            for element in ElementTree.fromstring(re.sub(r"&(?!#|amp|lt|gt)(\w+);", "x", found)).iter():
                if len(element) != CHILDREN.get(element.tag.rpartition("}")[2], len(element)):
                    wrong.append((path.relative_to(site_folder).as_posix(), ElementTree.tostring(element, "unicode")))
    assert count > 100
    assert wrong == []


def test_code_of_a_notebook_stands_once(site_folder):
    """Its lines are not printed again for a button that copies; what reads a page's text would read all twice."""
    pages = list(site_folder.glob("notebooks/*/index.html"))
    assert pages
    for page in pages:
        text = html.unescape(re.sub(r"<[^>]+>", "", page.read_text(encoding="utf-8").partition("<article")[2]))
        code = [line for line in text.splitlines() if re.match(r"(?:from|import) \w", line)]
        assert code
        assert len(code) == len(set(code)), page
