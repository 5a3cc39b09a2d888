"""Committed counts, counted again by the check."""

import dataclasses
import shutil
from pathlib import Path

import pytest

from attnsite.records import recount, registry, run_file
from attnsite.records.workload import Count
from attnsite.site.builders import checks, result_checks
from attnsite.site.checkout import Checkout
from tests.conftest import ROOT

PATH = Path("docs/results/every_machine/batch_intensity.json")
RUN = run_file.read(ROOT / PATH)


def with_value(row, **values):
    return dataclasses.replace(row, values={**row.values, **values})


def test_a_count_is_what_counting_again_gives():
    assert list(recount.faults(RUN, PATH)) == []


@pytest.mark.parametrize("factor", [1.001, 10, -1])
def test_an_edited_value_is_told_with_its_row_whatever_the_digests_say(tmp_path, factor):
    """The file is written as a contributor would, with a new digest of its rows, and of another code."""
    name, value = next((name, value) for name, value in RUN.rows[3].values.items() if isinstance(value, float | int))
    rows = (*RUN.rows[:3], with_value(RUN.rows[3], **{name: value * factor}), *RUN.rows[4:])
    (tmp_path / PATH).parent.mkdir(parents=True)
    for digest in (RUN.digest, "0" * 12):
        run_file.write(dataclasses.replace(RUN, rows=rows, digest=digest), tmp_path / PATH)
        found = [
            (m.path, m.where)
            for m in checks.committed_results(Checkout.load(tmp_path))[1]
            if "counting again" in m.what
        ]

        assert found == [(PATH.as_posix(), f"row 4.values.{name}")]


def test_a_value_more_or_less_is_told():
    fewer = dict(list(RUN.rows[0].values.items())[1:])
    rows = (dataclasses.replace(RUN.rows[0], values=fewer), with_value(RUN.rows[1], more=1), *RUN.rows[2:])

    assert {m.where.split(".")[0] for m in recount.faults(dataclasses.replace(RUN, rows=rows), PATH)} == {
        "row 1", "row 2"
    }  # fmt: skip


def test_what_refuses_or_is_a_compilers_is_left_alone(monkeypatch):
    """A library that is not installed, a toolchain of its own."""

    def refuse(case):
        raise LookupError("no compiler here")

    other = tuple(with_value(row, more=1) for row in RUN.rows)
    made = tuple(with_value(row, toolchain="other 1.0") for row in RUN.rows)
    assert list(recount.faults(dataclasses.replace(RUN, rows=made), PATH)) == []
    module = registry.module("experiments", "batch_intensity", "experiment")
    monkeypatch.setattr(module, "experiment", Count(refuse, ()))
    assert list(recount.faults(dataclasses.replace(RUN, rows=other), PATH)) == []


def test_only_what_changed_is_counted_again(tmp_path, monkeypatch):
    (tmp_path / PATH).parent.mkdir(parents=True)
    shutil.copy(ROOT / PATH, tmp_path / PATH)
    assert result_checks.recounted(Checkout.load(tmp_path), RUN, PATH) == []
    monkeypatch.setattr(recount, "faults", lambda *_: 1 / 0)

    assert result_checks.recounted(Checkout.load(tmp_path), RUN, PATH) == []
