"""A checkout is read once, and its answers are worked out once, whoever writes them."""

import ast
import dataclasses
from collections import Counter
from pathlib import Path

import pytest

from attnsite.content import questions as content
from attnsite.content.evidence import Evidence
from attnsite.records.run_file import EVERY_MACHINE
from attnsite.site import checkout as checkout_module
from attnsite.site.answers import Answers
from attnsite.site.builders import checks, finish
from attnsite.site.checkout import Checkout
from attnsite.site.figures import svg
from attnsite.site.pages import render as pages
from tests import checkouts
from tests.conftest import ROOT

AREA = "docs/questions/shapes/area.md"
SITE = ROOT / "attnsite" / "site"
READERS = ("read_questions", "load_questions", "read_themes", "load_themes", "read_sources", "load_sources")


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    checkouts.register(monkeypatch)
    monkeypatch.setattr(svg.Pictures, "draw", lambda *_: None)
    root = checkouts.fill(tmp_path)
    body = "```figure\nsquares\n```\n\nIt is [=squares.largest in 900..901], or [=squares.largest] [@doe2020squares]."
    checkouts.put(root, AREA, checkouts.question(answer="As [=squares.largest laptop in 1..999] is.", body=body))
    return root


def write(answers, folder):
    """All that a build writes from its answers, and what the check says of them."""
    made = pages.render(answers), pages.navigation(answers.checkout), pages.published(answers)
    page = folder / "questions" / "shapes" / "area" / "index.html"
    page.parent.mkdir(parents=True)
    page.write_text("<html><head><title>A</title></head><body></body></html>", encoding="utf-8")
    finish.finish(answers, folder)
    return made, checks.in_texts(answers)


def test_a_mark_is_resolved_once_whatever_range_it_states_and_whoever_shows_it(checkout, tmp_path, monkeypatch):
    """By page, claim, JSON, feed, card, head and check alike: once for each number and machine."""
    asked, find = Counter(), Evidence.find

    def counted(self, mark):
        asked[mark.figure, mark.value, mark.machine or EVERY_MACHINE] += 1
        return find(self, mark)

    monkeypatch.setattr(Evidence, "find", counted)
    (_, _, published), wrong = write(Answers.load(checkout), tmp_path / "site")

    assert wrong == []
    assert '"text": "900"' in published["questions/shapes/area/index.json"]
    assert asked == dict.fromkeys([("squares", "largest", machine) for machine in (EVERY_MACHINE, "laptop")], 1)


def test_no_file_that_people_write_is_read_twice(checkout, tmp_path, monkeypatch):
    """Questions, themes, sources, terms and pages; and each run is parsed once."""
    opened, read_bytes, read_text = Counter(), Path.read_bytes, Path.read_text

    def counting(read):
        def counted(self, *args, **options):
            opened[self] += self.suffix in (".md", ".bib") and "docs" in self.parts
            return read(self, *args, **options)

        return counted

    checkouts.put(checkout, "docs/glossary.md", "# Glossary\n\n### Side\n\nWhat is squared.\n")
    monkeypatch.setattr(Path, "read_bytes", counting(read_bytes))
    monkeypatch.setattr(Path, "read_text", counting(read_text))
    write(Answers.load(checkout), tmp_path / "site")

    written = {path for path in (checkout / "docs").rglob("*") if path.suffix in (".md", ".bib")}
    assert {path: count for path, count in opened.items() if count} == dict.fromkeys(written, 1)


def test_an_edit_takes_over_what_it_did_not_touch(checkout, monkeypatch):
    """Records of files that are the same are the same records, runs are not read again, numbers not resolved again."""
    before = Answers.load(checkout)
    pages.render(before)
    checkouts.put(checkout, AREA, checkouts.question(body="Edited. [=squares.largest]"))
    monkeypatch.setattr(Evidence, "find", lambda *_: pytest.fail("resolved again"))
    monkeypatch.setattr(content, "parse_theme", lambda *_: pytest.fail("parsed again"))
    after = Checkout.load(checkout, before.checkout)
    page = pages.render(Answers(after, before))["questions/shapes/area.md"]

    assert "Edited." in page
    assert after.reading.changed() == {checkout / AREA}
    assert after.evidence is before.checkout.evidence
    assert all(after.sources[key] is source for key, source in before.checkout.sources.items())
    assert after.questions != before.checkout.questions


def test_a_checkout_cannot_be_changed(checkout):
    held = Checkout.load(checkout)

    with pytest.raises(dataclasses.FrozenInstanceError):
        held.themes = ()


def test_the_site_is_written_without_reading_the_checkout_again():
    """No module below the checkout's reader takes part in reading questions, themes or sources."""
    offenders = []
    for path in SITE.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        called = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        called |= {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        if path != Path(checkout_module.__file__) and called & {*READERS, "hand_written"}:
            offenders.append(path.relative_to(SITE).as_posix())

    assert offenders == []


# What asks for a folder itself, and not for what is written in it: the readers, what looks at the tree for files that
# belong to nothing, links that may lead to any file, and notebooks, which are executed.
AT_THE_ROOT = {"about.py", "builders/checks.py", "builders/mkdocs_notebooks.py", "builders/templates.py", "answers.py",
               "builders/zensical_notebooks.py", "pages/notebook_cells.py", "pages/notebook_markup.py", "checkout.py",
               "markdown/extension.py"}  # fmt: skip


def test_no_writer_takes_a_folder_to_read_from():
    """They take the checkout or its answers."""
    takers = {
        path.relative_to(SITE).as_posix()
        for path in SITE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef)
        and any(each.arg == "root" and ast.unparse(each.annotation or node) == "Path" for each in node.args.args)
    }

    assert takers <= AT_THE_ROOT, takers - AT_THE_ROOT
