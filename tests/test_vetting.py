"""What may be published: a run that can be read is believed only if it is whole, private and possible."""

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import pytest
from checkouts import fill

from attnsite.commands.check import annotation
from attnsite.records import asked, run_file, vetting
from attnsite.records.mistakes import Mistake
from attnsite.records.run_file import Provenance, Row, Run
from attnsite.site.builders import checks
from attnsite.site.checkout import Checkout

CASE = {"batch": 1, "heads": 2, "kv_heads": 2, "queries": 100, "keys": 100, "dim": 64, "causal": False}
FLOPS = 4 * 2 * 100 * 100 * 64
LIMIT = Row(CASE, "ceiling:fma", samples=(1e-3,) * 3, values={"flops": 1e8})  # 1e11 FLOP/s
WHOLE = Provenance(
    {"cpu": "A processor", "architecture": "x86_64", "threads": 2, "system": "Linux 6.1", "blas": "blas 0.3.31.188.0"},
    {"python": "3.12.1", "numpy": "2.1", "numba": "0.61", "commit": "0123456789ab", "clean": True},
    "2026-01-02T03:04:05+00:00", 2.0, {"verdict": "steady"},
)  # fmt: skip
RUN = Run("mine", "timing", "a_laptop", "quick", "0" * 12, ("cpu_*", "cuda_*"), WHOLE, (
    Row(CASE, "cpu_a", "1" * 12, samples=(FLOPS / 9e10,) * 3, max_error=1e-7, bound=2e-7),
    Row(CASE, "cpu_a", "1" * 12, stage="softmax", samples=(1e-6,) * 3),
    Row(CASE, "cuda_a", skipped="no CUDA here: no driver", skip_code="no_device"),
    LIMIT,
))  # fmt: skip
PATH = Path("docs/results/a_laptop/mine.json")


def signed(run):
    """The run as it is read from a file that `attnsite measure` wrote."""
    return dataclasses.replace(run, rows_digest=run_file.rows_digest(run))


def faults(run, limits=None, asked=None):
    return vetting.faults(signed(run), PATH, vetting.limits_of([RUN]) if limits is None else limits, asked)


def told(run, asked=None):
    return [mistake.where for mistake in faults(run, vetting.limits_of([run]), asked)]


def with_row(**changes):
    return dataclasses.replace(RUN, rows=(dataclasses.replace(RUN.rows[0], **changes), *RUN.rows[1:]))


def with_provenance(part, **changes):
    known = dict(getattr(WHOLE, part)) | changes
    return dataclasses.replace(RUN, provenance=dataclasses.replace(WHOLE, **{part: known}))


def test_a_run_of_a_browser_tells_its_browser_and_no_python():
    """Its rows have the kernels' digests, so that no commit has to say what ran."""
    machine = {"cpu": "not told by browsers", "architecture": "wasm32", "threads": 2, "system": "Linux x86_64"}
    run = dataclasses.replace(
        RUN, provenance=dataclasses.replace(WHOLE, machine=machine, software={"browser": "Firefox 153"})
    )
    untold = dataclasses.replace(run, provenance=dataclasses.replace(run.provenance, software={}))

    assert told(run) == []
    assert told(untold) == ["provenance.software.browser"]


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
        (with_row(max_error=-1e-7), "row 1.max_error"),
        (with_row(bound=None), "row 1.max_error"),
        (with_row(max_error=5.0, bound=1e300), "row 1.bound"),
        (with_row(bound=0.01), "row 1.bound"),  # of plain float32
        (with_row(samples=(1e300,) * 3), "row 1.samples"),
        (with_row(stage="thinking", max_error=None, bound=None), "row 1.stage"),
        (with_row(kernel="gpu_fast"), "row 1.kernel"),
        (with_row(kernel="ceiling:luck", values={"flops": 1.0}), "row 1.kernel"),
        (with_row(case=CASE | {"heads": -3}), "row 1.case"),
        (with_row(case=CASE | {"heads": "8"}), "row 1.case"),
        (with_row(case=CASE | {"dim": None}), "row 1.case"),
        (with_row(case=CASE | {"keys": 10**26}), "row 1.case"),
        (with_row(case=CASE | {"dim": 1e308}), "row 1.case"),
        (with_row(case=CASE | {"tokens": 1}), "row 1.case"),
        (with_row(case={"heads": 1}), "row 1.case"),
        (with_row(values={"share": 1e200}), "row 1.values.share"),
        (dataclasses.replace(RUN, rows=(*RUN.rows, RUN.rows[0])), "row 5"),
        (with_provenance("machine", cores=-1), "provenance.machine.cores"),
        (with_provenance("machine", memory_bytes=float("inf")), "provenance.machine.memory_bytes"),
        (with_provenance("machine", threads=True), "provenance.machine.threads"),
        (with_provenance("machine", caches={"a": [[[[1]]]]}), "provenance.machine.caches"),
        (with_provenance("steadiness", verdict="excellent"), "provenance.steadiness.verdict"),
        (with_provenance("steadiness", median_spread=float("nan")), "provenance.steadiness.median_spread"),
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
    mistake, *others = faults(run)

    assert {each.where for each in others} <= {"row 1.samples"}  # which are too fast for what it then says
    assert mistake.where == where
    assert mistake.remedy
    assert "\n" not in str(mistake)


