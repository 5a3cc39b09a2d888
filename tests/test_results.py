"""Run files: they come back as they were, are written whole or not at all, and say what is wrong with them."""

import dataclasses
import json
import math
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attnsite.records import run_file
from attnsite.records.mistakes import Mistake, flatten
from attnsite.records.run_file import Provenance, Row, Run

PROVENANCE = Provenance(
    {"cpu": "Test"}, {"python": "3.12", "commit": None}, "2026-01-02T03:04:05Z", 1.5, {"verdict": "steady"}
)
RUN = Run("mine", "timing", "here", "quick", "0" * 12, ("cpu_*",), PROVENANCE, (
    Row({"heads": 2}, "cpu_a", "1" * 12, samples=(0.25, 0.5, 0.75), warmups=(1.0,), max_error=1e-7, bound=2e-7),
    Row({"heads": 2}, "cpu_a", "1" * 12, stage="softmax", samples=(0.125,)),
    Row({"heads": 2}, "ceiling:read", samples=(0.5, 1.0), values={"bytes": 100}),
    Row({"heads": 2}, "cuda_a", skipped="no CUDA device here", skip_code="no_device"),
))  # fmt: skip


def put(run, folder):
    path = folder / run.machine / f"{run.experiment}.json"
    run_file.write(run, path)
    return path


def test_a_run_comes_back_as_it_was(tmp_path):
    """Reading what was written gives an equal run; one row stands in one line."""
    path = put(RUN, tmp_path)

    assert run_file.read(path) == RUN
    assert sum(line.startswith('{"case"') for line in path.read_text().splitlines()) == len(RUN.rows)


def test_numbers_that_json_has_not_come_back(tmp_path):
    """NaN and infinities survive; the file is plain JSON."""
    row = Row({"n": 1}, values={"a": math.nan, "b": math.inf, "c": [-math.inf, 1.0]})
    path = put(dataclasses.replace(RUN, kind="study", rows=(row,)), tmp_path)

    json.loads(path.read_text(), parse_constant=lambda name: pytest.fail(name))
    values = run_file.read(path).rows[0].values
    assert math.isnan(values["a"])
    assert (values["b"], values["c"]) == (math.inf, [-math.inf, 1.0])


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.floats(0, 1e6), max_size=6), st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=5))
)
def test_any_samples_and_cases_come_back(tmp_path_factory, samples, case):
    """Whatever was measured is read back exactly, except words that stand for numbers which JSON has not."""
    case = {k: v for k, v in case.items() if v not in ("nan", "inf", "-inf")}
    run = dataclasses.replace(RUN, rows=(Row(case, "cpu_a", samples=tuple(samples)),))

    assert run_file.read(put(run, tmp_path_factory.mktemp("run"))) == run


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    """When renaming fails, the file is the old one and nothing else is left."""
    path = put(RUN, tmp_path)
    before = path.read_bytes()
    monkeypatch.setattr(run_file.os, "replace", lambda *_: (_ for _ in ()).throw(OSError("full")))

    with pytest.raises(OSError, match="full"):
        run_file.write(dataclasses.replace(RUN, sweep="full"), path)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def broken(tmp_path, change):
    path = put(RUN, tmp_path)
    data = json.loads(path.read_text())
    change(data)
    path.write_text(json.dumps(data))
    with pytest.raises((Mistake, ExceptionGroup)) as caught:
        run_file.read(path)
    mistakes = flatten(caught.value)
    assert all(mistake.path == str(path) and mistake.remedy for mistake in mistakes)
    return [f"{mistake.where}: {mistake.what}" for mistake in mistakes]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda d: d.pop("digest"), "digest: is missing"),
        (lambda d: d.update(colour="red"), "colour: is not a field"),
        (lambda d: d.update(rows={}), "rows: is dict"),
        (lambda d: d.update(kind="guess"), "kind: is 'guess'"),
        (lambda d: d.update(sweep="long"), "sweep: is 'long'"),
        (lambda d: d.update(experiment="other"), "experiment: is 'other'"),
        (lambda d: d.update(machine="there"), "machine: is 'there'"),
        (lambda d: d.update(format=99), "format: has format 99, newer"),
        (lambda d: d.update(format=0), "format: has the unknown format 0"),
        (lambda d: d.pop("format"), "has no format number"),
        (lambda d: d["provenance"].pop("started"), "provenance.started: is missing"),
        (lambda d: d["rows"].append(7), "row 5: is not an object"),
        (lambda d: d["rows"][0].pop("case"), "row 1.case: is missing"),
        (lambda d: d["rows"][0].update(samples=[-1.0]), "row 1.samples: holds -1.0"),
        (lambda d: d["rows"][1].update(samples=["fast"]), "row 2.samples: holds 'fast'"),
    ],
)
def test_a_broken_file_says_where_and_what(tmp_path, change, said):
    """Each fault is one mistake with its place."""
    assert any(said in mistake for mistake in broken(tmp_path, change))


