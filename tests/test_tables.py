"""Tables as data: numbers are numbers, the title's columns come first, and nothing that was left out is lost."""

import csv
import io
import json
import re
from types import ModuleType

import pytest

from attnsite.records import registry, run_file
from attnsite.records.mistakes import Mistake
from attnsite.records.quantity import Quantity
from attnsite.site import exhibits, tables
from attnsite.site.pages import render as pages
from tests.test_figures import NAMES, OF, ROOT, synthetic

UNITS = r"(?:\s(?:[%×]|[kMGTPµmn]?(?:i?B|s|FLOP)(?:/s)?|tokens|millionths|million|billion|thousand|nats)|[kM%×])"
SIZE = rf"[−-]?\d[\d\s,.]*(?:[eE][+-]?\d+)?(?:\s?×\s?10[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)?{UNITS}*"
NUMBER = re.compile(rf"[≥≤~<>]?\s?{SIZE}(?:\s?(?:to|of|–|\+)\s?{SIZE})?(?: and more)?")


def runs(name):
    """The committed runs of a figure's experiment; a made one where none is here, as for a GPU."""
    found = run_file.load(ROOT, registry.module("figures", name).EXPERIMENT)
    return [run for run in found.values() if run.machine != run_file.THIS_BUILD] or [synthetic(OF[name])]


@pytest.fixture(params=NAMES)
def figure(request):
    return registry.module("figures", request.param)


@pytest.mark.parametrize("text", ["1.1 × 10⁻⁹", "0.4 to 0.46", "1k tokens", "≥ 4", "8 and more", "7 of 15", "6 + 6",
                                  "2.3e-07", "12.5\u202f%", "16\u202f384", "1.5\u202fGiB", "0.125"])  # fmt: skip
def test_what_looks_like_a_number_is_seen(text):
    """The pattern of the next test knows how figures once wrote numbers as text."""
    assert NUMBER.fullmatch(text)


@pytest.mark.parametrize(
    "text", ["cpu_simd", "8B", "layer 1, head 2", "sm_90", "32\xa0×\xa08", "3\xa0×\xa04 narrow", "–"]
)
def test_a_name_is_not_taken_for_a_number(text):
    assert not NUMBER.fullmatch(text.replace("8B", "Llama 8B"))


def test_columns_that_look_like_numbers_hold_numbers(figure):
    """Where most cells of a column look like numbers, each has a value to sort by, and CSV has it without a unit."""
    for run in runs(figure.__name__.rsplit(".", 1)[-1]):
        rows = figure.tabulate([run])
        read = list(csv.reader(io.StringIO(tables.comma_separated(rows))))
        for at, head in enumerate(tables.columns(rows)):
            shown = [cell for row in tables.cells(rows) if (cell := row[at]).text not in ("–", "")]
            looks = [cell for cell in shown if cell.value is None or NUMBER.fullmatch(str(cell.text))]
            if 2 * len(looks) <= len(shown):
                continue
            assert [cell.text for cell in shown if isinstance(cell.value, str)] == [], head
            place = next(i for i, name in enumerate(read[0]) if name == head or name.startswith(f"{head} ["))
            for line in read[1:]:
                float(line[place] or 0)


def test_truths_are_yes_or_no_everywhere(figure):
    """In the table, in JSON and in CSV."""
    for run in runs(figure.__name__.rsplit(".", 1)[-1]):
        rows = figure.tabulate([run])
        assert not {"True", "False"} & {
            cell for line in csv.reader(io.StringIO(tables.comma_separated(rows))) for cell in line
        }
        assert not any(isinstance(tables.plain(value), bool) for row in rows for value in row.values())


def test_the_columns_of_the_title_stand_behind_the_rows_name(figure):
    """Each figure names them, and the table of each run that has them shows them second."""
    found = set()
    for run in runs(figure.__name__.rsplit(".", 1)[-1]):
        rows = figure.tabulate([run])
        named = exhibits.title_columns(figure, rows)
        heads = tables.arrange(rows, named).heads
        at = heads.index(named[0])
        assert at <= 1
        assert heads[at : at + len(named)] == named
        found |= set(named)
    assert found == set(figure.TITLE_COLUMNS)