def test_a_reason_for_skipping_tells_no_path():
    """What a library said when it failed may hold the folder that it lies in."""
    run = dataclasses.replace(
        RUN, rows=(*RUN.rows, Row(CASE, "cpu_b", skipped="failed: OSError: /home/me/x.so", skip_code="failed"))
    )

    assert told(run) == ["row 5.skipped"]


ASKED = {"kind": "timing", "cases": {"quick": [asked.key(CASE)], "full": []}, "variants": [{"rows": 4}], "seeds": []}


def test_rows_answer_what_the_experiment_asks():
    """Its cases as the sweep has them, its variants, its kind; skipped rows too, and each once."""
    assert told(RUN, ASKED) == []
    assert told(with_row(case=CASE | {"variant": {"rows": 4}}), ASKED) == []
    assert told(with_row(case=CASE | {"variant": {"rows": 5}}), ASKED) == ["row 1.case.variant"]
    assert told(with_row(case=CASE | {"variant": None}), ASKED) == ["row 1.case.variant"]
    assert told(with_row(case=CASE | {"heads": 1, "kv_heads": 1}), ASKED) == ["row 1.case"]
    assert told(dataclasses.replace(RUN, sweep="full"), ASKED)[:1] == ["row 1.case"]
    assert told(
        dataclasses.replace(RUN, rows=(*RUN.rows, Row({"heads": 1}, "cpu_x", skipped="x", skip_code="refused"))), ASKED
    ) == ["row 5.case"]
    assert told(RUN, ASKED | {"kind": "study"}) == ["kind"]


def test_a_bound_is_alike_for_all_kernels_of_a_workload():
    """It says what plain arithmetic is off by, which no kernel changes."""
    row = dataclasses.replace(RUN.rows[0], bound=2e-7)
    rows = [dataclasses.replace(row, kernel=f"cpu_{name}") for name in "abc"]
    strange = dataclasses.replace(row, kernel="cpu_d", bound=1e-4)

    assert told(dataclasses.replace(RUN, rows=(*rows, LIMIT))) == []
    assert told(dataclasses.replace(RUN, rows=(*rows, strange, LIMIT))) == ["row 4.bound"]
    stored = dataclasses.replace(strange, kernel="cpu_simd_stored_bf16")
    assert told(dataclasses.replace(RUN, rows=(*rows, stored, LIMIT))) == []


def test_a_changed_sample_is_noticed(tmp_path):
    """By the digest over the rows, which `attnsite measure` wrote; a file without one says so."""
    path = tmp_path / "a_laptop" / "mine.json"
    run_file.write(RUN, path)
    assert vetting.faults(run_file.read(path), PATH, vetting.limits_of([RUN])) == []
    text = path.read_text(encoding="utf-8")
    sample = repr(RUN.rows[0].samples[0])
    assert text.count(sample) == 3
    path.write_text(text.replace(sample, repr(RUN.rows[0].samples[0] * 1.01), 1), encoding="utf-8")
    [mistake] = vetting.faults(run_file.read(path), PATH, vetting.limits_of([RUN]))
    assert mistake.where == "rows_digest"
    lines = [line for line in text.split("\n") if not line.startswith('"rows_digest"')]
    path.write_text("\n".join(lines), encoding="utf-8")
    [mistake] = vetting.faults(run_file.read(path), PATH, vetting.limits_of([RUN]))
    assert (mistake.where, mistake.what) == ("rows_digest", "is missing")


def test_limits_of_other_runs_of_the_machine_hold_too():
    """A run without limits is compared with what the machine reached elsewhere; without any, with nothing."""
    fast = dataclasses.replace(
        with_row(samples=(FLOPS / 2e11,) * 3), rows=with_row(samples=(FLOPS / 2e11,) * 3).rows[:1]
    )

    assert faults(fast, {}) == []
    assert len(faults(fast)) == 1


def test_windows_count_the_pairs_that_are_seen():
    """A window of 10 leaves a tenth of the pairs, so a tenth of the time is no miracle."""
    seen = Row(CASE | {"causal": True, "window": 10}, "cpu_a", samples=(1.0,))

    assert vetting.speed(seen) == 4 * 2 * 64 * (10 * 100 - 45)


def test_every_committed_run_may_be_published():
    """Of this repository."""
    root = Path(__file__).parents[1]
    unusable, unbelievable = checks.committed_results(Checkout.load(root))

    assert unusable == unbelievable == []


def test_the_check_names_what_is_not_to_be_believed(tmp_path):
    """As JSON and as annotations too, with exit status 1."""
    root = fill(tmp_path)
    run = dataclasses.replace(with_provenance("software", clean=False), machine="a_laptop")
    run_file.write(run, root / "docs/results/a_laptop/mine.json")
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
    shown = annotation(Mistake("docs/a,b:c.md", "12", "50 % is\nnaked", "mark it"))

    assert shown == "::error file=docs/a%2Cb%3Ac.md,line=12::50 %25 is%0Anaked; mark it"
