"""The measuring room, with a clock that is replayed: nothing here waits or asserts a duration."""

import argparse
import dataclasses
import importlib.util
import io
import itertools
import os
import re
import subprocess
import sys
from types import SimpleNamespace

import numba
import numpy as np
import pytest

from attnsite import cli
from attnsite.commands import measure as command
from attnsite.kernels import reference
from attnsite.measure import candidates, ceilings, correctness, machine, memory
from attnsite.measure import clock as timing
from attnsite.measure import sweep as running
from attnsite.measure.progress import Progress
from attnsite.records import registry, run_file
from attnsite.records.workload import Count, Memory, Study, Timing, Workload

SMALL = Workload(heads=2, queries=6, keys=6, dim=4)


class Replay:
    """A clock that shows the given nanoseconds, one after another, then steps on by a microsecond."""

    def __init__(self, *shown):
        self.shown = itertools.chain(shown, itertools.count((shown or (0,))[-1] + 1000, 1000))

    def __call__(self):
        return next(self.shown)


@pytest.fixture
def checkout(tmp_path):
    (tmp_path / "docs").mkdir()
    (tmp_path / "mkdocs.yml").write_text("site_name: test\n")
    return tmp_path


@pytest.fixture
def give(monkeypatch):
    """Put experiments and kernels of our own in the place of the project's."""

    def placed(experiment, kernels):
        modules = {name: SimpleNamespace(attention=f, DEVICE="cpu") for name, f in kernels.items()}
        monkeypatch.setattr(registry, "module", lambda room, name, *_: SimpleNamespace(experiment=experiment)
                            if room == "experiments" else modules[name])  # fmt: skip
        monkeypatch.setattr(candidates, "matching", lambda patterns: sorted(modules))
        monkeypatch.setattr(candidates, "kernel_digest", lambda name: "0" * 12)
        monkeypatch.setattr(run_file, "experiment_digest", lambda *_: "1" * 12)
        monkeypatch.setattr(run_file, "kernel_digest", lambda name: "0" * 12)
        monkeypatch.setattr(timing, "BUDGETS", dict.fromkeys(("quick", "full", "pass"), timing.Budget(3, 0, 3, 1e9)))

    return placed


def right(q, k, v, out, *, causal):
    reference.attention(q, k, v, out, causal=causal)


def wrong(q, k, v, out, *, causal):
    reference.attention(q, k, v, out, causal=causal)
    out[..., 0] += 1


def refusing(q, k, v, out, *, causal):
    raise NotImplementedError("only for others")


def forgetful(q, k, v, out, *, causal):
    out[:, :, :-1] = reference.rows(q, k, v, np.arange(q.shape[2] - 1), causal=causal)


def test_samples_are_what_the_clock_says():
    """A call is the difference of two readings, in seconds."""
    measure = timing.on_cpu(lambda: None, Replay(1_000, 4_000, 10_000, 10_500))

    assert (measure(), measure()) == (3e-6, 5e-7)


def test_contestants_take_turns_and_nothing_is_dropped():
    """After a warm-up each, A and B alternate; every sample is kept in order."""
    calls = []
    who = [timing.Contestant(name, lambda name=name: calls.append(name) or float(len(calls))) for name in "AB"]

    timing.interleave(who, timing.Budget(rounds=3, seconds=0, most=3), clock=Replay())

    assert "".join(calls) == "AB" + "AB" * 3
    assert [w.warmups for w in who] == [[1.0], [2.0]]
    assert [w.samples for w in who] == [[3.0, 5.0, 7.0], [4.0, 6.0, 8.0]]


def test_rounds_go_on_until_the_budget_is_used_but_not_for_ever():
    """More rounds while there is time, and at most `most`."""
    who = [timing.Contestant("A", lambda: 1.0)]
    timing.interleave(who, timing.Budget(rounds=2, seconds=5e-6, most=60), clock=Replay())
    assert 2 < len(who[0].samples) < 60

    who = [timing.Contestant("A", lambda: 1.0)]
    timing.interleave(who, timing.Budget(rounds=2, seconds=1e9, most=7), clock=Replay())
    assert len(who[0].samples) == 7


