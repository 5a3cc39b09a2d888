"""What looks like something of the site's and is none: fences, addresses, terms, titles; each is told by the check."""

import time
from pathlib import Path

import pytest

from attnsite.content import backing, figure_faults, glossary, marks, number_words, sources, unsafe_markup
from attnsite.site.builders import checks
from tests import checkouts
from tests.conftest import ROOT


@pytest.mark.parametrize("fence", ["```FIGURE", "```{.figure}", "``` { .figure #x }", "~~~Figure", "```.figure"])
def test_a_fence_that_imitates_a_figures_is_told(fence):
    assert marks.odd_fences(f"Text.\n\n{fence}\nroofline\n```\n")


@pytest.mark.parametrize("fence", ["```figure", "~~~ figure", "```python", "```", "```figures"])
def test_other_fences_are_what_they_are(fence):
    assert not marks.odd_fences(f"{fence}\nroofline\n{fence[:3]}\n")


@pytest.mark.parametrize(
    "address",
    ["http://127.0.0.1:8000/", "http://localhost/a", "https://LOCALHOST.:80", "//10.1.2.3/x", "http://192.168.0.1",
     "http://[::1]/", "http://[fe80::1]/", "http://printer.local/", "http://2130706433/", "http://0x7f000001/", "http://127.1/",
     "http://0.0.0.0/", "http:\\\\127.0.0.1\\x", "https://example.org@evil.example/", "http://169.254.169.254/latest"],
)  # fmt: skip
def test_an_address_at_home_is_nobody_elses(address):
    assert unsafe_markup.at_home(address)
    assert unsafe_markup.find(f'<a href="{address}">x</a>', [], plain=True)


@pytest.mark.parametrize("address", ["https://example.org/a", "http://1.1.1.1/", "a.md", "#b", "mailto:a@b.org"])
def test_a_public_address_is_one(address):
    assert not unsafe_markup.at_home(address)


@pytest.mark.parametrize(
    ("old", "new"),
    [("That squares exist.", "<b>That</b>"), ("That squares exist.", "See [this](https://evil.example)"),
     ("A Journal", "A [@mark]"), ("https://example.org/doe2020squares", "http://localhost:8000/a")],
)  # fmt: skip
def test_a_source_is_plain_and_can_be_opened(old, new):
    written = checkouts.source("doe2020squares")
    assert old in written
    assert sources.parse(written, Path("doe2020squares.bib"))[1] == ()
    assert sources.parse(written.replace(old, new), Path("doe2020squares.bib"))[1]


def test_terms_stand_once_mean_something_and_are_no_words_of_any_sentence():
    """Each would be linked wherever it stands."""
    text = "# Glossary\n\n### head\n\nA part.\n\n*Also: the*\n\n### Head\n\nAgain.\n\n### is\n\nA.\n\n### key\n"
    assert [(m.where, m.what.split(" ")[0]) for m in glossary.faults(text)] == [
        ("3", "'the'"), ("9", "'Head'"), ("13", "'is'"), ("17", "key")
    ]  # fmt: skip
    assert list(glossary.faults((ROOT / glossary.FILE).read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    ("title", "holds"),
    [("Ours is 9 times faster than {theirs}", True), ("Twice as fast as {theirs}", True), ("It takes 900 ms", True),
     ("Ours is {gain} as fast as {theirs}", False), ("It ends {low} to {high} apart (95 %)", False)],
)  # fmt: skip
def test_a_finding_is_not_typed_into_a_title(title, holds):
    assert bool(list(figure_faults.typed("mine", f"{title}\n\nOurs is 9 times faster."))) is holds


def test_a_picture_that_is_not_there_is_told(tmp_path):
    (tmp_path / "docs/assets").mkdir(parents=True)
    (tmp_path / "docs/assets/x.png").write_bytes(b"")
    text = "![a](../../assets/x.png)\n![b](../../assets/y.png)\n![c](<z.png> 'title')"

    assert [m.where for m in checks.links(tmp_path, Path("docs/questions/cost/a.md"), text, 1)] == ["2", "3"]


@pytest.mark.parametrize("piece", ["takes ", "x. ", "several hundred thousand ", "9" * 50, "9 to ", "half of the "])
def test_numbers_of_a_long_line_are_found_in_little_time(piece):
    """Twenty thousand characters: whoever takes the square of that takes minutes."""
    line, start = piece * (20_000 // len(piece)), time.process_time()
    list(number_words.find(line))
    list(backing.sentences(line, []))
    backing.unbacked(line, (), {})

    assert time.process_time() - start < 15
