"""The Markdown extension: what marks, formulas and figures become, and what is said of those that cannot."""

import logging
import re
from pathlib import Path

import pytest
from markdown import Markdown

from attnsite.site.figures import fence
from attnsite.site.markdown import extension as markup
from tests import checkouts

CASES = sorted((Path(__file__).parent / "cases" / "markup").glob("*.md"))
FENCES = {"custom_fences": [{"name": "figure", "class": "figure", "format": fence.fence}]}


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    checkouts.register(monkeypatch)
    return checkouts.fill(tmp_path)


@pytest.fixture
def convert(checkout):
    """Markdown of a page to HTML, as the site does it."""
    builder = Markdown(extensions=[markup.Markup(root=str(checkout)), "pymdownx.superfences", "md_in_html"],
                       extension_configs={"pymdownx.superfences": FENCES})  # fmt: skip

    def converted(text, page="questions/shapes/area.md"):
        builder.reset()
        return builder.convert(f"{markup.PAGE.format(page)}\n\n{text}")

    return converted


def lines(html):
    """HTML with a line for each block, and for each part of a figure, so that a difference can be read."""
    return re.sub(r"(?<=>)(?=<(?:p|li|ol|figure|figcaption|details|div|table|thead|tbody|tr|picture)\b)", "\n", html)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_cases(convert, case):
    """Each page of `cases/markup` becomes the HTML beside it; a change that is meant is written there."""
    found = lines(convert(case.read_text(encoding="utf-8"))) + "\n"

    assert found == case.with_suffix(".html").read_text(encoding="utf-8")


def test_numbers_of_citations_follow_the_page(convert):
    """A second page starts at 1 again, and each source is numbered where it is first used."""
    convert("[@roe2021cubes] [@doe2020squares]")
    html = convert("[@doe2020squares] [@roe2021cubes] [@doe2020squares]")

    assert re.findall(r'id="cite-(\w+)-(\d)"[^>]*>(\d)<', html) == [
        ("doe2020squares", "1", "1"), ("roe2021cubes", "1", "2"), ("doe2020squares", "2", "1")
    ]  # fmt: skip


def test_a_list_of_sources_holds_what_is_cited_and_nothing_else(convert):
    """And each source leads back to every place that cites it."""
    html = convert("[@roe2021cubes] [@roe2021cubes]\n\n<!-- attnsite:sources -->")

    assert 'id="source-roe2021cubes"' in html
    assert "doe2020squares" not in html
    assert re.findall(r'class="back"><a href="#([\w-]+)".*?<a href="#([\w-]+)"', html) == [
        ("cite-roe2021cubes-1", "cite-roe2021cubes-2")
    ]
    assert "<ol" not in convert("Nothing.\n\n<!-- attnsite:sources -->")


@pytest.mark.parametrize(
    ("page", "address"),
    [
        ("index.md", "results/laptop/squares.json"),
        ("method.md", "../results/laptop/squares.json"),
        ("questions/index.md", "../results/laptop/squares.json"),
        ("questions/shapes/area.md", "../../../results/laptop/squares.json"),
    ],
)
def test_addresses_are_relative_to_the_page(convert, page, address):
    """So that the site works under any path."""
    figure = address.replace("results/laptop/squares.json", "figures/squares/#largest-laptop")
    assert f'href="{figure}" data-run="{address}"' in convert("[=squares.largest laptop]", page)


WRONG = [
    ("Cites [@nobody2000].", "[@nobody2000]", "cites nobody2000", "docs/sources/nobody2000.bib"),
    ("Cites [@doe2020squares; @nobody2000 §1].", "[@doe2020squares; @nobody2000 §1]", "cites nobody2000", "bib"),
    ("Says [=circles.area].", "[=circles.area]", "there is no figure circles", "squares"),
    ("Says [=squares.smallest].", "[=squares.smallest]", "no value smallest", "the nearest is largest"),
    ("Says [=squares.largest phone].", "[=squares.largest phone]", "no run of phone", "laptop"),
    ("Says [=squares.largest in 1..2].", "[=squares.largest in 1..2]", "outside the 1 to 2", "fix"),
    ("Says [=squares].", "[=squares]", "not a mark", "[=figure.value]"),
    ("Says [@].", "[@]", "not a mark", "[@key]"),
    (r"Is $\nocommand{x}$.", r"\nocommand{x}", "cannot be read|not known", "write it otherwise|mend"),
    ("```figure\ncircles\n```", "circles", "there is no figure circles", "squares"),
]