def test_a_run_has_rows_for_all_and_reasons_for_those_that_did_not_take_part(checkout, give):
    """A right kernel is timed with its error and bound; wrong, forgetful and refusing ones are rows with a reason."""
    give(Timing(("cpu_*",), (SMALL,), (SMALL,)),
         {"cpu_a": right, "cpu_b": wrong, "cpu_c": refusing, "cpu_d": forgetful})  # fmt: skip

    made = running.Measurement(checkout, "mine", "here", "quick").run(Progress("mine", 1, io.StringIO()))

    rows = {row.kernel: row for row in made.rows}
    assert len(rows["cpu_a"].samples) == 3
    assert rows["cpu_a"].max_error <= rows["cpu_a"].bound
    assert rows["cpu_b"].skipped.startswith("wrong: error")
    assert rows["cpu_c"].skipped == "only for others"
    assert rows["cpu_d"].skipped.startswith("wrong: error nan")
    assert not any(rows[name].samples for name in ("cpu_b", "cpu_c", "cpu_d"))


def test_an_interrupted_run_goes_on_where_it_stopped(checkout, give):
    """After Ctrl-C the finished workloads are not measured again, and none is lost."""
    sizes = [Workload(heads=1, queries=n, keys=n, dim=4) for n in (3, 4, 5)]
    asked, stop = [], [5]

    def kernel(q, k, v, out, *, causal):
        if q.shape[2] == stop[0]:
            raise KeyboardInterrupt
        asked.append(q.shape[2])
        right(q, k, v, out, causal=causal)

    give(Timing(("cpu_*",), tuple(sizes), ()), {"cpu_a": kernel})
    with pytest.raises(KeyboardInterrupt):
        running.Measurement(checkout, "mine", "here", "quick").run(Progress("mine", 3, io.StringIO()))
    stop[0], before = 0, len(asked)
    measurement = running.Measurement(checkout, "mine", "here", "quick")
    made = measurement.run(Progress("mine", 3, io.StringIO()))

    assert [row.case["queries"] for row in made.rows] == [3, 4, 5]
    assert 3 not in asked[before:]
    assert measurement.resume() == list(made.rows)  # until the result is in its place
    measurement.finish(made, checkout / "docs/results/here/mine.json")
    assert run_file.read(checkout / "docs/results/here/mine.json").rows == made.rows
    assert not list((checkout / ".cache").rglob("mine.json"))


def test_an_interrupted_run_of_other_code_is_not_continued(checkout, give, monkeypatch):
    """A changed experiment starts afresh; so does a broken partial file."""
    give(Count(lambda case: {"n": case["n"]}, ({"n": 1}, {"n": 2})), {})
    measurement = running.Measurement(checkout, "mine", "here", "quick")
    run_file.write(measurement.made([run_file.Row(case={"n": 1}, values={"n": 99})], 0, complete=False),
                  measurement.partial)  # fmt: skip
    assert measurement.run(Progress("mine", 2, io.StringIO())).rows[0].values == {"n": 99}

    run_file.write(measurement.made([run_file.Row(case={"n": 1}, values={"n": 99})], 0, complete=False),
                  measurement.partial)  # fmt: skip
    monkeypatch.setattr(run_file, "experiment_digest", lambda *_: "2" * 12)
    changed = running.Measurement(checkout, "mine", "here", "quick")
    assert changed.run(Progress("mine", 2, io.StringIO())).rows[0].values == {"n": 1}

    measurement.partial.parent.mkdir(parents=True, exist_ok=True)
    measurement.partial.write_text('{"format": 1,')
    assert running.Measurement(checkout, "mine", "here", "quick").resume() == []


def test_studies_have_a_row_for_each_case_and_seed(checkout, give):
    """Deterministic observations, written with their seed."""
    give(Study(lambda case, seed: {"n": case["n"] + seed}, ({"n": 1},), (), seeds=(0, 7)), {})

    made = running.Measurement(checkout, "mine", "here", "quick").run(Progress("mine", 1, io.StringIO()))

    assert [(row.seed, row.values["n"]) for row in made.rows] == [(0, 1), (7, 8)]
    assert made.provenance.steadiness == {"verdict": "not timed"}


