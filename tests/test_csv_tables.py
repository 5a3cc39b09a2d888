"""Whatever a row of a table of models says, it is read, or its file and line are told."""

import shutil

import pytest

from attnsite import cli
from attnsite.records import csv_tables, registry
from attnsite.records.mistakes import Mistake
from attnsite.site.builders import checks
from tests.conftest import ROOT

MODEL = "Laptop 3B,2025,0,28,3072,24,8,128,128,,,131072,GQA,,,here,read,\n"
LINE = len((ROOT / "attnsite/experiments/kv_cache.csv").read_text(encoding="utf-8").splitlines()) + 1


@pytest.fixture
def tables(tmp_path, monkeypatch):
    """Copies of the tables, which a test may spoil; returns one that adds to the end of one of them."""
    for path in (registry.ROOT / "experiments").glob("*.csv"):
        (tmp_path / "experiments").mkdir(exist_ok=True)
        shutil.copy(path, tmp_path / "experiments")
    monkeypatch.setattr(csv_tables.registry, "ROOT", tmp_path)

    def add(text, table="kv_cache"):
        with (tmp_path / "experiments" / f"{table}.csv").open("a", encoding="utf-8", newline="") as file:
            file.write(text)
        return [(mistake.where, mistake.what) for mistake in csv_tables.faults()]

    return add


def test_the_tables_as_they_are_and_one_more_model_have_no_fault(tables):
    """Cells with commas, empty cells and decimal numbers are what tables are made of."""
    assert tables("") == []
    assert tables(MODEL) == []
    assert tables('Card,card,99.5,1,"a, b"\n', "balance_by_machine") == []


@pytest.mark.parametrize(
    ("row", "told"),
    [
        (MODEL.replace("here", "here,there"), "has 19 cells, the head 18"),
        ("Laptop 3B,2025\n", "has 2 cells, the head 18"),
        (MODEL.replace("3072", "3,072"), "has 19 cells, the head 18"),
        (MODEL.replace("3072", "3072.0"), "width is “3072.0”"),
        (MODEL.replace("3072", "3k"), "width is “3k”"),
        (MODEL.replace("3072", "-3072"), "width is “-3072”"),
        (MODEL.replace("3072", "３"), "width is “３”"),
        (MODEL.replace("3072", ""), "Laptop 3B has no width"),
        (MODEL.replace(",8,", ",,"), "Laptop 3B has no kv_heads"),
        (MODEL.replace("GQA", "MLA"), "Laptop 3B has no latent_dim, rope_dim"),
        (MODEL.replace("GQA", "gqa"), "attention is “gqa”"),
        (MODEL.replace("Laptop 3B", ""), "has no name"),
        (MODEL.replace("Laptop 3B", "GPT-2 XL (1558M)"), "GPT-2 XL (1558M) stands in line"),
        (MODEL.replace("here", '"here'), "cannot be read as CSV"),
    ],
)
def test_a_row_that_cannot_be_is_told_with_its_line(tables, row, told):
    """One cell too many was a traceback in `measure`."""
    [(line, what)] = tables(row)

    assert told in what
    assert line == str(LINE) or "CSV" in what


def test_all_faults_of_all_tables_are_told_at_once(tables):
    """A model that no table knows, a head that lost a column, a machine without a speed."""
    tables("Nobody,1,2,3,here\n", "flop_formulas")
    tables("Card,card,,1,here\n", "balance_by_machine")
    told = [what for _, what in tables(MODEL.replace("2025", "new"))]

    assert told == ["Card has no teraflops", "year is “new”", "Nobody is not a model of kv_cache.csv"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (b"", "head"), (b"name,name\na,b\n", "head"), (b"name\n", "lacks year"), (b"\xff\n", "UTF-8"),
        (b"\xef\xbb\xbfname\n", "byte order mark"),
    ],
)  # fmt: skip
def test_a_table_without_its_head_is_told_whole(tables, tmp_path, text, told):
    """In one line: that the names of other tables are then unknown is not told too."""
    (tmp_path / "experiments" / "kv_cache.csv").write_bytes(text)
    [(_, what)] = tables("", "kv_calculators")

    assert told in what


def test_commands_tell_it_in_lines_and_no_traceback(tables, capsys):
    """Those that read the tables, and `check` beside what else is wrong."""
    tables(MODEL.replace("here", "here,there"))
    line = f"attnsite/experiments/kv_cache.csv:{LINE}: has 19 cells, the head 18; give each column one cell; " \
        "a cell with a comma stands in quotes"  # fmt: skip

    assert cli.main(["--root", str(ROOT), "status"]) == 1
    assert capsys.readouterr().err.splitlines() == [line]
    assert line in [str(mistake) for mistake in checks.check(ROOT)]
    assert all(isinstance(mistake, Mistake) for mistake in checks.check(ROOT))
