"""Whatever a text says, its reader reads it or says in a line what is wrong. `tests/fuzz.py` is the same at length."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import fuzz

FOUND = sorted(fuzz.CASES.glob("*/*.txt"))


@pytest.mark.parametrize("path", FOUND, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_what_once_broke_a_reader_no_longer_does(path):
    """Every finding so far."""
    fuzz.READERS[path.parent.name][0](path.read_bytes().decode("utf-8", "surrogatepass"))


@pytest.mark.parametrize("reader", fuzz.READERS)
def test_what_texts_are_made_from_is_read_whole(reader):
    """Fuzzing starts from texts without a mistake, or it would never come far."""
    read, text, _ = fuzz.READERS[reader]
    assert not read(text)


@pytest.mark.parametrize("reader", fuzz.READERS)
def test_texts_like_real_ones_are_read_or_refused(reader):
    """A few hundred, the same each time."""
    read, text, words = fuzz.READERS[reader]
    rng = random.Random(reader)
    for _ in range({"intake": 40, "bibtex": 40, "pages": 12}.get(reader, 300)):
        read(fuzz.mutate(rng, text, words, reader))


@pytest.mark.parametrize("reader", fuzz.READERS)
def test_any_text_is_read_or_refused(reader):
    """Words that mean something to a reader, and any others, in any order."""
    read, text, words = fuzz.READERS[reader]
    lines = st.sampled_from([*words, *text.splitlines(keepends=True)])

    @settings(max_examples=8 if reader == "pages" else 60, deadline=None)
    @given(st.lists(lines | st.text(max_size=12), max_size=30).map("".join))
    def holds(any_text):
        read(any_text.encode("utf-8", "replace").decode())

    holds()


@pytest.mark.parametrize("reader", fuzz.READERS)
def test_a_finding_is_kept_as_small_as_it_can_be(reader, tmp_path, monkeypatch, capsys):
    """And told once; the command then ends with a status that is not 0."""
    _, text, words = fuzz.READERS[reader]

    def read(given):
        assert "a" not in given

    monkeypatch.setattr(fuzz, "CASES", tmp_path)
    monkeypatch.setitem(fuzz.READERS, reader, (read, text, words))

    assert fuzz.fuzz(reader, 30, seed=1) == 1
    [kept] = tmp_path.rglob("*.txt")
    assert kept.read_text(encoding="utf-8") == "a"
    assert capsys.readouterr().out.count("AssertionError") == 1