def test_a_study_that_asks_for_a_clock_is_given_one(checkout, give):
    """Only the measuring room reads one, so it is an argument, and observing without it stays possible."""

    def observe(case, seed, clock=None):
        return {"clocked": clock is not None and clock() <= clock()}

    give(Study(observe, ({"n": 1},), (), seeds=(0,)), {})
    made = running.Measurement(checkout, "mine", "here", "quick").run(Progress("mine", 1, io.StringIO()))

    assert [row.values for row in made.rows] == [{"clocked": True}]


def test_a_kernel_that_crashes_costs_no_other_its_measurement(checkout, give):
    """Whatever it raises is the reason of its row."""

    def crashing(q, k, v, out, *, causal):
        raise ZeroDivisionError("by nothing\nat all")

    give(Timing(("cpu_*",), (SMALL,), (SMALL,)), {"cpu_a": crashing, "cpu_b": right})

    made = running.Measurement(checkout, "mine", "here", "quick").run(Progress("mine", 1, io.StringIO()))

    assert {row.kernel: row.skipped for row in made.rows} == {
        "cpu_a": "failed: ZeroDivisionError: by nothing",
        "cpu_b": None,
    }


def test_a_kernel_that_took_too_long_is_not_asked_for_more(checkout, give, monkeypatch):
    """One call beyond the limit is recorded with its time; larger workloads are skipped unasked, smaller ones run."""
    sizes, asked = [16, 32, 8], []

    def slow(q, k, v, out, *, causal):
        asked.append(q.shape[2])
        right(q, k, v, out, causal=causal)

    def clocked(call):
        def measure():
            call()
            return 9.0 if asked[-1] >= 16 else 1.0

        return measure

    workloads = tuple(Workload(heads=1, queries=n, keys=n, dim=4) for n in sizes)
    give(Timing(("cpu_*",), workloads, (), longest_call_s=4.0), {"cpu_a": slow})
    monkeypatch.setattr(timing, "on_cpu", clocked)

    made = running.Measurement(checkout, "mine", "here", "quick").run(Progress("mine", 3, io.StringIO()))

    assert [row.skipped for row in made.rows] == [
        "one call took 9.0 s, longer than the 4 s that this sweep allows",
        "a smaller workload took longer than this sweep allows",
        None,
    ]
    assert 32 not in asked


