"""Tables as read: the columns of the title in view at every width, a sign of what is hidden, full screen, and print."""

import re
import shutil
import subprocess

import pytest

from attnsite.records import registry
from tests import pixels

pytestmark = pytest.mark.browser
COST, CALCULATOR = "questions/cost/what_more_heads_cost/", "calculator/"
KV, DATA = "#figure-kv_cache_models", "#figure-heads_at_fixed_width .exhibit-data"
LINES = 3  # that a cell of a phone's narrow first column may take
LAID_OUT = """() => {
  for (const details of document.querySelectorAll("details.exhibit-data")) details.open = true;
  return [...document.querySelectorAll("figure .scrolls > .rows")].map(table => {
    const box = table.closest(".scrolls"), heads = [...table.tHead.rows[0].cells];
    box.style.contentVisibility = "visible";
    box.scrollLeft = 0;
    const edge = box.getBoundingClientRect().right + 1, names = heads.map(head => head.textContent.trim());
    const seen = names.filter((_, at) => heads[at].getBoundingClientRect().right <= edge);
    const line = parseFloat(getComputedStyle(table).lineHeight);
    const tall = [...table.tBodies[0].rows].map(row => row.offsetHeight).sort((a, b) => a - b);
    const arrows = heads.filter(head => head.querySelector(".sort") &&
      getComputedStyle(head.querySelector(".sort"), "::after").position !== "absolute").length;
    box.scrollLeft = 200;
    const first = table.tBodies[0].rows[0]?.cells[0];
    const stays = !first || Math.abs(first.getBoundingClientRect().left - box.getBoundingClientRect().left) < 3;
    return { id: table.closest("figure").id, seen, lines: tall[tall.length >> 1] / line, arrows, stays };
  });
}"""


WINDOWS = ((390, 844), (1024, 768), (1440, 900), (1920, 1080))


def test_what_the_title_speaks_of_is_in_view(site, site_folder, browser):
    """In every table of every figure, without scrolling; the first column stays while the others scroll away.

    Most rows are one line high, on a phone where the first column wraps a few, and no arrow has a line of its own.
    """
    context = browser.new_context(bypass_csp=True)
    page, wrong, seen = context.new_page(), [], 0
    for file in sorted(site_folder.rglob("index.html")):
        if 'class="exhibit ' not in file.read_text(encoding="utf-8"):
            continue
        page.goto(f"{site}{file.parent.relative_to(site_folder).as_posix()}/", wait_until="domcontentloaded")
        page.wait_for_function("!!window.attnsite")
        for width, height in WINDOWS:
            page.set_viewport_size({"width": width, "height": height})
            for table in page.evaluate(LAID_OUT):
                name = table["id"].removeprefix("figure-").replace("-again", "")
                module = registry.module("figures", name)
                named, words = set(module.TITLE_COLUMNS), getattr(module, "OF_WORDS", False)
                lines = not words and table["lines"] - 1 > (LINES if width < 600 else 1)
                if not named <= set(table["seen"]) or lines or table["arrows"] or not table["stays"]:
                    lacks = named - set(table["seen"])
                    wrong.append((name, width, lacks, table["lines"], table["arrows"], table["stays"]))
                seen += 1
    context.close()

    assert seen > 60 * len(WINDOWS)
    assert wrong == []


EDGE = """figure => { const box = figure.querySelector(".scrolls"), edge = box.getBoundingClientRect();
  return [edge.right - 14, edge.top + 60, 13, 200]; }"""


@pytest.mark.parametrize("look", [{"color_scheme": "light"}, {"color_scheme": "dark"}, {"forced_colors": "active"}])
def test_what_is_hidden_at_an_edge_is_told_there(site, open_page, look):
    """Without a script: the edge of the box differs from its ground while there is more, and no longer at the end."""
    page = open_page(site + COST, java_script_enabled=False, **look)
    figure = page.locator(KV)
    figure.scroll_into_view_if_needed()

    def spread():
        box = figure.locator(".scrolls").bounding_box()
        clip = {"x": box["x"] + box["width"] - 18, "y": box["y"] + 70, "width": 16, "height": 160}
        return int(pixels.read(page.screenshot(clip=clip)).astype(int)[:, 15].sum()), clip

    figure.locator("tbody").evaluate(
        "body => { for (const cell of body.querySelectorAll('td')) cell.textContent = ''; }"
    )
    before, _ = spread()
    figure.locator(".scrolls").evaluate("box => { box.scrollLeft = box.scrollWidth; }")
    page.wait_for_timeout(200)
    after, _ = spread()
    assert abs(before - after) > 160 * 3 * 15


def test_data_opens_on_what_was_drawn(site, open_page):
    """Rows with a measurement, in the figure's own kernel; what was not run is listed by its reasons, closed."""
    page = open_page(site + COST)
    data = page.locator(DATA)
    data.locator("summary").first.click()
    first = data.locator("tbody tr").evaluate_all(
        "rows => rows.slice(0, 20).map(row => [...row.cells].map(c => c.textContent))"
    )

    assert {row[0] for row in first} == {"cpu_blas"}
    assert not any("–" in row[1] for row in first)
    assert "machine = epyc_2core" in data.locator(".rows-same").inner_text()
    absent = data.locator(".rows-not-run")
    assert absent.get_attribute("open") is None
    absent.locator("summary").click()
    count = int(re.search(r"\d+", absent.locator("summary").inner_text())[0])
    lines = absent.locator("li").all_inner_texts()
    assert sum(int(re.search(r": (\d+) rows? \(", line)[1]) for line in lines) == count > 100