def test_a_figure_without_the_columns_of_its_title_is_a_mistake():
    """The author is told which columns there are."""
    module = ModuleType("attnsite.figures.squares")
    for named in (None, ("volume",)):
        if named:
            module.TITLE_COLUMNS = named
        with pytest.raises(Mistake, match="TITLE_COLUMNS") as told:
            exhibits.title_columns(module, [{"side": 1, "area": 1}])
        assert "side, area" in told.value.remedy


ROWS = [
    {"machine": "m", "kernel": "b", "n": 1, "time": None, "samples": 0, tables.NOT_RUN: "no CUDA here"},
    {"machine": "m", "kernel": "c", "n": 1, "time": Quantity(3.0, "s"), "samples": 9, tables.NOT_RUN: None},
    {"machine": "m", "kernel": "a", "n": 1, "time": Quantity(2.0, "s"), "samples": 9, tables.NOT_RUN: None},
    {"machine": "m", "kernel": "a", "n": 2, "time": Quantity(1.0, "s"), "samples": 9, tables.NOT_RUN: None},
    {"machine": "m", "kernel": "b", "n": 2, "time": None, "samples": 0, tables.NOT_RUN: "no CUDA here"},
]


def test_drawn_rows_come_first_and_rows_that_were_not_run_last():
    """Then the other rows of the drawn kernels, then kernels that the chart leaves out."""
    chart = {"data": [{"y": [1, 7], "x": [2, 9]}, {"y": [3.0], "hoverinfo": "skip"}]}
    arranged = tables.arrange(ROWS, ["time"], exhibits.drawn_rows(ROWS, chart))

    assert [(row["kernel"], row["n"]) for row in arranged.rows] == [("a", 2), ("a", 1), ("c", 1), ("b", 1), ("b", 2)]
    assert arranged.shown == 3
    assert tables.reasons(arranged.not_run) == ["no CUDA here: 2 rows (b 2)"]
    assert exhibits.drawn_rows(ROWS, {"data": [{"y": [1, 7, 8]}]}) == [False] * 5  # it draws something else


def test_what_all_rows_share_is_said_once_unless_the_title_speaks_of_it():
    arranged = tables.arrange(ROWS, ["time"])

    assert arranged.heads == ["kernel", "time", "n"]
    assert tables.same_in_all(arranged.same) == "All rows: machine = m; samples = 9."
    assert tables.arrange(ROWS, ["samples"]).heads[:2] == ["kernel", "samples"]
    assert "machine" in tables.arrange(ROWS[1:2], ["time"]).heads  # nothing can be told from one row


def test_the_block_shows_what_was_arranged():
    """A line above, the rows that ran, and a closed list of the others; machine-made text stays text."""
    html = tables.block(tables.arrange([row | {"machine": "<m>"} for row in ROWS], ["time"]), "T")

    assert html.startswith('<p class="rows-same">All rows: machine = &lt;m&gt;; samples = 9.</p><div class="scrolls">')
    assert html.count("<tr>") == 1 + 3
    assert '<details class="rows-not-run"><summary aria-label="Not run: 2 rows, and why: T">Not run: 2 rows' in html


def test_files_hold_every_row_and_column_in_the_tables_order():
    """JSON says which of its rows and columns the page shows; CSV has the same rows."""
    seen = 0
    for name in ("heads_at_fixed_width", "threads_by_heads", "roofline", "peers_backward", "cuda_compiled"):
        figure = registry.module("figures", name)
        for run in runs(name)[:1]:
            try:
                shown = exhibits.exhibit(figure, {run.machine: run}, run.machine, "fresh")
            except exhibits.NotMeasured:
                continue
            spec, rows = json.loads(pages.described(shown)), figure.tabulate([run])
            assert sorted(spec["columns"]) == sorted(tables.columns(rows))
            assert len(spec["rows"]) == len(rows) == shown.csv.count("\n") - 1
            cut = spec["table"]["rows"]
            assert [bool(row.get(tables.NOT_RUN)) for row in shown.rows] == [False] * cut + [True] * (len(rows) - cut)
            assert shown.table.count("<tr>") == 1 + cut
            seen += cut < len(rows)
    assert seen > 3


def test_tiny_quantities_print_as_powers_and_keep_their_value():
    tiny = Quantity(1.14e-9, "small", 1e-9, 2e-9)

    assert str(tiny) == "1.1\u00a0×\u00a010⁻⁹"
    assert tables.comma_separated([{"norm": tiny}]) == 'norm,"norm, low","norm, high"\n1.14e-09,1e-09,2e-09\n'