def test_only_a_workload_smaller_in_every_respect_foretells():
    """One head as wide as eight has the FLOPs of eight, and may still take much longer."""
    one, eight = (Workload(heads=h, queries=64, keys=64, dim=64 // h) for h in (1, 8))

    assert not running.contains(eight, one)
    assert not running.contains(one, eight)
    assert running.contains(Workload(heads=8, queries=128, keys=64, dim=8), eight)
    assert not running.contains(Workload(heads=8, queries=128, keys=64, dim=8, causal=True), eight)
    assert not running.contains(Workload(heads=8, queries=128, keys=64, dim=8, threads=2), eight)


def test_stages_are_timed_beside_the_whole_and_ceilings_beside_the_kernels(checkout, give, monkeypatch):
    """Each step has a row of its own, in its order; a ceiling's row says how much work a call does."""
    steps = []
    kernel = SimpleNamespace(
        attention=right,
        DEVICE="cpu",
        stages=lambda q, k, v, out, *, causal: tuple((n, lambda n=n: steps.append(n)) for n in ("scores", "values")),
    )
    give(Timing(("cpu_*",), (SMALL,), (), ceilings=("read",), stages=True), {"cpu_a": right})
    loaded = registry.module
    monkeypatch.setattr(registry, "module", lambda room, *a: loaded(room, *a) if room == "experiments" else kernel)
    monkeypatch.setattr(ceilings, "make", lambda name: ceilings.Ceiling(lambda: None, "bytes", 4096))

    made = running.Measurement(checkout, "mine", "here", "quick").run(Progress("mine", 1, io.StringIO()))

    assert [(row.kernel, row.stage) for row in made.rows] == [
        ("cpu_a", None), ("cpu_a", "scores"), ("cpu_a", "values"), ("ceiling:read", None)
    ]  # fmt: skip
    assert steps == ["scores", "values"] * 4  # a warm-up and three rounds
    assert all(len(row.samples) == 3 and len(row.warmups) == 1 for row in made.rows)
    assert made.rows[-1].values == {"bytes": 4096}
    assert made.ceiling("read").unit == "B/s"


def test_a_kernel_that_joined_since_the_interruption_starts_it_afresh(checkout, give):
    """Rows of some kernels only would never become complete."""
    give(Timing(("cpu_*",), (SMALL,), ()), {"cpu_a": right})
    measurement = running.Measurement(checkout, "mine", "here", "quick")
    row = run_file.Row(case=SMALL.case(), kernel="cpu_a", kernel_digest="0" * 12, samples=(1.0,))
    run_file.write(measurement.made([row], 0, complete=False), measurement.partial)
    assert measurement.resume() == [row]

    give(Timing(("cpu_*",), (SMALL,), ()), {"cpu_a": right, "cpu_b": right})
    assert measurement.resume() == []


def test_kernels_of_another_device_are_rows_too(checkout, give):
    """With --device the others say that they were not asked, so that the result stays complete."""
    give(Timing(("*",), (SMALL,), ()), {"cpu_a": right, "cuda_a": right})

    made = running.Measurement(checkout, "mine", "here", "quick", "cpu").run(Progress("mine", 1, io.StringIO()))

    assert [row.skipped for row in made.rows if row.kernel == "cuda_a"] == ["only cpu kernels were asked for"]


def test_a_workload_with_more_threads_than_there_are_is_skipped(checkout, give):
    """The reason names both numbers."""
    many = Workload(heads=1, queries=4, keys=4, dim=4, threads=machine.threads() + 1)
    give(Timing(("cpu_*",), (many,), ()), {"cpu_a": right})

    [row] = running.Measurement(checkout, "mine", "here", "quick").run(Progress("mine", 1, io.StringIO())).rows

    assert row.skipped == f"needs {machine.threads() + 1} threads, this machine has {machine.threads()}"


@pytest.mark.parametrize(("cache", "read"), [(1 << 20, 256 << 20), (64 << 20, 512 << 20), (1 << 30, 2 << 30)])
def test_what_is_read_for_bandwidth_fits_in_no_cache(cache, read):
    """Eight times the last one, within what a machine can be asked for."""
    assert ceilings.buffer_bytes(cache) == read


@pytest.mark.parametrize("name", ["read", "matmul", "fma"])
def test_ceilings_do_the_work_that_they_state(name, monkeypatch):
    """The reading ceiling adds up its whole buffer, the product is one, and the work is counted from the sizes."""
    monkeypatch.setattr(machine, "last_cache_bytes", lambda: 1 << 20)
    made = ceilings.make(name)

    got = made.call()

    assert made.work > 0
    if name == "read":
        assert got == made.work / 4  # a buffer of ones
    if name == "fma":
        assert made.work == 2 * ceilings.ROWS * ceilings.LANES * ceilings._DEPTH * machine.threads()
    if name == "matmul":
        assert np.isfinite(got).all()
        assert made.work == 2 * len(got) ** 3


def test_the_multiply_adds_are_really_made():
    """Every sum has as many products in it as the depth says, so that no pass was left out by the compiler."""
    sums = np.full((2, ceilings.ROWS * ceilings.LANES), np.nan, np.float32)
    operands = np.full(ceilings.ROWS + ceilings.LANES, 0.5, np.float32)

    ceilings._multiply_add(operands, sums, 300)

    np.testing.assert_array_equal(sums, np.float32(300 * 0.25))


def test_ceilings_use_the_threads_that_the_workload_has():
    """Half of the threads make half of the multiply-adds."""
    with timing.threads(1):
        assert ceilings.make("fma").work == ceilings.fma(1).work
    assert ceilings.fma(2).work == 2 * ceilings.fma(1).work


def test_threads_are_given_and_taken_back():
    """Inside, Numba has the number asked for; afterwards what it had before, also after an error."""
    before = numba.get_num_threads()

    def stop():
        with timing.threads(1):
            raise ValueError(f"stop at {numba.get_num_threads()}")

    with pytest.raises(ValueError, match="stop at 1"):
        stop()
    assert numba.get_num_threads() == before
    with timing.threads(0):
        assert numba.get_num_threads() == machine.threads()


def test_the_gpu_clock_places_poisons_and_looks(tmp_path):
    """In the simulator, which has no time: inputs reach the kernel, the output is read back, refusals pass through."""
    pytest.importorskip("numba_cuda")
    script = """
import numpy as np
from attnsite.records.workload import Workload
from attnsite.kernels import cuda_naive
from attnsite.measure import correctness as correct; from attnsite.measure.gpu import clock as cuda_clock
cuda_clock.FLUSH_BYTES = 16
workload = Workload(heads=2, kv_heads=1, queries=5, keys=7, dim=3, causal=True)
measure, look = cuda_clock.enter(cuda_naive, workload, {})
assert np.isnan(look()).all()
from attnsite.kernels.cuda.driver import cuda
cuda.event_elapsed_time = lambda start, end: 2500.0  # milliseconds
assert measure() == 2.5
print(correct.compare(*workload.inputs(), look(), causal=True).right)
"""
    environment = os.environ | {"NUMBA_ENABLE_CUDASIM": "1", "PYTHONPATH": str(registry.ROOT.parent)}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=environment)

    assert done.stdout.strip() == "True", done.stderr


def test_memory_sees_an_array_of_known_size():
    """A kernel that writes its scores out needs at least their size, one that does not needs less."""
    workload = Workload(heads=4, queries=1500, keys=1500, dim=8)
    scores = 4 * 1500 * 1500 * 4

    blas, online = memory.ask("cpu_blas", workload), memory.ask("cpu_online", workload)

    assert blas["peak_bytes"] >= 0.95 * scores  # a few pages of it may have been resident before
    assert online["peak_bytes"] < scores / 2
    assert blas["max_error"] <= blas["bound"]


def test_memory_counts_a_cache_in_the_form_in_which_it_is_kept():
    """All keys and values where the kernel takes them as they are, the window's where it rolls them."""
    long = Workload(heads=8, kv_heads=8, queries=1, keys=8192, dim=64, causal=True, window=512)
    token = 2 * 8 * 64 * 4

    whole, rolled = (memory.ask(f"cpu_simd_decode{way}", long, cache=True) for way in ("", "_rolled"))

    # Linux counts a process's resident pages in batches, a few dozen of them a processor behind
    assert 0.95 * 8192 * token <= whole["peak_bytes"] < 1.3 * 8192 * token
    assert 0.75 * 512 * token <= rolled["peak_bytes"] < 3 * 512 * token
    assert rolled["max_error"] <= rolled["bound"]


def test_memory_passes_on_why_a_kernel_cannot():
    """A refusal in the other process is the reason of the row."""
    with pytest.raises(candidates.Skipped, match="one query") as caught:
        memory.ask("cpu_decode", SMALL)
    assert caught.value.code == "refused"


def test_memory_measures_through_the_experiment(checkout, give, monkeypatch):
    """Each repeat is a sample, in bytes."""
    give(Memory(("cpu_*",), (SMALL,), (SMALL,), repeats=2), {"cpu_a": right})
    monkeypatch.setattr(memory, "ask", lambda *_, **__: {"peak_bytes": 4096, "max_error": 0.0, "bound": 1e-6})

    made = running.Measurement(checkout, "mine", "here", "full").run(Progress("mine", 1, io.StringIO()))

    assert made.rows[0].samples == (4096, 4096)


@pytest.mark.parametrize("kernel", ["cpu_simd_stored_bf16", "cpu_simd_stored_f16", "cpu_simd_decode_int8"])
def test_kernels_that_store_numbers_in_fewer_bits_are_checked_and_timed_as_the_others(kernel):
    """Their arrays are stored before the clock starts, and compared with what they stand for."""
    work = dataclasses.replace(SMALL, queries=1) if "decode" in kernel else SMALL
    experiment = Timing((kernel,), (work,), ())

    [(contestant, row)] = candidates.enter(kernel, work, experiment, 9.0)

    assert contestant.measure() > 0
    assert 0 < row.max_error <= row.bound
    weighed = memory.ask(kernel, work)
    assert weighed["max_error"] == row.max_error


def test_a_kernel_that_stores_numbers_wrongly_is_not_timed(monkeypatch):
    """Half of the bits are half of the digits, not half of the numbers."""
    module = registry.module("kernels", "cpu_simd_stored_bf16")
    monkeypatch.setattr(module, "attention", lambda q, k, v, out, *, causal: out.fill(0x3F80))

    with pytest.raises(candidates.Skipped, match="wrong"):
        candidates.enter("cpu_simd_stored_bf16", SMALL, Timing(("cpu_simd_stored_bf16",), (SMALL,), ()), 9.0)


def test_the_check_sees_a_forgotten_row_among_many():
    """NaN in any output element is an error, also in rows that are not compared."""
    q, k, v = Workload(heads=1, queries=2000, keys=8, dim=4).inputs()
    out = reference.rows(q, k, v, np.arange(2000), causal=False).astype(np.float32)
    assert correctness.compare(q, k, v, out, causal=False).right

    out[0, 0, 1234, 1] = np.nan
    assert not correctness.compare(q, k, v, out, causal=False).right


def test_the_verdict_on_steadiness():
    """Small spreads and no foreign load are steady; either alone makes it noisy; nothing timed says so."""
    assert timing.verdict([0.01, 0.02], [0.0])["verdict"] == "steady"
    assert timing.verdict([0.5, 0.4], [0.0])["verdict"] == "noisy"
    assert timing.verdict([0.01, 0.02], [0.9])["verdict"] == "noisy"
    assert timing.verdict([], [])["verdict"] == "not timed"
    assert timing.foreign((1.0, 1.0, 0.0), (4.0, 2.0, 2.0)) == 1.0
    assert timing.foreign(None, None) is None  # not 0: nobody has looked
    assert "foreign_load" not in timing.verdict([0.01], [])


def test_progress_says_what_how_far_and_how_long():
    """Where lines pile up, each has the step, the number of steps and, from the second on, the time left."""
    stream = io.StringIO()
    progress = Progress("mine", 3, stream, every_s=0)
    for what in ("one", "two"):
        progress.step(what)
    progress.finish("done")

    lines = stream.getvalue().splitlines()
    assert lines[0] == "mine: 1 of 3, one"
    assert lines[1].startswith("mine: 2 of 3, two, about 0 s left")
    assert lines[2] == "mine: done"


def test_provenance_names_nobody():
    """No host name, user name or path of this machine is in what a run says of it."""
    import getpass
    import platform

    told = repr({**machine.describe(), **machine.software(registry.ROOT.parent)})

    assert machine.describe()["cpu"]
    assert not re.search(rf"\b{re.escape(platform.node())}\b", told)  # as a word: a host may be called "vm"
    assert str(registry.ROOT.parent) not in told
    assert f"/{getpass.getuser()}" not in told


def test_wrong_names_are_all_told_at_once(checkout, capsys):
    """Unknown experiments and an impossible machine name, one line each, and nothing is measured."""
    status = cli.main(["--root", str(checkout), "measure", "nothing", "nobody", "--machine", "My-Host.local"])

    lines = capsys.readouterr().err.strip().splitlines()
    assert status == 1
    assert len(lines) == 3
    assert "never a host name" in lines[2]


def test_a_fresh_result_is_not_measured_again(checkout, capsys):
    """The second command finds the first one's file; with --again it is made anew."""
    words = ["--root", str(checkout), "measure", "depth_or_heads"]
    assert cli.main(words) == 0
    path = checkout / run_file.BUILT / run_file.EVERY_MACHINE / "depth_or_heads.json"
    first = path.stat().st_mtime_ns
    assert cli.main(words) == 0
    assert path.stat().st_mtime_ns == first
    assert "1 counts are fresh already" in capsys.readouterr().out
    assert cli.main([*words, "--again"]) == 0
    assert path.stat().st_mtime_ns > first


def test_counts_of_a_named_machine_are_committed_once_for_all(checkout):
    """They are the same everywhere, so they go to every_machine."""
    assert cli.main(["--root", str(checkout), "measure", "depth_or_heads", "--machine", "my_machine"]) == 0

    run = run_file.read(checkout / run_file.COMMITTED / run_file.EVERY_MACHINE / "depth_or_heads.json")
    assert run.provenance.machine == {}
    assert run_file.state(run) == "fresh"
    assert command.kind("depth_or_heads") == "count"


def test_a_cache_from_another_machine_and_a_device_that_came_are_measured_again(monkeypatch):
    """This build's results are of this machine; rows skipped for a reason that has gone are asked again."""
    here, software = machine.describe(), machine.software(registry.ROOT.parent)

    def run(skip_code=None, software=software, kernel="cuda_a", **described):
        row = run_file.Row(
            case={}, kernel=kernel, skipped=skip_code and "a sentence that nobody parses", skip_code=skip_code
        )
        provenance = run_file.Provenance({**here, **described}, software, "", 0, {})
        return run_file.Run("mine", "timing", run_file.THIS_BUILD, "quick", "", ("*",), provenance, (row,))

    def on(device):
        return argparse.Namespace(machine=run_file.THIS_BUILD, sweep="quick", device=device)

    plain = on(None)
    assert command.answers(plain, run())
    assert not command.answers(plain, run(cpu="another"))
    assert not command.answers(plain, run(cores=99))
    assert not command.answers(plain, run(software=software | {"numba": "0.1"}))
    assert not command.answers(argparse.Namespace(machine=run_file.THIS_BUILD, sweep="full", device=None), run())
    assert not command.answers(plain, run("not_asked"))
    assert command.answers(on("cpu"), run("not_asked"))
    monkeypatch.setattr(command.shutil, "which", lambda _: None)
    assert command.answers(plain, run("no_device"))
    monkeypatch.setattr(command.shutil, "which", lambda name: f"/bin/{name}")
    assert not command.answers(plain, run("no_device"))
    assert command.answers(plain, run("refused"))


@pytest.mark.parametrize(
    ("kernel", "needs"),
    [("peer_cuda_torch_flash", "torch"), ("peer_torch_math", "torch"), ("peer_onnxruntime_attention", "onnx"),
     ("cuda_tiled", "numba_cuda")],
)  # fmt: skip
@pytest.mark.parametrize("device", [None, "cuda", "cpu"])
def test_a_library_that_came_is_asked_for_again(monkeypatch, kernel, needs, device):
    """Once all that a peer imports can be found, on the device that is asked for; a GPU's peer is one of a GPU."""
    row = run_file.Row(case={}, kernel=kernel, skipped="json is not installed", skip_code="not_installed")
    find, asked = importlib.util.find_spec, device in (None, "cuda" if "cuda" in kernel else "cpu")

    for absent, come in ((needs, False), ("nothing", True)):
        monkeypatch.setattr(importlib.util, "find_spec",
                            lambda name, absent=absent: None if name == absent else find("json"))  # fmt: skip
        assert command.can_take_part_now(row, device) == (come and asked)


def test_an_experiment_that_fails_leaves_the_others_and_the_old_result_alone(checkout, capsys, monkeypatch):
    """Its traceback is shown, the status is 1, and the next experiment is measured."""
    real = registry.module

    def broken(room, name, *required):
        found = real(room, name, *required)
        if name != "parameters_by_heads":
            return found
        return SimpleNamespace(experiment=Count(lambda case: {}["missing"], ({"n": 1},)))

    monkeypatch.setattr(registry, "module", broken)
    status = cli.main(["--root", str(checkout), "measure", "parameters_by_heads", "depth_or_heads"])

    assert status == 1
    assert "parameters_by_heads: failed" in capsys.readouterr().out
    assert [path.stem for path in checkout.rglob("*.json")] == ["depth_or_heads"]


def test_status_names_a_broken_result_and_still_tells_the_rest(checkout, capsys):
    """The table is printed, then one line for each broken file, and the command fails."""
    path = checkout / run_file.COMMITTED / "here" / "roofline.json"
    path.parent.mkdir(parents=True)
    path.write_text("{")

    status = cli.main(["--root", str(checkout), "status"])

    told = capsys.readouterr()
    assert status == 1
    assert "depth_or_heads" in told.out
    assert "roofline.json:1: is not valid JSON" in told.err


def test_status_tells_state_and_reason(checkout, capsys):
    """Fresh, stale with what has changed, and missing."""
    cli.main(["--root", str(checkout), "measure", "depth_or_heads"])
    path = checkout / run_file.BUILT / run_file.EVERY_MACHINE / "depth_or_heads.json"
    capsys.readouterr()
    cli.main(["--root", str(checkout), "status"])
    told = {line.split()[0]: line for line in capsys.readouterr().out.splitlines()}
    assert "fresh" in told["depth_or_heads"]
    assert "missing" in told["roofline"]

    path.write_text(path.read_text().replace(run_file.experiment_digest("depth_or_heads", "quick"), "0" * 12))
    cli.main(["--root", str(checkout), "status"])
    told = {line.split()[0]: line for line in capsys.readouterr().out.splitlines()}
    assert "stale" in told["depth_or_heads"]
    assert "the experiment has changed" in told["depth_or_heads"]


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("failed: OSError: /home/me/lib/x.so: not found", "failed: OSError: …/x.so: not found"),
        ("cannot open '/tmp/a b/c.nbi'", "cannot open '…/a b/c.nbi'"),
        (r"failed: C:\Users\me\x.dll is missing", "failed: …/x.dll is missing"),
        (r"\\host\share\x", "…/x"),
        ("1/2 of the keys, and/or https://example.org/a/b", "1/2 of the keys, and/or https: example.org/a/b"),
        ("decodes up to 16 queries at a time, got 32", "decodes up to 16 queries at a time, got 32"),
    ],
)  # fmt: skip
def test_a_reason_tells_nobody_where_files_lie(said, told):
    """It is published: of an absolute path the last part stays, and nothing else is touched."""
    assert candidates.without_folders(said) == told


