"""A reader's quick run beside a published one, of every kind: its rows are found, and summed up rightly."""

import json
import re
import statistics
import urllib.request
from urllib.parse import urljoin

import pytest

from attnsite.records import registry, run_file, sweeps
from tests.conftest import ROOT

pytestmark = pytest.mark.browser
KINDS = {
    "heads_at_fixed_width": "timing", "decode_by_context": "timing", "score_memory": "memory",
    "softmax_error": "study", "rank_collapse": "study",
}  # fmt: skip
TAKE = """async ([name, text]) => {
  await (await window.attnsite.bring("dropped.js")).take([new File([text], name)]);
  await new Promise(done => setTimeout(done, 50));
}"""


def published(machine, experiment):
    """A committed run's rows that the quick sweep asks for too, as a reader would have made them."""
    data = json.loads((ROOT / run_file.COMMITTED / machine / f"{experiment}.json").read_text(encoding="utf-8"))
    quick = [sweeps.asked(case) for case in registry.module("experiments", experiment).experiment.quick]
    rows = [row for row in data["rows"] if {k: v for k, v in row["case"].items() if k != "variant"} in quick]
    return data | {"machine": "a_reader", "sweep": "quick", "rows": rows}


@pytest.fixture
def beside(site, open_page):
    """Drop a run, made from the one that a page shows by `change(its data)`: the data, what stands there, the page."""

    def dropped(experiment, change):
        with urllib.request.urlopen(urljoin(site, "results/index.json")) as answer:
            shown = json.load(answer)["experiments"][experiment]["shown"]
        page = open_page(urljoin(site, shown[0][1].split("#")[0]))
        page.wait_for_function("!!window.attnsite?.bring")
        link = page.locator(f'figure[data-machine] [data-run][href$="/{experiment}.json"]').first
        data = published(link.get_attribute("href").split("/")[-2], experiment)
        change(data)
        page.evaluate(TAKE, [f"{experiment}.json", json.dumps(data)])
        return data, page.locator(".exhibit-own > p").first.inner_text(), page

    return dropped


def slower(data):
    for row in data["rows"]:
        row["samples"] = [3 * sample for sample in row.get("samples", [])]


@pytest.mark.parametrize("experiment", KINDS)
def test_a_quick_run_compares_row_by_row(beside, experiment):
    """Every kind: as many rows as the run has, a mean that is right, and the table of them."""
    data, said, page = beside(experiment, slower)
    rows = [row for row in data["rows"] if "skipped" not in row]

    assert data["kind"] == KINDS[experiment]
    if data["kind"] in ("timing", "memory"):
        above = [row for row in rows if row["samples"] and statistics.median(row["samples"]) > 0]
        found = re.search(r"yours (takes|needs) 3× ours in the geometric mean of the (\d+) rows", said)
        assert found, said
        assert int(found[2]) == len(above) > 0
    else:
        same, of = map(int, re.search(r"(\d+) of (\d+) numbers are the same\.", said).groups())
        assert same == of >= len(rows)
    assert page.locator(".exhibit-own table").count() > 0


def test_what_differs_in_a_study_is_told_by_how_much(beside):
    """One number of many: how many are the same, and the largest difference."""

    def change(data):
        values = next(row["values"] for row in data["rows"] if "values" in row)
        values[next(name for name, value in values.items() if type(value) is float and value)] *= 1.25

    _, said, _ = beside("softmax_error", change)
    found = re.search(r"(\d+) of (\d+) numbers are the same, and the others differ by at most 25%", said)
    assert found, said
    assert int(found[1]) == int(found[2]) - 1


def test_a_run_that_shares_no_row_has_no_mean_and_no_table(beside):
    """It says so, and speaks of no table that is not there; where all is 0 there is no ratio."""

    def another(data):
        for row in data["rows"]:
            row["case"]["seed"] = 99

    _, said, page = beside("heads_at_fixed_width", another)
    assert "no row of yours asks what one of ours asks" in said
    assert "table" not in page.locator(".exhibit-own").first.inner_text()
    assert page.locator(".exhibit-own table").count() == 0

    def nothing(data):
        for row in data["rows"]:
            row["samples"] = [0 for _ in row.get("samples", [])]

    _, said, _ = beside("score_memory", nothing)
    assert "none is above zero in both, so that there is no ratio" in said