def test_all_faults_are_told_at_once(tmp_path):
    """Two faults in two rows give two mistakes."""

    def change(data):
        data["rows"][0]["samples"] = [-1]
        data["rows"][1]["colour"] = "red"

    assert len(broken(tmp_path, change)) == 2


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b'{"format": 1}', b'"text"'])
def test_no_content_is_too_strange(tmp_path, content):
    """Truncated, empty and alien files are mistakes, never other exceptions."""
    path = tmp_path / "mine.json"
    path.write_bytes(content)

    with pytest.raises((Mistake, ExceptionGroup)):
        run_file.read(path)


def test_an_older_format_is_upgraded_step_by_step(tmp_path, monkeypatch):
    """A file of this format is read by a version whose format is two further, through both steps."""
    now, path = run_file.FORMAT, put(RUN, tmp_path)
    monkeypatch.setattr(run_file, "FORMAT", now + 2)
    monkeypatch.setitem(run_file.UPGRADES, now, lambda data: data | {"sweep": "full"})
    monkeypatch.setitem(run_file.UPGRADES, now + 1, lambda data: data)

    assert run_file.read(path).sweep == "full"


OLD = Path(__file__).parent / "cases" / "format_1" / "epyc_2core" / "time_by_storage.json"


def test_a_file_of_the_first_format_reads_as_if_it_were_written_now(tmp_path):
    """Its refusals have a code, its rows the digest of this format; written and read again it is the same run."""
    run = run_file.read(OLD)

    assert {row.skip_code for row in run.rows if row.skipped} == {"refused"}
    assert {row.skip_code for row in run.rows if row.skipped is None} == {None}
    assert run.rows_digest == run_file.rows_digest(run) != json.loads(OLD.read_text())["rows_digest"]
    assert run_file.read(put(run, tmp_path)) == run


def test_a_file_of_the_second_format_reads_as_one_pass(tmp_path):
    """Its rows are as they were, digest and all; nobody had asked yet what its threads had."""
    run = run_file.read(OLD.parents[2] / "format_2" / OLD.parent.name / OLD.name)

    assert all(row.by_pass == [row.samples] and not row.busy for row in run.rows if row.samples)
    assert run.rows_digest == run_file.rows_digest(run)
    assert run_file.read(put(run, tmp_path)) == run


def test_a_slip_in_a_file_of_the_first_format_is_still_noticed(tmp_path):
    """Its digest is that of its own rows: after a change of one it stays what the file says."""
    path = tmp_path / OLD.parent.name / OLD.name
    path.parent.mkdir()
    text = OLD.read_text()
    path.write_text(text.replace('"samples": [0.', '"samples": [1.', 1))
    assert path.read_text() != text

    run = run_file.read(path)

    assert run.rows_digest == json.loads(text)["rows_digest"] != run_file.rows_digest(run, 1)