def test_what_does_not_fit_into_the_time_waits(tmp_path, capsys):
    """No experiment begins once the time is over, and the next call goes on."""
    names = ["depth_or_heads", "growth_in_heads"]

    def measure(within):
        words = [*names, "--within", within]
        parser = argparse.ArgumentParser()
        command.arguments(parser)
        options = parser.parse_args(words)
        options.root = tmp_path
        return command.run(options), capsys.readouterr().out

    status, said = measure("0")
    assert (status, "2 experiments wait" in said) == (0, True)
    assert not list(tmp_path.rglob("depth_or_heads.json"))

    status, said = measure("600")
    assert status == 0
    assert "wait" not in said
    assert len([path for name in names for path in tmp_path.rglob(f"{name}.json")]) == 2


@pytest.mark.parametrize("text", ["-1", "nan", "inf", "soon", ""])
def test_a_time_is_a_number_of_seconds(text):
    with pytest.raises(argparse.ArgumentTypeError, match="no number of seconds"):
        command.seconds(text)


def test_contestants_share_inputs_by_value_and_answers(monkeypatch):
    """Each has memory of its own with the same numbers; a kernel that rounds nothing is compared with the same rows."""
    work = Workload(heads=2, queries=5, keys=7, dim=4)
    one, other = candidates.drawn(work), candidates.drawn(work)
    for mine, theirs, plain in zip(one, other, work.inputs(), strict=True):
        np.testing.assert_array_equal(mine, plain)
        assert not np.shares_memory(mine, theirs)
    one[0][...] = np.nan  # one that spoils its inputs spoils nobody else's
    assert np.isfinite(candidates.drawn(work)[0]).all()

    rows, exact, plain = candidates._answers(work)
    again = correctness.answers(*work.inputs(), causal=False)
    for mine, theirs in zip((rows, exact, plain), again, strict=True):
        np.testing.assert_array_equal(mine, theirs)
    monkeypatch.setattr(candidates, "KEPT", 0)
    assert not np.shares_memory(candidates.drawn(work)[0], candidates.drawn(work)[0])