@pytest.mark.parametrize(("text", "source", "what", "remedy"), WRONG, ids=[wrong[1] for wrong in WRONG])
def test_a_mark_that_means_nothing_is_a_mistake_with_its_place(convert, checkout, caplog, text, source, what, remedy):
    """One warning, which a strict build counts as failure, with file, line and what to do; the page shows the mark."""
    checkouts.put(checkout, "docs/questions/shapes/area.md", checkouts.question(body=f"Text.\n\n{text}"))
    line = (checkout / "docs/questions/shapes/area.md").read_text(encoding="utf-8").split(source)[0].count("\n") + 1
    with caplog.at_level(logging.WARNING, logger="mkdocs.attnsite"):
        html = convert(text)

    [said] = [record.getMessage() for record in caplog.records]
    assert said.startswith(f"docs/questions/shapes/area.md:{line}: ")
    assert re.search("|".join(map(re.escape, what.split("|"))), said)
    assert re.search("|".join(map(re.escape, remedy.split("|"))), said)
    assert '<mark class="unresolved"' in html


def test_the_same_mistake_twice_has_two_places(convert, checkout, caplog):
    """Each is told with its own line."""
    checkouts.put(checkout, "docs/method.md", "# Method\n\n[@nobody2000]\n\nAnd [@nobody2000].\n")
    convert("# Method\n\n[@nobody2000]\n\nAnd [@nobody2000].\n", "method.md")

    assert [record.getMessage().split(": ")[0] for record in caplog.records] == ["docs/method.md:3", "docs/method.md:5"]


def test_a_page_that_nobody_wrote_has_no_line(convert, caplog):
    """A generated page is named as it is."""
    convert("[@nobody2000]", "evidence.md")

    assert caplog.records[0].getMessage().startswith("evidence.md: ")


def test_a_figure_without_a_run_says_how_to_make_one(convert, checkout):
    """An empty state, and no failure: whoever adds a figure may measure it later."""
    for path in (checkout / "docs" / "results").glob("*/*.json"):
        path.unlink()
    html = convert("```figure\nsquares\n```")

    assert "is-unmeasured" in html
    assert "attnsite measure squares" in html


def test_all_machines_of_a_figure_can_be_picked(convert):
    """The first is the one that is shown; each option knows the file that the page's script loads."""
    html = convert("```figure\nsquares\n```")
    options = re.findall(r'<option value="(\w+)" data-spec="([^"]+)"', html)

    assert [machine for machine, _ in options] == ["every_machine", "laptop", "old"]
    assert options[1][1] == "../../../figures/squares/laptop.json"
    assert 'data-spec="../../../figures/squares/every_machine.json"' in html


GLOSSARY = """# Glossary

### Small thing

*Also: gadget.*

A thing that is *small* [@doe2020squares], see [things](#thing).
More of it.

### Thing { .unlinked }

Anything.

### Widget

What is made.
"""


def test_the_first_use_of_a_term_leads_to_its_meaning(convert, checkout):
    """In prose, by any of its names and in the plural; not in headings, links and code, nor words that hold it."""
    checkouts.put(checkout, "docs/glossary.md", GLOSSARY)

    html = convert(
        "A thing, [a widget](area.md), `widget` and widgetry.\n\n## Gadgets\n\nSome *widgets*, gadgets; Widgets."
    )

    card = 'class="term" href="../../glossary.md#{}" title="{} · {}"'
    small = card.format("small-thing", "Small thing", "A thing that is small, see things.")
    widget = card.format("widget", "Widget", "What is made.")
    assert html.count('class="term"') == 2
    assert f"Some <em><a {widget}>widgets</a></em>, <a {small}>gadgets</a>; Widgets." in html


def test_other_pages_have_no_links_to_the_glossary(convert, checkout):
    """Method, evidence and the glossary itself stay as they are written."""
    checkouts.put(checkout, "docs/glossary.md", GLOSSARY)

    assert "term" not in convert("A widget.", "method.md")