@pytest.mark.parametrize(
    ("sentence", "code"),
    [
        ("only cuda kernels were asked for", "not_asked"),
        ("torch is not installed", "not_installed"),
        ("numba-cuda is not installed (pip install 'attnsite[cuda]')", "not_installed"),
        ("no CUDA here: CUDA driver library cannot be found", "no_device"),
        ("needs 8 threads, this machine has 2", "too_few_threads"),
        ("its inputs are larger than half of this machine's memory", "too_large"),
        ("a smaller workload took longer than this sweep allows", "too_slow"),
        ("one call took 2.5 s, longer than the 2 s that this sweep allows", "too_slow"),
        ("start, call and check took longer than 120 s", "too_slow"),
        ("wrong: error 0.1, at most 1e-06 is allowed", "wrong"),
        ("failed: ValueError: no", "failed"),
        ("decodes one query at a time, got 32", "refused"),
        ("takes no window", "refused"),
    ],
)
def test_sentences_of_the_first_format_have_codes(tmp_path, sentence, code):
    """Each that was ever written; what a kernel or a library says in words of its own is a refusal."""
    path = put(
        dataclasses.replace(RUN, rows=(Row({"n": 1}, "cpu_a", skipped=sentence, skip_code="refused"),)), tmp_path
    )
    data = json.loads(path.read_text()) | {"format": 1}
    del data["rows"][0]["skip_code"]
    path.write_text(json.dumps(data))

    [row] = run_file.read(path).rows
    assert (row.skipped, row.skip_code) == (sentence, code)


def test_rows_are_found_by_what_they_answer():
    """By kernel, stage and case; skipped rows are never found."""
    assert [row.stage for row in RUN.where("cpu_a", heads=2)] == [None]
    assert RUN.where("cpu_a", "softmax")[0].median == 0.125
    assert RUN.where("cuda_a") == []
    assert RUN.where("cpu_a", heads=3) == []
    assert RUN.kernel_names() == ["cpu_a"]
    assert RUN.rows[0].median == 0.5
    assert RUN.rows[0].middle_half() == (0.375, 0.625)


def test_a_ceiling_is_work_over_time():
    """The median of the rates, with the interquartile range around it."""
    ceiling = RUN.ceiling("read")

    assert (ceiling.value, ceiling.unit) == (150.0, "B/s")
    assert ceiling.low < ceiling.value < ceiling.high
    assert RUN.ceiling("fma") is None


def test_states(monkeypatch):
    """Fresh while all digests agree; stale when the experiment or a kernel has changed or joined; else missing."""
    monkeypatch.setattr(
        run_file.registry, "names", lambda room: {"experiments": ["mine"], "kernels": ["cpu_a"]}.get(room, [])
    )
    monkeypatch.setattr(run_file.registry, "matching", lambda room, patterns: ["cpu_a"])
    monkeypatch.setattr(run_file, "experiment_digest", lambda *_: "0" * 12)
    monkeypatch.setattr(run_file, "kernel_digest", lambda name: "1" * 12)
    assert run_file.state(None) == "missing"
    assert run_file.state(RUN) == "fresh"
    assert run_file.state(dataclasses.replace(RUN, complete=False)) == "stale"
    assert run_file.state(dataclasses.replace(RUN, digest="2" * 12)) == "stale"
    assert run_file.state(dataclasses.replace(RUN, experiment="gone")) == "stale"

    monkeypatch.setattr(run_file.registry, "matching", lambda room, patterns: ["cpu_a", "cpu_b"])
    assert run_file.state(RUN) == "stale"
    monkeypatch.setattr(run_file.registry, "matching", lambda room, patterns: ["cpu_a"])
    monkeypatch.setattr(run_file, "kernel_digest", lambda name: "3" * 12)
    assert run_file.state(RUN) == "stale"


def test_committed_runs_read_and_round_trip(tmp_path):
    """Every run in the checkout is whole, and writing it again changes no byte."""
    paths = sorted((run_file.registry.ROOT.parent / run_file.COMMITTED).glob("*/*.json"))
    assert paths
    for path in paths:
        run = run_file.read(path)
        assert put(run, tmp_path).read_bytes() == path.read_bytes()
