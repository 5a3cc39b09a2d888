"""The site while it is written: an edit leaves what a build of the whole would make of it, and a mistake is told."""

import filecmp
import shutil

import pytest
from mkdocs.commands.build import build
from mkdocs.config import load_config

from attnsite.records import registry
from attnsite.site.builders import mkdocs_preview as preview
from attnsite.site.figures import svg
from tests import checkouts

AREA, VOLUME = "docs/questions/shapes/area.md", "docs/questions/shapes/volume.md"
DRAFT = "docs/questions/shapes/line.md"
UNDONE = checkouts.question(title="How long is a line?", order=3, more="draft: true\n")
OTHER = checkouts.question(
    title="How large is a cube?", order=2, answer="As its side, three times, past [=squares.largest]."
)


@pytest.fixture
def checkout(tmp_path, tmp_path_factory, monkeypatch):
    """A checkout that was built as it is served; its pictures are drawn for the first of all tests."""
    checkouts.register(monkeypatch)
    few, names = {"kernels": ["reference", "cpu_naive"], "peers": []}, registry.names
    monkeypatch.setattr(registry, "names", lambda room: few[room] if room in few else names(room))
    monkeypatch.setattr(preview, "_whole", None)
    monkeypatch.setattr(preview, "_begun", None)
    root = checkouts.fill(tmp_path / "checkout")
    checkouts.put(root, VOLUME, OTHER)
    checkouts.put(root, DRAFT, UNDONE)
    checkouts.put(root, "docs/method.md", "# Method\n\nBy counting.\n")
    checkouts.put(root, "docs/glossary.md", "# Glossary\n\n## Side\n\nWhat is squared.\n")
    checkouts.put_builder(root)
    kept, pictures = tmp_path_factory.getbasetemp() / "pictures", root / svg.CACHE
    if kept.is_dir():
        shutil.copytree(kept, pictures)
    config = served(root, tmp_path / "site")
    shutil.copytree(pictures, kept, dirs_exist_ok=True)
    yield root
    config.plugins.on_startup(command="build", dirty=False)


def served(root, folder):
    """Build the whole site as MkDocs' server does."""
    config = load_config(str(root / "mkdocs.yml"), site_dir=str(folder))
    config.plugins.on_startup(command="serve", dirty=False)
    build(config, serve_url="http://127.0.0.1:8000/")
    return config


def differing(one, other):
    """The files that two folders do not have alike."""
    files = {path.relative_to(folder) for folder in (one, other) for path in folder.rglob("*") if path.is_file()}
    alike, _, _ = filecmp.cmpfiles(one, other, [str(path) for path in files], shallow=False)
    return sorted({path.as_posix() for path in files} - {path.replace("\\", "/") for path in alike})


FIGURE = "```figure\nsquares\n```"
EDITS = {
    "a sentence": {AREA: checkouts.question(body="Another sentence.")},
    "a section": {AREA: checkouts.question(body="Text.\n\n## A new section\n\nMore, with `code` and $x^2$.")},
    "a number, a source and a figure": {
        AREA: checkouts.question(body=f"{FIGURE}\n\nIt is [=squares.largest] [@doe2020squares].")
    },
    "the answer": {AREA: checkouts.question(answer="As its side, and its side again, to [=squares.largest].")},
    "the title": {AREA: checkouts.question(title="How large is a square, really?")},
    "a related question": {AREA: checkouts.question(more="related: [volume]\n")},
    "the day it was asked": {AREA: checkouts.question(more="asked: 2026-11-23\n")},
    "two files": {AREA: checkouts.question(body="One."), VOLUME: OTHER.replace("Text.", "Two.")},
    "a page written by hand": {"docs/method.md": "# Method\n\nBy counting twice.\n"},
    "the title of a page written by hand": {"docs/method.md": "# How it is done\n\nBy counting.\n"},
    "a draft": {DRAFT: UNDONE.replace("Text.", "Further text.")},
    "beside an editor's own file": {
        AREA: checkouts.question(body="Typed."),
        "docs/questions/shapes/.area.md.swp": "typed",
    },
    "nothing": {},
}


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_leaves_what_a_build_of_the_whole_makes(checkout, tmp_path, name):
    """Every file, the search index, the feed and other questions' pages among them."""
    for path, text in EDITS[name].items():
        checkouts.put(checkout, path, text)

    assert preview.edited()
    served(checkout, tmp_path / "whole")
    assert differing(tmp_path / "site", tmp_path / "whole") == []


