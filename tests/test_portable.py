"""The site opened from a disk, without a server: as every build leaves it, and as `attnsite build --portable` does."""

import re
import shutil
from html import unescape
from urllib.parse import unquote, urlsplit

import pytest

from attnsite.site.builders import disk

QUESTION = "questions/cost/what_more_heads_cost/index.html"


@pytest.fixture(scope="module")
def copy(site_folder, tmp_path_factory):
    """The portable copy of the built site, in a folder whose name needs care."""
    folder = tmp_path_factory.mktemp("disk") / "my site #1"
    shutil.copytree(site_folder, folder)
    disk.convert(folder)
    return folder


@pytest.fixture
def opened(browser):
    """Open a file as a double click does; at the end nothing was said in the console and no host was asked."""
    said, asked = [], []
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.on("console", lambda m: said.append(m.text) if m.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))

    def opened(path):
        page.goto(path.as_uri(), wait_until="load")
        return page

    yield opened
    context.close()
    assert said == []
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []


def test_every_link_of_a_portable_copy_names_a_file(copy):
    """A browser would show what is in a folder instead of its page."""
    missing = []
    for page in copy.rglob("*.html"):
        for target in re.findall(r'\b(?:href|src|srcset|data-spec)="([^"#?\s]+)', page.read_text(encoding="utf-8")):
            address = urlsplit(unescape(target))
            if address.scheme or address.netloc or page.name == "404.html":
                continue
            if not (page.parent / unquote(address.path)).is_file():
                missing.append((page.relative_to(copy).as_posix(), target))

    assert missing == []
    assert 'href="questions/' in (copy / "index.html").read_text(encoding="utf-8")


def test_a_portable_copy_lives_without_a_server(copy, opened):
    """From the home page to a question by its link; the figure wakes; search finds a page, and opens it."""
    page = opened(copy / "index.html")
    page.locator(f"article a[href='{QUESTION}']").first.click()
    figure = page.locator("figure.exhibit.is-chart").first
    figure.locator(".exhibit-go").click()
    figure.locator(".exhibit-live .main-svg").first.wait_for()
    assert "is-live" in figure.get_attribute("class")

    page.locator(".md-search__input").click()
    page.keyboard.type("softmax")
    found = page.locator(".md-search-result__link").first
    found.wait_for()
    found.click()
    page.wait_for_url(re.compile(r"index\.html\?h=softmax"))
    assert "softmax" in page.locator("h1").inner_text().lower()


def test_search_in_a_portable_copy_knows_other_names(copy, opened):
    """Aliases and models are in its index too, at addresses of files."""
    page = opened(copy / "index.html")
    for phrase, wanted in (("gqa", "gqa_only_in_decode/index.html"), ("Qwen3-32B", "models/qwen3-32b/index.html")):
        page.locator(".md-search__input").click()
        page.keyboard.press("ControlOrMeta+A")
        page.keyboard.insert_text(phrase)
        page.keyboard.press("End")
        page.wait_for_function("""wanted => [...document.querySelectorAll(".md-search-result__link")].slice(0, 4).some(
          link => link.href.includes(wanted))""", arg=wanted)  # fmt: skip


def test_any_other_copy_says_what_is_left_out(site_folder, opened):
    """Pictures and text are complete, links lead to pages, and no wish for more ends in errors."""
    page = opened(site_folder / "index.html")
    page.locator("article a[href^='questions/']").first.click()
    page.wait_for_url(re.compile(r"/questions/.*index\.html"))
    figure = page.locator("figure.exhibit.is-chart").first
    figure.scroll_into_view_if_needed()
    assert "--portable" in figure.locator(".exhibit-bar").inner_text()
    figure.locator(".exhibit-stage").click()
    assert figure.locator(".exhibit-live").count() == 0
    if figure.locator("img").count():
        page.wait_for_function("image => image.complete && image.naturalWidth > 0",
                               arg=figure.locator("img").element_handle())  # fmt: skip


def test_a_portable_copy_works_on_a_server_too(site, copy, open_page, site_folder):
    """Where browsers fetch and import, it lets them."""
    target = site_folder / "portable"
    shutil.copytree(copy, target)
    try:
        page = open_page(site + "portable/" + QUESTION)
        figure = page.locator("figure.exhibit.is-chart").first
        figure.locator(".exhibit-go").click()
        figure.locator(".exhibit-live .main-svg").first.wait_for()
        page.wait_for_load_state("networkidle")  # nothing of the copy is asked for any more
        page.goto("about:blank")
    finally:
        shutil.rmtree(target)


def test_modules_are_handed_over_with_their_dynamic_imports_named(tmp_path):
    """Whatever our scripts import, the script beside the page is asked for it; the theme's are left alone."""
    (tmp_path / "assets").mkdir()
    (tmp_path / "assets" / "a.js").write_text("const x = import(B);\n", encoding="utf-8")
    (tmp_path / "assets" / "b.min.js").write_text("import(C)", encoding="utf-8")
    (tmp_path / "page").mkdir()
    (tmp_path / "page" / "index.html").write_text('<head></head><a href="../page/#x">x</a><a href="../none/">n</a>',
                                                  encoding="utf-8")  # fmt: skip
    disk.convert(tmp_path)

    assert (tmp_path / "assets" / "a.js").read_text() == "const x = attnsiteImport(B);\n"
    assert (tmp_path / "assets" / "a.js.txt.js").read_text().startswith('attnsiteFile("assets/a.js", "const x = attns')
    assert (tmp_path / "assets" / "b.min.js").read_text() == "import(C)"
    page = (tmp_path / "page" / "index.html").read_text()
    assert page.startswith('<head><script src="../assets/portable.js"></script>')
    assert 'href="../page/index.html#x"' in page
    assert 'href="../none/"' in page
