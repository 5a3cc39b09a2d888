"""Runs that look odd are doubted, every kind of disturbance that is planted is found, and every doubt is answered."""

import dataclasses
import random

import pytest

from attnsite.content import doubting
from attnsite.doubts import _doubt as doubts
from attnsite.doubts.two_groups import split
from attnsite.records import registry, run_file
from attnsite.site.answers import Answers
from attnsite.site.builders import result_checks
from attnsite.site.checkout import Checkout
from attnsite.site.pages import render as pages
from tests.conftest import ROOT

MACHINE = "epyc_2core"
MACHINES = {}
for each in run_file.files(ROOT, run_file.COMMITTED):
    run = run_file.read(each)
    MACHINES.setdefault(run.machine, {})[run.experiment] = run
RUNS = MACHINES[MACHINE]
CLEAN = set(doubts.of_machine(RUNS))


def planted(experiment, change, chosen):
    """The runs of the machine with one run changed: each of its rows that is `chosen` becomes `change(row)`."""
    run = RUNS[experiment]
    rows = tuple(change(row) if chosen(row) else row for row in run.rows)
    assert rows != run.rows
    return {**RUNS, experiment: dataclasses.replace(run, rows=rows)}


def new(runs):
    """The kinds of what is doubted now and was not before, with the experiment."""
    return {(doubt.kind, doubt.experiment) for doubt in set(doubts.of_machine(runs)) - CLEAN}


def times(factor):
    return lambda row: dataclasses.replace(row, samples=tuple(factor * sample for sample in row.samples))


def in_groups(by):
    """Every second sample takes so many times as long."""
    return lambda row: dataclasses.replace(
        row, samples=tuple(sample * (by if at % 2 else 1) for at, sample in enumerate(row.samples))
    )


def drifting(to):
    """Samples without noise that go to so many times the first, in equal steps."""
    return lambda row: dataclasses.replace(row, samples=tuple(
        row.median * (1 + (to - 1) * at / (len(row.samples) - 1)) for at in range(len(row.samples))))  # fmt: skip


def row_of(kernel, **case):
    return lambda row: (
        row.kernel == kernel and row.samples and all(row.case.get(name) == value for name, value in case.items())
    )


# Thirty disturbances: the experiment, what is done to which rows, and the kind of doubt that has to be found.
PLANTED = [
    # a row at half of its speed, all samples agreeing, as where a processor was gone
    ("speed_by_head_width", times(2.0), row_of("cpu_simd", dim=64), "slower_than_neighbours"),
    ("speed_by_head_width", times(1.8), row_of("cpu_online", dim=32), "slower_than_neighbours"),
    ("heads_at_fixed_head_width", times(2.0), row_of("cpu_online", heads=8), "slower_than_neighbours"),
    ("causal_by_chunk", times(1.9), row_of("cpu_simd", queries=512, causal=True), "slower_than_neighbours"),
    ("window_decode", times(2.0), row_of("cpu_simd_decode", keys=16384), "slower_than_neighbours"),
    ("time_per_token", times(1.9), row_of("cpu_simd", keys=8192, kv_heads=8), "slower_than_neighbours"),
    # samples of two speeds
    ("causal_by_block", in_groups(1.5), row_of("control_masked", queries=1024, causal=True), "two_groups"),
    ("heads_at_fixed_width", in_groups(2.0), row_of("cpu_simd", heads=8, queries=2048), "two_groups"),
    ("window_prefill", in_groups(1.4), row_of("cpu_simd", queries=4096, window=256), "two_groups"),
    ("tile_sizes", in_groups(1.3), row_of("cpu_simd"), "two_groups"),
    ("sparse_block_size", in_groups(3.0), row_of("cpu_block_sparse"), "two_groups"),
    # a clock or a processor that gets slower, or faster
    ("causal_by_dealing", drifting(1.4), row_of("control_masked", queries=2048), "drift"),
    ("tile_sizes", drifting(1.5), row_of("cpu_simd"), "drift"),
    ("time_by_storage", drifting(0.7), row_of("cpu_simd"), "drift"),
    ("window_prefill", drifting(1.3), row_of("cpu_simd", queries=8192), "drift"),
    # what the machine can do at most moved
    ("speed_by_head_width", times(2.0), row_of("ceiling:fma", dim=64), "limits_moved"),
    ("time_per_token", times(2.2), row_of("ceiling:matmul", keys=8192), "limits_moved"),
    ("roofline", times(0.4), row_of("ceiling:matmul", queries=1024), "limits_moved"),
    # more than counting allows: a mask, a window, blocks, shared heads, threads
    ("causal_by_dealing", times(0.4), row_of("control_masked", queries=4096, causal=True), "more_than_was_left_out"),
    ("window_prefill", times(0.2), row_of("cpu_simd", queries=4096, window=1024), "more_than_was_left_out"),
    ("gqa_phases", times(0.4), row_of("cpu_simd", queries=1, kv_heads=16), "more_than_was_left_out"),
    ("gqa_phases", times(0.3), row_of("cpu_simd", queries=2048, kv_heads=16), "more_than_was_left_out"),
    ("threads_by_heads", times(0.4), row_of("cpu_simd", threads=2, heads=8), "more_than_was_left_out"),
    ("sparse_by_context", times(0.3), row_of("cpu_block_sparse", queries=8192, blocks=[64, 8, 0]),
     "more_than_was_left_out"),
    # a long call in a short call's time
    ("heads_at_fixed_head_width", times(0.1), row_of("cpu_online", heads=64), "more_work_in_less_time"),
    # reading faster than memory
    ("time_per_token", times(0.4), row_of("cpu_simd", keys=32768, kv_heads=32), "faster_than_memory"),
    ("time_by_sharing", times(0.4), row_of("cpu_simd_decode", heads=4, kv_heads=4, queries=1, batch=1),
     "faster_than_memory"),
    # the same call at another time in another experiment
    ("causal_by_chunk", times(1.6), row_of("cpu_simd", queries=4096), "twins_differ"),
    ("speed_by_head_width", times(1.7), row_of("cpu_simd", heads=16, dim=64), "twins_differ"),
    ("heads_at_fixed_width", times(1.5), row_of("cpu_simd", heads=8, queries=1024), "twins_differ"),
]  # fmt: skip


