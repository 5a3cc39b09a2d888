"""What may be published: a run that can be read is believed only if it is whole, private and possible."""

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import pytest
from checkouts import fill

from attnsite import check, results, vetting
from attnsite.errors import Mistake
from attnsite.results import Provenance, Row, Run

CASE = {"batch": 1, "heads": 2, "kv_heads": 2, "queries": 100, "keys": 100, "dim": 64, "causal": False}
FLOPS = 4 * 2 * 100 * 100 * 64
LIMIT = Row(CASE, "ceiling:fma", samples=(1e-3,) * 3, values={"flops": 1e8})  # 1e11 FLOP/s
WHOLE = Provenance(
    {"cpu": "A processor", "architecture": "x86_64", "threads": 2, "system": "Linux 6.1", "blas": "blas 0.3.31.188.0"},
    {"python": "3.12.1", "numpy": "2.1", "numba": "0.61", "commit": "0123456789ab", "clean": True},
    "2026-01-02T03:04:05+00:00", 2.0, {"verdict": "steady"},
)  # fmt: skip
RUN = Run("mine", "timing", "a_laptop", "quick", "0" * 12, ("cpu_*",), WHOLE, (
    Row(CASE, "cpu_a", "1" * 12, samples=(FLOPS / 9e10,) * 3, max_error=1e-7, bound=2e-7),
    Row(CASE, "cpu_a", "1" * 12, stage="softmax", samples=(1e-9,) * 3),
    Row(CASE, "cuda_a", skipped="no CUDA here: no driver"),
    LIMIT,
))  # fmt: skip
PATH = Path("docs/results/a_laptop/mine.json")


def told(run):
    return [mistake.where for mistake in vetting.faults(run, PATH, vetting.limits_of([run]))]


def with_row(**changes):
    return dataclasses.replace(RUN, rows=(dataclasses.replace(RUN.rows[0], **changes), *RUN.rows[1:]))


def with_provenance(part, **changes):
    known = dict(getattr(WHOLE, part)) | changes
    return dataclasses.replace(RUN, provenance=dataclasses.replace(WHOLE, **{part: known}))


def test_a_whole_run_is_accepted():
    """A stage is no call of attention, a skipped row has no samples, a version is no address."""
    assert told(RUN) == []


@pytest.mark.parametrize(
    ("run", "where"),
    [
        (with_row(samples=(FLOPS / 2e11,) * 3), "row 1.samples"),  # twice what the machine can do
        (with_row(samples=(1e-4, 1e-4)), "row 1.samples"),  # too few
        (with_row(samples=(0.0, 1.0, 1.0)), "row 1.samples"),
        (with_row(max_error=1e-3), "row 1.max_error"),
        (with_row(max_error=float("nan")), "row 1.max_error"),
        (with_provenance("software", clean=False), "provenance.software.clean"),
        (with_provenance("software", commit=None), "provenance.software.commit"),
        (with_provenance("machine", cpu=""), "provenance.machine.cpu"),
        (with_provenance("machine", note="built in /home/somebody/attnsite"), "provenance.machine"),
        (with_provenance("machine", note=r"C:\\Users\\somebody"), "provenance.machine"),
        (with_provenance("machine", host="box-17.local"), "provenance.machine"),
        (with_provenance("machine", host="192.168.0.17"), "provenance.machine"),
        (with_provenance("software", by="somebody@example.org"), "provenance.software"),
        (dataclasses.replace(RUN, machine="Box-17"), "machine"),
        (dataclasses.replace(RUN, digest="x"), "digest"),
        (dataclasses.replace(RUN, complete=False), "complete"),
        (dataclasses.replace(RUN, rows=()), "rows"),
        (dataclasses.replace(RUN, provenance=dataclasses.replace(WHOLE, started="yesterday")), "provenance.started"),
        (dataclasses.replace(RUN, provenance=dataclasses.replace(WHOLE, started="2126-01-01T00:00:00+00:00")),
         "provenance.started"),
    ],
    ids=str,
)  # fmt: skip
def test_each_fault_is_named_at_its_place(run, where):
    """One sentence each, with the field or the row that it is about, and what to do."""
    [mistake] = vetting.faults(run, PATH, vetting.limits_of([RUN]))

    assert mistake.where == where
    assert mistake.remedy
    assert "\n" not in str(mistake)


def test_a_reason_for_skipping_tells_no_path():
    """What a library said when it failed may hold the folder that it lies in."""
    run = dataclasses.replace(RUN, rows=(*RUN.rows, Row(CASE, "cpu_b", skipped="failed: OSError: /home/me/x.so")))

    assert told(run) == ["row 5.skipped"]


def test_limits_of_other_runs_of_the_machine_hold_too():
    """A run without limits is compared with what the machine reached elsewhere; without any, with nothing."""
    fast = dataclasses.replace(
        with_row(samples=(FLOPS / 2e11,) * 3), rows=with_row(samples=(FLOPS / 2e11,) * 3).rows[:1]
    )

    assert vetting.faults(fast, PATH, {}) == []
    assert len(vetting.faults(fast, PATH, vetting.limits_of([RUN]))) == 1


def test_windows_count_the_pairs_that_are_seen():
    """A window of 10 leaves a tenth of the pairs, so a tenth of the time is no miracle."""
    seen = Row(CASE | {"causal": True, "window": 10}, "cpu_a", samples=(1.0,))

    assert vetting.speed(seen) == 4 * 2 * 64 * (10 * 100 - 45)


def test_every_committed_run_may_be_published():
    """Of this repository."""
    root = Path(__file__).parents[1]
    unusable, unbelievable = check.committed_results(root)

    assert unusable == unbelievable == []


def test_the_check_names_what_is_not_to_be_believed(tmp_path):
    """As JSON and as annotations too, with exit status 1."""
    root = fill(tmp_path)
    run = dataclasses.replace(with_provenance("software", clean=False), machine="a_laptop")
    results.write(run, root / "docs/results/a_laptop/mine.json")
    command = [sys.executable, "-m", "attnsite.cli", "--root", str(root), "check"]

    plain, as_json, annotated = (
        subprocess.run([*command, *more], capture_output=True, text=True) for more in ([], ["--json"], ["--github"])
    )

    assert plain.returncode == as_json.returncode == annotated.returncode == 1
    assert "docs/results/a_laptop/mine.json:provenance.software.clean: is not true" in plain.stderr
    [found] = [m for m in json.loads(as_json.stdout) if m.get("where") == "provenance.software.clean"]
    assert found["file"] == "docs/results/a_laptop/mine.json"
    assert found["remedy"].startswith("commit what you changed")
    assert "::error file=docs/results/a_laptop/mine.json::provenance.software.clean: is not true" in annotated.stdout


def test_an_annotation_keeps_to_one_line_and_to_its_fields():
    """A line number becomes a property; percent signs, line ends, colons and commas are escaped as GitHub asks."""
    shown = check.annotation(Mistake("docs/a,b:c.md", "12", "50 % is\nnaked", "mark it"))

    assert shown == "::error file=docs/a%2Cb%3Ac.md,line=12::50 %25 is%0Anaked; mark it"
