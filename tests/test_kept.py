"""What is kept from build to build: it comes back as it was, from what it was made from only, and is never needed."""

import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import jinja2
import pytest
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer
from pymdownx import highlight

from attnsite.records import fingerprint, run_file
from attnsite.records.quantity import Quantity
from attnsite.site import answers, disk_cache, exhibits, tables
from attnsite.site.answers import Answers
from attnsite.site.builders import highlighting, searching, templates
from attnsite.site.figures import svg
from attnsite.site.pages import render as pages
from attnsite.site.tables import Link
from tests import checkouts
from tests.conftest import ROOT

VALUES = [
    None, True, 3, 0.1, "Ω\n\u2028 text", [], [1, [2, "3"]], {}, {"quantity": 1, "dict": {"link": []}},
    Quantity(1.5, "s", 1.0, 2.0), {"rows": [{"time": Quantity(2, "count"), "where": Link("a", "b.md")}]},
]  # fmt: skip


class Made:
    """A function that counts its calls."""

    def __init__(self, value):
        self.value, self.calls = value, 0

    def __call__(self):
        self.calls += 1
        return self.value


def files(root):
    return [path for path in (root / disk_cache.CACHE).rglob("*") if path.is_file()]


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_a_value_comes_back_as_it_was(tmp_path, value):
    """With its types, and without being made again."""
    make = Made(value)
    first, again = (disk_cache.Cache(tmp_path).kept("this", make) for _ in range(2))

    assert first == again == value
    assert repr(again) == repr(value)
    assert make.calls == 1


@pytest.mark.parametrize("value", [(1, 2), {1: 2}, {"a": {3}}, object()], ids=["pair", "map", "set", "object"])
def test_what_would_come_back_otherwise_is_made_each_time(tmp_path, value):
    make = Made(value)
    assert all(disk_cache.Cache(tmp_path).kept("this", make) is value for _ in range(2))

    assert make.calls == 2
    assert files(tmp_path) == []


def test_another_source_is_another_value(tmp_path, monkeypatch):
    """So is another form of what is kept, and another Python."""
    make = Made("value")
    for made_from in (("a", 1), ("a", "1"), ("a1",), "a1"):
        disk_cache.Cache(tmp_path).kept(made_from, make)
    monkeypatch.setattr(disk_cache, "_FORMAT", 99)
    disk_cache.Cache(tmp_path).kept("a1", make)
    monkeypatch.setattr(disk_cache.sys, "version_info", (9, 9, 9))
    disk_cache.Cache(tmp_path).kept("a1", make)

    assert make.calls == 6