@pytest.mark.parametrize(("width", "height", "least"), [(1440, 900, 16), (844, 390, 4)])
def test_a_table_on_the_whole_screen_shows_its_rows(site, open_page, width, height, least):
    """Also on a phone that is held sideways."""
    page = open_page(site + COST, viewport={"width": width, "height": height})
    figure = page.locator(KV)
    figure.scroll_into_view_if_needed()
    figure.locator("[data-act=full]").click()
    page.wait_for_selector("dialog.exhibit-full[open] figure")
    rows = page.locator("dialog.exhibit-full tbody tr")
    page.wait_for_timeout(300)
    seen = rows.evaluate_all("""rows => { const box = rows[0].closest(".scrolls").getBoundingClientRect();
      const top = rows[0].getBoundingClientRect().top;
      return rows.filter(row => { const r = row.getBoundingClientRect();
        return r.top >= top && r.bottom <= Math.min(box.bottom, innerHeight) + 1; }).length; }""")
    assert seen >= least


# --- print -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("path", "name"), [(COST, "kv_cache_models"), (CALCULATOR, "whole_models")])
def test_every_printed_page_of_a_table_has_its_heads_and_all_columns(site, open_page, tmp_path, path, name):
    """The words of the heads; all columns of numbers, and no title alone at the end of a page."""
    page = open_page(site + path, viewport={"width": 794, "height": 1123})
    page.locator(f"#figure-{name} .sort").first.wait_for(state="attached")
    heads = page.locator(f"#figure-{name} thead th:not(.prose)").all_text_contents()
    page.emulate_media(media="print")
    assert page.evaluate("document.scrollingElement.scrollWidth") <= 794
    if not shutil.which("pdftotext"):
        pytest.skip("the printed pages are read with pdftotext, of poppler-utils, which is not here")
    page.pdf(path=tmp_path / "page.pdf", format="A4")
    words = ["pdftotext", "-layout", tmp_path / "page.pdf", "-"]
    read = subprocess.run(words, capture_output=True, text=True, check=True)
    first = {head.split()[0] for head in page.locator(f"#figure-{name} tbody th").all_text_contents()}
    row = re.compile(rf"^\s*(?:{'|'.join(map(re.escape, first))})\b.*\d", re.MULTILINE)
    pages = [text for text in read.stdout.split("\f") if len(row.findall(text)) > 6]

    assert len(pages) >= 2
    words = {word for head in heads for word in head.split() if len(word) > 3}
    for text in pages:
        assert {word for word in words if word not in text} == set()


@pytest.mark.parametrize("path", [COST, CALCULATOR, "questions/memory/bytes_per_token/"])
def test_wide_tables_print_in_type_that_can_be_read(site, open_page, path):
    """At least 6.5 pt on paper of A4, of which the page takes no more than there is: a browser would shrink it."""
    page = open_page(site + path, viewport={"width": 717, "height": 1000})
    page.emulate_media(media="print")
    assert page.evaluate("document.scrollingElement.scrollWidth") <= 717
    sizes = page.eval_on_selector_all(
        ".rows.is-wide td", "all => all.map(e => parseFloat(getComputedStyle(e).fontSize))"
    )
    assert min(sizes) >= 6.5 * 96 / 72
    assert page.locator(".rows.is-wide .prose:visible").count() == 0


def test_a_long_tables_heads_stay_in_sight_on_a_phone(site, open_page):
    """Of the ratios by machine, scrolled to the end; their names break at underscores."""
    page = open_page(site + "machines/", viewport={"width": 390, "height": 844})
    box = page.locator(".scrolls").first
    box.evaluate("e => { e.scrollIntoView({ block: 'end' }); e.scrollTop = e.scrollHeight; }")
    head = box.locator("thead th").nth(1)
    assert head.evaluate("e => e.getBoundingClientRect().top") >= 0
    assert "_<wbr>" in head.inner_html()


@pytest.mark.parametrize("path", ["", CALCULATOR, "questions/memory/bytes_per_token/", COST, "by_hand/"])
def test_no_page_goes_sideways_without_scripts(site, open_page, path):
    """On the smallest phone, the header's second title too."""
    page = open_page(site + path, viewport={"width": 360, "height": 740}, java_script_enabled=False)
    assert page.evaluate("document.scrollingElement.scrollWidth") <= 360


@pytest.mark.parametrize("type_size", [30, 40])
@pytest.mark.parametrize("path", ["by_hand/", CALCULATOR, "questions/cost/which_flop_formula/", COST])
def test_large_type_pushes_no_page_sideways(site, open_page, path, type_size):
    """At one and a half and twice the type of the root, on a phone; what stays in sight is at most a third of it."""
    page = open_page(site + path, viewport={"width": 390, "height": 844})
    page.evaluate("size => { document.documentElement.style.fontSize = `${size}px`; }", type_size)
    page.wait_for_timeout(300)
    assert page.evaluate("document.scrollingElement.scrollWidth") <= 390
    part = page.locator("[data-module]")
    if part.count() and path in ("by_hand/", CALCULATOR):
        part.first.dispatch_event("input")
        page.wait_for_selector("[data-live=yes]")
        page.wait_for_timeout(300)
        stuck = "all => all.filter(e => getComputedStyle(e).position === 'sticky').map(e => e.offsetHeight)"
        assert all(high <= 844 / 3 for high in page.eval_on_selector_all(".calc-told, .hand-seen", stuck))
