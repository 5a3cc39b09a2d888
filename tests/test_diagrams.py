"""Diagrams of mechanisms: whole, told in words, in the page's colours, and drawn without a word over another."""

import re
import xml.etree.ElementTree as ElementTree

import pytest

from attnsite.diagrams import causal_blocks, online_softmax, ring_buffer
from attnsite.diagrams._panel import KINDS, Panel
from attnsite.records import registry
from attnsite.records.mistakes import Mistake
from attnsite.site.figures import diagram
from tests.conftest import ROOT

NAMES = registry.names("diagrams")
STYLE = (ROOT / "docs" / "assets" / "site.css").read_text(encoding="utf-8")
CLASH = """name => {
  const found = [];
  for (const panel of document.querySelectorAll(`#diagram-${name} svg`)) {
    const inside = panel.getBoundingClientRect();
    const words = [...panel.querySelectorAll("text")].map(e => [e.textContent, e.getBoundingClientRect()]);
    for (const [said, box] of words) {
      if (box.left < inside.left - 1 || box.right > inside.right + 1 || box.bottom > inside.bottom + 1) found.push(`${said} sticks out`);
      for (const [other, its] of words)
        if (said < other && Math.min(box.right, its.right) - Math.max(box.left, its.left) > 1 &&
            Math.min(box.bottom, its.bottom) - Math.max(box.top, its.top) > 3) found.push(`${said} on ${other}`);
    }
  }
  return found;
}"""  # noqa: E501


@pytest.mark.parametrize("name", NAMES)
def test_a_diagram_is_whole(name):
    """Its markup is XML, it is told in words with its numbers in them, and colours are names of the page's palette."""
    html = diagram.diagram(name)
    root = ElementTree.fromstring(html.replace(" data-search-exclude", ""))
    title, caption, told = diagram.words(diagram.module(name), name)

    assert root.get("id") == f"diagram-{name}"
    assert root.find(".//*[@role='img']").get("aria-label") == told
    assert 20 < len(title) <= 95
    assert len(caption) > 60
    assert len(told) > 150
    assert "{" not in title + caption + told
    assert not re.search(r"#[0-9a-f]{3,8}\b|rgb|style=|<script", html.replace('href="#', ""))
    assert set(re.findall(r"d-(?:box|line|dot|head) d-([\w-]+)", html)) <= set(KINDS)


def test_every_kind_has_a_colour_of_the_palette():
    """Of both themes: the variables are those of figures."""
    for kind in KINDS:
        [colour] = re.findall(rf"^\.d-{kind} {{ --d: var\((--figure-[\w-]+)\); }}", STYLE, re.MULTILINE)
        assert STYLE.count(f"{colour}: #") >= 2


def test_every_diagram_is_placed_once():
    """On one page each, but for those that no page explains yet."""
    text = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "docs").rglob("*.md"))
    placed = re.findall(r"^```diagram\n(\w+)\n```", text, re.MULTILINE)

    assert sorted(placed) == sorted(set(placed))
    assert set(NAMES) - set(placed) <= {"split_kv"}


@pytest.mark.browser
@pytest.mark.parametrize("width", [1280, 360])
def test_no_word_stands_on_another(site, site_folder, browser, width):
    """Nor sticks out of its panel, on a desk and on a phone, where no panel is wider than the page."""
    page = browser.new_page(viewport={"width": width, "height": 900})
    seen, wrong = 0, []
    for path in sorted(site_folder.glob("questions/**/index.html")):
        names = re.findall(r'id="diagram-(\w+)"', path.read_text(encoding="utf-8"))
        if not names:
            continue
        page.goto(site + path.parent.relative_to(site_folder).as_posix() + "/", wait_until="load")
        for name in names:
            seen += 1
            wrong += [(name, said) for said in page.evaluate(CLASH, name)]
            wide = page.locator(f"#diagram-{name} svg").evaluate_all(
                "all => all.map(e => e.getBoundingClientRect().right)"
            )
            wrong += [(name, right) for right in wide if right > width]
    page.close()

    assert seen >= 6
    assert wrong == []


def test_an_unknown_diagram_is_told_with_the_nearest():
    with pytest.raises(Mistake, match=r"there is no diagram ring_bufer.*ring_buffer"):
        diagram.diagram("ring_bufer")


def test_words_that_do_not_fit_are_refused():
    """In their box, and in the panel; so is a colour that the page does not have."""
    with pytest.raises(ValueError, match="wide, in a box of 40"):
        Panel("a").box(0, 0, 40, 20, "far too many words")
    with pytest.raises(ValueError, match="is outside of 320"):
        Panel("a").text(310, 20, "beyond the edge")
    with pytest.raises(ValueError, match="'red' is none of"):
        Panel("a").box(0, 0, 40, 20, kind="red")


def test_what_diagrams_show_is_so():
    """A ring buffer holds the last tokens, two ways to a softmax's sum agree, and blocks add up to the square."""
    for step in range(1, ring_buffer.STEPS + 1):
        kept = ring_buffer.held(step, ring_buffer.WINDOW)
        assert sorted(kept) == list(range(max(1, step - ring_buffer.WINDOW + 1), step + 1))
    scores = [score for tile in online_softmax.TILES for score in tile]
    top, _, total = online_softmax.states()[-1]
    assert top == max(scores)
    assert total == pytest.approx(sum(2.718281828459045 ** (score - top) for score in scores))
    known = {name: quantity.value for name, quantity in causal_blocks.values().items()}
    assert known["full"] + known["diagonal"] + known["skipped"] == known["side"] ** 2
    assert known["visible"] < known["computed"] < known["pairs"]