@pytest.mark.parametrize(
    "damage",
    [lambda b: b"", lambda b: b[: len(b) // 2], lambda b: b[:-1], lambda b: b.replace(b"7", b"8"),
     lambda b: b"\xff\xfe", lambda b: b"[]", lambda b: b + b" "],
    ids=["empty", "half", "cut", "another number", "no text", "of another form", "longer"],
)  # fmt: skip
def test_a_broken_file_is_made_anew(tmp_path, damage):
    """Also one that is still JSON; the next one finds it mended."""
    make = Made({"number": 77})
    disk_cache.Cache(tmp_path).kept("this", make)
    [file] = files(tmp_path)
    file.write_bytes(damage(file.read_bytes()))

    assert disk_cache.Cache(tmp_path).kept("this", make) == {"number": 77}
    assert disk_cache.Cache(tmp_path).kept("this", make) == {"number": 77}
    assert make.calls == 2


def test_without_a_place_to_keep_it_a_value_is_made(tmp_path):
    """Where a file stands in the place of the folder, say."""
    (tmp_path / ".cache").write_text("in the way", encoding="utf-8")

    assert disk_cache.Cache(tmp_path).kept("this", Made(5)) == 5


def test_what_fails_is_not_kept(tmp_path):
    with pytest.raises(ZeroDivisionError):
        disk_cache.Cache(tmp_path).kept("this", lambda: 1 / 0)

    assert files(tmp_path) == []


def test_what_no_build_asks_for_is_thrown_away_after_a_month(tmp_path):
    """What is asked for stays, however long ago it was made."""
    for source in ("never asked again", "asked again", "new"):
        disk_cache.Cache(tmp_path).kept(source, Made(source))
    old = time.time() - (disk_cache.DAYS + 1) * 86_400
    for source in ("never asked again", "asked again"):
        os.utime(tmp_path / disk_cache.CACHE / f"{disk_cache.name(source)}.json", (old, old))
    disk_cache.Cache(tmp_path).kept("asked again", Made("asked again"))
    disk_cache.Cache(tmp_path).forget()

    left = {path.stem for path in files(tmp_path)}
    assert left == {disk_cache.name("asked again"), disk_cache.name("new")}


def test_what_may_only_be_read_is_read(tmp_path, monkeypatch):
    """As in a checkout of somebody else, whose files cannot be marked as asked for."""

    def refused(*_):
        raise PermissionError("not yours")

    make = Made("value")
    disk_cache.Cache(tmp_path).kept("this", make)
    monkeypatch.setattr(disk_cache.os, "utime", refused)

    assert disk_cache.Cache(tmp_path).kept("this", make) == "value"
    assert make.calls == 1


def test_nothing_kept_is_nothing_to_throw_away(tmp_path):
    disk_cache.Cache(tmp_path).forget()

    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A checkout whose figure is code in a file, as the project's own are: what it draws is kept."""
    checkouts.register(monkeypatch)
    checkout = checkouts.fill(tmp_path / "checkout")
    file = tmp_path / "squares.py"
    file.write_text("SIDE = 1\n", encoding="utf-8")
    monkeypatch.setattr(Answers.load(checkout).figure("squares"), "__file__", str(file), raising=False)
    return checkout


def test_what_a_page_shows_of_a_figure_is_kept_and_as_it_was_made(checkout, monkeypatch):
    """Its files and its markup: a build that finds them makes none of it, and they are those of a first build."""
    first = {**pages.published(Answers.load(checkout)), **pages.render(Answers.load(checkout))}
    shown = Answers.load(checkout).exhibits("squares")[0]
    made = pages.described(exhibits.exhibit(Answers.load(checkout).figure("squares"), {shown.machine: shown.run},
                                            shown.machine, shown.state))  # fmt: skip

    def fails(*_):
        raise AssertionError("made again")

    for module, name in ((answers, "exhibit"), (exhibits, "downloads"), (tables, "table"), (svg, "layouts")):
        monkeypatch.setattr(module, name, fails)
    again = {**pages.published(Answers.load(checkout)), **pages.render(Answers.load(checkout))}

    assert again == first
    assert first["figures/squares/every_machine.json"] == made


def test_another_state_of_a_run_is_another_file_of_its_figure(checkout, monkeypatch):
    """It says of itself that it is stale, also where the fresh one is kept."""
    fresh = Answers.load(checkout).exhibits("squares")[0]
    monkeypatch.setattr(run_file, "state", lambda run: "stale")
    stale = Answers.load(checkout).exhibits("squares")[0]

    told = [json.loads(pages.described(shown, disk_cache.Cache(checkout)))["state"] for shown in (fresh, stale, fresh)]
    assert told == ["fresh", "stale", "fresh"]


TWO = """
import sys
from pathlib import Path
from attnsite.site.disk_cache import Cache
for n in range(300):
    value = Cache(Path(sys.argv[1])).kept(n % 30, lambda: {"number": n % 30, "text": "x" * 20_000})
    assert value == {"number": n % 30, "text": "x" * 20_000}, n
"""


def test_two_builds_at_once_read_whole_values(tmp_path):
    """And leave no temporary file."""
    words = [sys.executable, "-c", TWO, str(tmp_path)]
    with ThreadPoolExecutor() as pool:
        done = list(pool.map(lambda _: subprocess.run(words, cwd=ROOT, capture_output=True, text=True), range(2)))

    assert [each.returncode for each in done] == [0, 0], done
    assert len(files(tmp_path)) == 30


def test_the_code_behind_a_module_decides(tmp_path):
    """The module itself, what it imports, and the data beside it."""
    assert disk_cache.code_of(ROOT / "attnsite/site/tables.py") != disk_cache.code_of(
        ROOT / "attnsite/site/addresses.py"
    )

    file = tmp_path / "alone.py"
    hashes = []
    for text, data in (("a = 1\n", ""), ("a = 2\n", ""), ("a = 2\n", "1,2\n")):
        file.write_text(text, encoding="utf-8")
        if data:
            file.with_suffix(".csv").write_text(data, encoding="utf-8")
        disk_cache.code_of.cache_clear()
        hashes.append(disk_cache.code_of(file))
    disk_cache.code_of.cache_clear()
    assert len(set(hashes)) == 3


# --- what is kept by it ----------------------------------------------------------------------------------------


def test_a_digest_is_the_same_from_disk(tmp_path, monkeypatch):
    """And asks for nothing that was not found in the very text."""
    text = '"""Prose."""\nimport math\nfrom attnsite import digest  # why\n'
    plain = fingerprint._of_code(text, {"digest": ""}), fingerprint._imported(text), fingerprint._bound(text)

    def forget():
        for found in (fingerprint._hashed, fingerprint.imported, fingerprint.bound):
            found.cache_clear()

    monkeypatch.setattr(fingerprint, "_keep", disk_cache.Cache(tmp_path).kept)
    for _ in range(2):
        forget()
        assert (fingerprint.of_code(text), fingerprint.imported(text), fingerprint.bound(text)) == plain
        monkeypatch.setattr(fingerprint, "_of_code", None)  # from now on it must come from disk
        monkeypatch.setattr(fingerprint, "_imported", None)
        monkeypatch.setattr(fingerprint, "_bound", None)
    forget()


class Index:
    """As the theme's search plugin has it, but for its parser."""

    def __init__(self):
        self.entries, self.calls = [], 0

    def add_entry_from_context(self, page):
        self.calls += 1
        self.entries.append({"location": page.url, "title": page.title, "text": page.content})


def page(url="a/", title="A", content="<p>text</p>", toc=(), **meta):
    return SimpleNamespace(url=url, title=title, content=content, toc=toc, meta=meta)


def test_a_page_is_searched_once_for_its_entries(tmp_path):
    """Whatever of it changes, its words, its address, its name or what it says of itself, it is searched again."""
    pages = [page(), page(), page(url="b/"), page(title="B"), page(content="other"), page(search={"exclude": True})]
    pages.append(page(toc=[SimpleNamespace(id="x", url="#x", children=[])]))
    first, second = Index(), Index()
    for index in (first, second):
        searching.remember(index, disk_cache.Cache(tmp_path))
        for each in pages:
            index.add_entry_from_context(each)

    assert (first.calls, second.calls) == (len(pages) - 1, 0)
    assert first.entries == second.entries
    assert [entry["location"] for entry in first.entries] == [each.url for each in pages]


def test_entries_of_a_page_keep_their_place():
    def entries(*locations, text=""):
        return [{"location": location, "text": text} for location in locations]

    before = entries("a/", "a/#1", "b/", "b/#1", "c/")
    after = entries("b/", "b/#2", text="new")

    assert searching.merged(before, after) == [*before[:2], *after, before[4]]
    assert searching.merged(before, []) == before


def test_code_is_in_the_same_colours_from_disk(tmp_path, monkeypatch):
    """Of its own language and form."""
    monkeypatch.setattr(highlight, "highlight", highlight.highlight)
    highlighting.remember(disk_cache.Cache(tmp_path))
    forms = [(PythonLexer(), HtmlFormatter()), (PythonLexer(stripnl=False), HtmlFormatter()),
             (PythonLexer(), HtmlFormatter(cssclass="other"))]  # fmt: skip
    fresh = [highlighting.pygments.highlight("\nx = 1\n", *form) for form in forms]
    for _ in range(2):
        assert [highlight.highlight("\nx = 1\n", *form) for form in forms] == fresh
        assert len(set(fresh)) == len(files(tmp_path)) == 3
        monkeypatch.setattr(highlighting.pygments, "highlight", None)


@pytest.mark.parametrize("damage", [None, b"", b"x" * 400, b"\0" * 40])
def test_a_broken_template_is_compiled_anew(tmp_path, damage):
    """And one whose text has changed."""

    def rendered(text):
        loaded = jinja2.DictLoader({"page": text})
        return (
            jinja2.Environment(loader=loaded, bytecode_cache=templates.Compiled(tmp_path)).get_template("page").render()
        )

    assert rendered("{{ 1 + 1 }}") == "2"
    [file] = (tmp_path / templates.CACHE).iterdir()
    whole = file.read_bytes()
    if damage is not None:
        file.write_bytes(damage)

    assert rendered("{{ 1 + 1 }}") == "2"
    assert file.read_bytes() == whole
    assert rendered("{{ 1 + 2 }}") == "3"