@pytest.mark.parametrize(("experiment", "change", "chosen", "kind"), PLANTED)
def test_a_planted_disturbance_is_doubted(experiment, change, chosen, kind):
    """In the run in which it was planted, or in the twin that it no longer agrees with."""
    found = new(planted(experiment, change, chosen))

    assert kind in {each for each, where in found if where == experiment or each == "twins_differ"}, found


def test_a_study_cut_short_is_doubted():
    """With three of its seeds left; the thirtieth disturbance."""
    run = MACHINES["xeon_2core"]["loss_by_heads"]
    short = dataclasses.replace(run, rows=tuple(row for row in run.rows if row.seed < 3))

    assert [doubt.kind for doubt in doubts.of_machine({run.experiment: short})] == ["few_seeds"]
    assert list(doubts.of_machine({run.experiment: run})) == []


def test_a_swapped_pair_is_doubted():
    """The times of a window and of the whole prompt, each in the other's row."""
    run = RUNS["window_prefill"]
    narrow = next(row for row in run.rows if row_of("cpu_simd", queries=8192, window=64)(row))
    whole = next(row for row in run.rows if row_of("cpu_simd", queries=8192, window=8192)(row))
    swapped = {narrow.key: whole.samples, whole.key: narrow.samples}

    def change(row):
        return dataclasses.replace(row, samples=swapped.get(row.key, row.samples))

    assert ("more_work_in_less_time", "window_prefill") in new(planted("window_prefill", change, lambda row: True))


@pytest.mark.parametrize("seed", range(5))
def test_noise_alone_is_not_doubted(seed):
    """Samples drawn anew from a row's own spread, or from a normal one of a twentieth, raise nothing of a row's own."""
    drawn = random.Random(seed)
    run = RUNS["window_prefill"]

    def steady(row):
        return dataclasses.replace(
            row, samples=tuple(row.median * drawn.gauss(1, 0.03) for _ in range(len(row.samples)))
        )

    rows = tuple(steady(row) if row.samples else row for row in run.rows)
    found = list(doubts.of_machine({run.experiment: dataclasses.replace(run, rows=rows)}))
    assert [doubt for doubt in found if doubt.kind in ("two_groups", "drift")] == []


def test_every_doubt_about_a_committed_run_is_answered():
    """And every answer has its doubts."""
    assert list(doubting.faults(ROOT, MACHINES.values())) == []
    answers, mistakes = doubting.read(ROOT)
    assert mistakes == []
    assert sum(answer.rows for answer in answers) == sum(len(list(doubts.of_machine(r))) for r in MACHINES.values())


