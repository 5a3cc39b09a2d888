"""A run says the same of itself as its rows, its experiment and the other runs of its machine do."""

import dataclasses
from pathlib import Path

import pytest

from attnsite.records import consistency, run_file
from attnsite.site.builders import result_checks
from attnsite.site.checkout import Checkout
from attnsite.site.disk_cache import Cache
from tests.conftest import ROOT

PATH = Path("docs/results/epyc_2core/gqa_phases.json")
STUDY = Path("docs/results/epyc_2core/softmax_error.json")
RUN, STUDIED = run_file.read(ROOT / PATH), run_file.read(ROOT / STUDY)


def told(run, path=PATH, asked=None):
    return [(m.where, m.what) for m in consistency.faults(run, path, asked)]


def with_known(run, part, **changes):
    known = {**getattr(run.provenance, part), **changes}
    return dataclasses.replace(run, provenance=dataclasses.replace(run.provenance, **{part: known}))


def with_row(run, chosen, **changes):
    at = next(at for at, row in enumerate(run.rows) if chosen(row))
    rows = [*run.rows]
    rows[at] = dataclasses.replace(rows[at], **changes)
    return dataclasses.replace(run, rows=tuple(rows)), f"row {at + 1}"


def test_the_committed_runs_contradict_nothing():
    for path in run_file.files(ROOT, run_file.COMMITTED):
        run = run_file.read(path)
        assert told(run, path, result_checks.asked_of(Cache(ROOT), run)) == [], path
        assert list(consistency.spread(run, path)) == [], path


@pytest.mark.parametrize(
    ("machine", "known"),
    [("ours_is_9x_faster", {}), ("xeon_2core", {}), ("h100", {}), ("epyc_64core", {}), ("twice", {}),
     ("epyc_2core", {"cpu": "Intel(R) Xeon(R)"}), ("epyc_2core", {"cores": 64})],
)  # fmt: skip
def test_a_machine_is_what_its_name_says(machine, known):
    run = with_known(dataclasses.replace(RUN, machine=machine), "machine", **known)

    assert [where for where, _ in told(run)] == ["machine"]


def test_a_spread_is_worked_out_and_not_believed():
    said = RUN.provenance.steadiness["median_spread"]
    noisier, calmer = (with_known(RUN, "steadiness", median_spread=spread) for spread in (said + 0.01, said / 2))

    assert list(consistency.spread(noisier, PATH)) == []  # that of its noisiest part
    assert [m.where for m in consistency.spread(calmer, PATH)] == ["provenance.steadiness.median_spread"]
    assert "provenance.steadiness.median_spread" in [
        m.where for m in result_checks.vetted(Checkout.load(ROOT), calmer, PATH, {})
    ]


def test_a_row_is_skipped_for_the_reason_that_it_says():
    for code, said in (
        ("refused", "no CUDA here: no driver"),
        ("no_device", "takes no window"),
        ("wrong", "failed: x"),
    ):
        run, where = with_row(RUN, lambda row: row.samples, samples=(), values={}, skipped=said, skip_code=code)
        assert f"{where}.skip_code" in [each for each, _ in told(run)]


def test_a_ceiling_counts_in_its_own_unit_and_is_one_that_was_asked_for():
    asked = result_checks.asked_of(Cache(ROOT), RUN)

    def is_read(row):
        return row.kernel == "ceiling:read"

    for values in ({"flops": 1e9}, {"bytes": 1.0, "flops": 1e9}):
        run, where = with_row(RUN, is_read, values=values)
        assert told(run)[0][0] == f"{where}.values"
    run, where = with_row(RUN, is_read, kernel="ceiling:matmul", values={"flops": 1e9})
    assert f"{where}.kernel" in [each for each, _ in told(run, asked=asked)]
    assert "kernels" in [each for each, _ in told(dataclasses.replace(RUN, kernels=("cpu_*", "ours_*")), asked=asked)]
    run, where = with_row(RUN, lambda row: row.takes_part, stage="softmax")
    assert f"{where}.stage" in [each for each, _ in told(run, asked=asked)]


@pytest.mark.parametrize("value", ["many", [1, 2], {"a": 1}, True])
def test_what_is_observed_is_of_one_kind_in_all_rows(value):
    name = next(iter(STUDIED.rows[0].values))
    run, where = with_row(STUDIED, lambda row: True, values={**STUDIED.rows[0].values, name: value})

    assert told(run, STUDY) == [(f"{where}.values.{name}", f"is {value!r}, where other rows have a number")]


def test_one_folder_is_one_machine():
    other = with_known(RUN, "machine", cpu="Another", memory_bytes=2**30)
    runs = {Path(f"docs/results/epyc_2core/{name}.json"): RUN for name in "abc"} | {PATH: other}

    assert {(m.path, m.where) for m in consistency.of_machine(runs)} == {
        (PATH.as_posix(), "provenance.machine.cpu"), (PATH.as_posix(), "provenance.machine.memory_bytes")
    }  # fmt: skip