def test_a_mistake_is_told_and_the_last_good_page_stays(checkout, tmp_path, caplog):
    """A mark of nothing, a number without evidence, markup that acts: each with its line; what mends them is shown."""
    page = tmp_path / "site" / "questions" / "shapes" / "area" / "index.html"
    good = page.read_bytes()
    bad = "Text.\n\nBroken [=no.such].\n\nIt is 55 times faster.\n\n<!--> <form action=https://evil.example/> -->"
    checkouts.put(checkout, AREA, checkouts.question(body=bad))

    assert preview.edited()
    assert page.read_bytes() == good
    for line, what in ((13, "there is no figure no"), (15, "states '55 times'"), (17, "holds the element 'form'")):
        assert [text for text in caplog.messages if text.startswith(f"{AREA}:{line}: ") and what in text], what
    checkouts.put(checkout, AREA, checkouts.question(body="Mended."))
    assert preview.edited()
    assert b"Mended." in page.read_bytes()


def test_one_edit_after_another(checkout, tmp_path):
    """There and back again: what the first has left does not stay."""
    first = checkouts.question(title="A square?", body=FIGURE)
    for text in (
        first,
        checkouts.question(body="Between."),
        first,
        checkouts.question(answer="Last of all [=squares.largest]."),
    ):
        checkouts.put(checkout, AREA, text)
        assert preview.edited()

    served(checkout, tmp_path / "whole")
    assert differing(tmp_path / "site", tmp_path / "whole") == []


OTHERS = {
    "a new question": {"docs/questions/shapes/ball.md": checkouts.question(title="How round?", order=4)},
    "a draft that is done": {DRAFT: UNDONE.replace("draft: true\n", "")},
    "another order": {AREA: checkouts.question(order=5)},
    "a theme's title": {"docs/questions/shapes/index.md": checkouts.THEME.format(title="Forms")},
    "the glossary": {"docs/glossary.md": "# Glossary\n\n## Side\n\nWhat is multiplied.\n"},
    "a source": {"docs/sources/doe2020squares.bib": checkouts.source("doe2020squares", title="On all squares")},
    "a draft": {AREA: checkouts.question(more="draft: true\n")},
    "another file": {"docs/data.txt": "1"},
}


@pytest.mark.parametrize("name", OTHERS)
def test_what_reaches_further_is_left_to_a_build_of_the_whole(checkout, name):
    for path, text in OTHERS[name].items():
        checkouts.put(checkout, path, text)

    assert not preview.edited()


def test_a_mistake_is_told_in_a_line_and_the_last_page_stays(checkout, tmp_path, caplog):
    """Once mended, the page is shown as it is then."""
    page = tmp_path / "site/questions/shapes/area/index.html"
    before = page.read_bytes()
    checkouts.put(checkout, AREA, checkouts.question(order="first", body="Broken."))

    assert preview.edited()
    [told] = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert told.startswith(f"{AREA}:3: its order is not a whole number")
    assert page.read_bytes() == before

    checkouts.put(checkout, AREA, checkouts.question(body="Mended."))
    assert preview.edited()
    assert "Mended." in page.read_text(encoding="utf-8")


def test_a_mark_that_stands_for_nothing_is_told_and_not_shown(checkout, tmp_path, caplog):
    """With its line, as the check tells it."""
    checkouts.put(checkout, AREA, checkouts.question(body="It is [=squares.smallest]."))

    assert preview.edited()
    [told] = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert told.startswith(f"{AREA}:11: [=squares.smallest] squares has no value smallest")
    assert 'class="unresolved"' not in (tmp_path / "site/questions/shapes/area/index.html").read_text(encoding="utf-8")


def test_a_link_to_a_figure_is_known_and_one_to_no_place_of_a_page_is_told(checkout, tmp_path, caplog):
    """Whether the page with the figure or the one with the link was edited, and in a build of the whole."""
    page = (
        "# Method\n\n[A figure](questions/shapes/area.md#figure-squares), [none](questions/shapes/area.md#nowhere).\n"
    )

    def told():
        found = [record.getMessage() for record in caplog.records if record.name == "mkdocs.structure.pages"]
        caplog.clear()
        return [text for text in found if "'method.md'" in text]  # models' pages lead to pages that are not here

    checkouts.put(checkout, AREA, checkouts.question(body=FIGURE))
    assert preview.edited()
    checkouts.put(checkout, "docs/method.md", page)
    assert preview.edited()
    [after_an_edit] = told()
    served(checkout, tmp_path / "whole")
    [after_a_build] = told()

    assert after_an_edit == after_a_build
    assert "'questions/shapes/area.md#nowhere'" in after_a_build


def test_a_build_that_failed_is_followed_by_a_whole_one(checkout, tmp_path):
    """It left nothing that an edit could go on from."""
    checkouts.put(checkout, DRAFT, UNDONE.replace("order: 3", "order: third"))
    with pytest.raises(SystemExit):
        served(checkout, tmp_path / "site")
    checkouts.put(checkout, DRAFT, UNDONE)

    assert not preview.edited()


def test_a_draft_that_is_gone_takes_a_build_of_the_whole(checkout):
    (checkout / DRAFT).unlink()

    assert not preview.edited()