def test_every_kind_says_what_it_doubts_and_has_found_something():
    """In a sentence of its file and in a few words; one that no disturbance above plants is not tested."""
    kinds = doubts.kinds()
    assert set(kinds) == {kind for *_, kind in PLANTED} | {"few_seeds"}
    assert all(len(short) < 50 for short in kinds.values())
    for name in kinds:
        assert registry.module("doubts", name, "find", "SHORT").__doc__.split("\n")[0].endswith(".")


HEAD = "machine,experiment,kind,rows,state,answer\n"


@pytest.mark.parametrize(("line", "what"), [
    ("m,e,drifts,1,open,", "no kind of doubt"),
    ("m,e,drift,none,open,", "'none' rows"),
    ("m,e,drift,1,closed,", "'closed'"),
    ("m,e,drift,1,explained,yes", "explains nothing"),
    ("m,e,drift,1,open,It is 3.4 times as fast as before.", "states '3.4"),
    ("m,e,drift,1,open", "has 5 cells"),
    ("m,e,drift,1,open,\u202ehidden", "is invisible"),
])  # fmt: skip
def test_an_answer_that_is_none_is_told_with_its_line(tmp_path, line, what):
    (tmp_path / "docs").mkdir()
    (tmp_path / doubting.FILE).write_text(HEAD + line + "\n", encoding="utf-8")
    answers, [mistake] = doubting.read(tmp_path)

    assert answers == []
    assert (mistake.path, mistake.where) == ("docs/doubts.csv", "2")
    assert what in mistake.what


def test_unanswered_doubts_and_answers_without_doubts_are_told(tmp_path):
    """Each with what would mend it; a missing line can be copied out of the message."""
    (tmp_path / "docs").mkdir()
    runs = {"gqa_phases": RUNS["gqa_phases"]}
    [*missing] = doubting.faults(tmp_path, [runs])
    lines = [mistake.remedy.rpartition(" with a line ")[2] for mistake in missing]
    assert lines
    assert all(mistake.path == "docs/results/epyc_2core/gqa_phases.json" for mistake in missing)

    path = tmp_path / doubting.FILE
    path.write_text(HEAD + "\n".join(lines) + "\n", encoding="utf-8")
    assert list(doubting.faults(tmp_path, [runs])) == []
    path.write_text(HEAD + "\n".join([*lines, "epyc_2core,roofline,drift,1,open,"]) + "\n", encoding="utf-8")
    assert [mistake.what for mistake in doubting.faults(tmp_path, [runs])] == ["answers what nobody doubts"]
    many = lines[0].replace(",1,open", ",7,open")
    path.write_text(HEAD + "\n".join([many, *lines[1:]]) + "\n", encoding="utf-8")
    assert [mistake.what for mistake in doubting.faults(tmp_path, [runs])] == ["answers 7 doubts, and there are 1"]
    path.write_text("machine,kind\n", encoding="utf-8")
    assert [mistake.where for mistake in doubting.faults(tmp_path, [runs])] == ["1"]


def test_the_check_asks_for_answers(monkeypatch):
    """Without the file, every doubt about a committed run is a mistake of the checkout."""
    monkeypatch.setattr(doubting, "read", lambda root: ([], []))
    _, unbelievable = result_checks.committed_results(Checkout.load(ROOT))
    about = {(doubt.machine, doubt.experiment, doubt.kind) for runs in MACHINES.values()
             for doubt in doubts.of_machine(runs)}  # fmt: skip
    assert len([mistake for mistake in unbelievable if "docs/doubts.csv" in mistake.remedy]) == len(about)


def test_pages_say_what_is_doubted():
    """A figure names the doubts about its run, and the evidence page has all of them with their answers."""
    made = pages.render(Answers.load(ROOT))
    answers, _ = doubting.read(ROOT)
    assert made["evidence.md"].count("samples in two groups") == sum(a.kind == "two_groups" for a in answers)
    assert all(a.answer in made["evidence.md"] for a in answers if a.answer and "’" not in a.answer)


def test_two_groups_are_told_from_one_wide_group():
    """By the gap, which a wide spread has not; the medians given back are those of both."""
    assert split([1.0, 1.01, 1.02] * 5 + [1.5, 1.51, 1.52] * 5) == (1.01, 1.51)
    assert split([1 + 0.05 * at for at in range(30)]) is None
    assert split([1.0] * 28 + [9.0] * 2) is None
    assert split([1.0, 2.0] * 4) is None
