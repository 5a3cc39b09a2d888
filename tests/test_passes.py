"""Did the threads run, and do several passes agree: with clocks and processors that are played, and no waiting."""

import dataclasses
import json

import pytest

from attnsite.commands import measure as command
from attnsite.measure import clock, passes, usage
from attnsite.measure.usage import NoProcessors, Used, Watch
from attnsite.records import run_file, vetting
from attnsite.records.mistakes import Mistake
from attnsite.records.run_file import Provenance, Row, Run

GIVEN = {"cpu": "A", "threads": 2}


def run_of(*rows, digest="1" * 12, started="2026-01-01T00:00:00Z", steadiness=None, machine=None):
    told = steadiness or {"verdict": "steady", "median_spread": 0.01, "foreign_load": 0.1}
    where = Provenance(machine or GIVEN, {"python": "3.11", "commit": "0" * 12}, started, 10.0, told)
    return Run("mine", "timing", "m", "full", digest, ("cpu_*",), where, rows)


def row(*samples, kernel="cpu_a", heads=1, **more):
    return Row({"heads": heads}, kernel, "d" * 12, samples=samples, max_error=1e-7, bound=1e-6, **more)


# --- did the threads run ---------------------------------------------------------------------------------------


class Machine:
    """Processors that are given as they are listed: of each probe, then of each call, what it keeps busy."""

    def __init__(self, probes, calls):
        self.probes, self.calls, self.paused = iter(probes), iter(calls), 0.0

    def probe(self):
        return Used(next(self.probes), 0)

    def pause(self, seconds):
        self.paused += seconds


def watched(machine, threads=2, most=9):
    return Watch(threads, machine.probe, most=most, pause=machine.pause)


def rounds(machine, count, monkeypatch, watch):
    """`count` rounds of one contestant whose calls keep so much busy; its samples are their numbers."""
    number = iter(range(99))
    monkeypatch.setattr(usage, "used", lambda before, after: Used(next(machine.calls), 1))
    who = clock.Contestant("cpu_a", lambda: float(next(number)))
    clock.interleave([who], clock.Budget(rounds=count, seconds=0, most=count), watch=watch)
    return who


def test_a_round_waits_until_its_threads_get_their_processors(monkeypatch):
    """Two tries at half speed, with a pause after each; then the call that is timed."""
    machine = Machine([1.0, 1.1, 1.95, 1.95], [1.9, 1.9])
    who = rounds(machine, 2, monkeypatch, watched(machine))

    assert len(who.samples) == len(who.used) == 2
    assert machine.paused == 2 * usage.PAUSE_S


def test_a_workload_that_never_got_them_is_left_out():
    """It can never be published as one of two threads; the reason says what it got."""
    machine = Machine([1.02] * 999, [])

    with pytest.raises(NoProcessors, match=r"its 2 threads got 1\.0 processors at most"):
        watched(machine).ready()
    assert machine.paused == pytest.approx(usage.GIVEN_UP * usage.TRIES * usage.PAUSE_S)


def test_a_round_with_half_of_the_processors_is_taken_again(monkeypatch):
    """Three rounds say what is usual; the fourth is discarded with its sample, and one more is made in its place."""
    machine = Machine([2.0] * 9, [1.9, 1.9, 1.9, 1.0, 1.9, 1.8])
    watch = watched(machine)
    who = rounds(machine, 5, monkeypatch, watch)

    assert who.samples == [1.0, 2.0, 3.0, 5.0, 6.0]  # 0 was the warm-up, 4 the disturbed one
    assert [used.busy for used in who.used] == [1.9, 1.9, 1.9, 1.9, 1.8]
    assert watch.retaken == 1


def test_rounds_are_not_taken_again_for_ever(monkeypatch):
    """What the machine has become is measured then, and the file says how busy each sample kept it."""
    machine = Machine([2.0] * 99, [1.9] * 3 + [1.0] * 9)
    watch = watched(machine, most=2)
    who = rounds(machine, 6, monkeypatch, watch)

    assert watch.retaken == 2
    assert [used.busy for used in who.used] == [1.9] * 3 + [1.0] * 3


def test_one_that_never_uses_both_is_as_it_is(monkeypatch):
    """A kernel that leaves a thread idle is not the machine's fault."""
    machine = Machine([2.0] * 9, [1.0] * 6)
    watch = watched(machine)

    assert len(rounds(machine, 6, monkeypatch, watch).samples) == 6
    assert watch.retaken == 0


def test_processor_time_is_that_of_this_process():
    """A loop keeps one processor busy, a sleep none: the readings are real, and only their order is asked."""
    import time

    def spin():
        end = time.process_time() + 0.02
        while time.process_time() < end:
            pass

    assert usage.measured(lambda: time.sleep(0.02)).busy < usage.measured(spin).busy


def test_what_a_system_does_not_say_is_not_told(tmp_path):
    stat = tmp_path / "stat"
    assert usage.stolen(stat) is None
    stat.write_text("cpu 1 2 3\n")
    assert usage.stolen(stat) is None
    stat.write_text("cpu 1 2 3 4 5 6 7 250 0 0\n")
    assert usage.stolen(stat) == 2.5


def test_a_call_that_was_too_short_says_nothing_of_its_threads():
    """Over a few milliseconds the system adds up late; such a row has no `busy`, and no round is discarded for it."""
    short = Used(0.4, 0, sure=False)
    watch = Watch(2, None)

    assert usage.used((0, 0, 0), (int(1e9 * usage.LEAST_S) - 1, 10, 0)).sure is False
    assert usage.used((0, 0, 0), (int(1e9 * usage.LEAST_S), 10, 0)).sure is True
    assert usage.told([Used(1.9, 0), short]) == ((), ())
    assert all(watch.keeps([one]) for one in [Used(1.9, 0)] * 4 + [short])


def test_switches_are_told_where_there_were_any():
    assert usage.told([Used(1.9, 0), Used(1.8, 0)]) == ((1.9, 1.8), ())
    assert usage.told([Used(1.9, 0), Used(1.8, 3)]) == ((1.9, 1.8), (0, 3))
    assert usage.told([Used(1.9, None)]) == ((1.9,), ())


# --- passes ----------------------------------------------------------------------------------------------------


def joined(*runs):
    return passes.join(runs, [passes.path_of(run_file.Path(), "m", n, "mine") for n in range(1, len(runs) + 1)])


def test_passes_make_one_run():
    """Samples one pass after the other, the largest error of all, the first start, all seconds, and rounds retaken."""
    one = run_of(row(1.0, 2.0, busy=(1.9, 1.8), retaken=1), started="2026-01-01T00:10:00Z")
    two = run_of(dataclasses.replace(row(3.0, busy=(1.7,), switched=(2,)), max_error=2e-7))
    [found] = joined(one, two).rows

    assert found.samples == (1.0, 2.0, 3.0)
    assert found.passes == (2, 1)
    assert found.by_pass == [(1.0, 2.0), (3.0,)]
    assert (found.busy, found.switched, found.retaken) == ((1.9, 1.8, 1.7), (0, 0, 2), 1)
    assert found.max_error == 2e-7
    assert joined(one, two).provenance.started == "2026-01-01T00:00:00Z"
    assert joined(one, two).provenance.seconds == 20.0
    assert found.median == 2.25  # of 1.5 and 3, and not of all samples


def test_a_row_that_one_pass_left_out_has_the_others_samples():
    lost = Row({"heads": 1}, "cpu_a", skipped="its 2 threads got 1.0 processors at most", skip_code="lost_threads")

    assert [r.samples for r in joined(run_of(lost), run_of(row(3.0)), run_of(row(4.0))).rows] == [(3.0, 4.0)]
    assert [r.skip_code for r in joined(run_of(lost), run_of(lost)).rows] == ["lost_threads"]


def test_passes_that_disagree_are_not_steady():
    """Each is steady by itself, with samples within a hundredth; half of the speed in one of them is told."""
    steady, half = [row(1.0, 1.01, 1.02)], [row(1.96, 1.97, 1.98)]

    assert joined(run_of(*steady), run_of(*steady), run_of(*steady)).provenance.steadiness["verdict"] == "steady"
    told = joined(run_of(*steady), run_of(*half), run_of(*steady)).provenance.steadiness
    assert told["verdict"] == "noisy"
    assert told["passes_disagreeing"] == 1.0
    assert told["passes"] == 3


def test_the_check_knows_all_that_is_said_of_steadiness():
    """Whatever a sweep, or passes that are joined, write into a run is not called foreign by `attnsite check`."""
    told = (
        clock.verdict([0.1], [0.1], [0.1], [0.1], [0.1])
        | joined(run_of(row(1.0)), run_of(row(2.0))).provenance.steadiness
    )

    assert set(told) <= vetting.KNOWN["steadiness"]
    assert {"stolen", "passes"} <= set(told)


@pytest.mark.parametrize(
    "other", [run_of(row(1.0), digest="2" * 12), run_of(row(1.0), machine={"cpu": "B", "threads": 2})]
)
def test_passes_of_other_code_or_machines_are_not_joined(other):
    with pytest.raises(Mistake, match=r"pass 2: has another (code|cpu) than pass 1"):
        joined(run_of(row(1.0)), other)


def test_a_run_in_passes_is_read_as_it_was_written(tmp_path):
    made = joined(run_of(row(1.0, 2.0, busy=(1.9, 1.8))), run_of(row(3.0, busy=(1.7,))))
    path = tmp_path / "m" / "mine.json"
    run_file.write(made, path)

    assert run_file.read(path) == made
    assert '"passes": [2, 1]' in path.read_text()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"passes": [2, 2]}, "passes: add up to 4 of 3 samples"),
        ({"passes": [True, 2]}, "passes: holds something else than counts"),
        ({"busy": [1.0]}, "busy: has 1 numbers for 3 samples"),
        ({"busy": [1.0, -1.0, 1.0]}, "busy: holds -1.0"),
        ({"switched": [0, 0.5, 0]}, "switched: holds something else"),
        ({"retaken": -1}, "retaken: is -1, not a count"),
        ({"retaken": "x"}, "retaken: is str"),
    ],
)
def test_what_does_not_go_with_the_samples_is_a_mistake(tmp_path, change, said):
    path = tmp_path / "m" / "mine.json"
    run_file.write(run_of(row(1.0, 2.0, 3.0)), path)
    data = json.loads(path.read_text())
    data["rows"][0] |= change
    path.write_text(json.dumps(data))

    with pytest.raises((Mistake, ExceptionGroup)) as caught:
        run_file.read(path)
    assert said in str(caught.value) + "".join(map(str, getattr(caught.value, "exceptions", ())))


@pytest.fixture
def checkout(tmp_path):
    (tmp_path / "docs").mkdir()
    (tmp_path / "mkdocs.yml").write_text("site_name: test\n")
    return tmp_path


@pytest.fixture
def played(tmp_path, monkeypatch):
    """The command with passes that write their file at once; what was asked is noted, in order."""
    asked, waited = [], []

    def measured(root, name, machine, number, device):
        asked.append((number, name))
        made = dataclasses.replace(run_of(row(float(number))), experiment=name)
        run_file.write(made, passes.path_of(root, machine, number, name))
        return True

    monkeypatch.setattr(passes, "measure", measured)
    monkeypatch.setattr(passes, "wait", lambda path: waited.append(path.parent.parent.name))
    monkeypatch.setattr(passes, "kept", lambda path: run_file.read(path) if path.is_file() else None)
    monkeypatch.setattr(command, "kind", lambda name: "timing")
    options = command.argparse.Namespace(
        root=tmp_path, machine="m", device=None, again=False, sweep="full", passes=None, number=None
    )
    return options, asked, waited


def test_a_pass_is_a_process_of_its_own(checkout):
    """The command that is started exists, and leaves its file where passes lie; a count stands for what is timed."""
    assert passes.measure(checkout, "causal_pairs", "my_machine", 2, None)
    assert passes.path_of(checkout, "my_machine", 2, "causal_pairs").is_file()
    assert not (checkout / run_file.COMMITTED).exists()


@pytest.mark.parametrize("words", [["--passes", "0"], ["--passes", "-1"], ["--pass", "x"], ["--pass", "1.5"]])
def test_a_number_that_is_none_is_told(words, capsys):
    from attnsite import cli

    with pytest.raises(SystemExit):
        cli.main(["measure", *words])
    assert "is no number of passes; give one such as 3" in capsys.readouterr().err


def test_passes_go_around_all_experiments(played):
    """The first of each, then the second of each; the files are joined, and what was in the cache is gone."""
    options, asked, waited = played

    assert command.in_passes(options, ["one", "two"], 3)
    assert asked == [(n, name) for n in (1, 2, 3) for name in ("one", "two")]
    assert waited == ["1", "1", "2", "2"]  # a pass waits for the one before
    for name in ("one", "two"):
        [found] = run_file.read(options.root / run_file.COMMITTED / "m" / f"{name}.json").rows
        assert (found.samples, found.passes) == ((1.0, 2.0, 3.0), (1, 1, 1))
    assert not list((options.root / passes.FOLDER).rglob("*.json"))


def test_an_interrupted_measurement_goes_on_with_the_pass_that_it_was_in(played, monkeypatch):
    options, asked, _ = played
    measured = passes.measure

    def interrupted(root, name, machine, number, device):
        if number == 2 and name == "two":
            raise KeyboardInterrupt
        return measured(root, name, machine, number, device)

    monkeypatch.setattr(passes, "measure", interrupted)
    with pytest.raises(KeyboardInterrupt):
        command.in_passes(options, ["one", "two"], 2)
    assert not (options.root / run_file.COMMITTED).exists()
    asked.clear()
    monkeypatch.setattr(passes, "measure", measured)

    assert command.in_passes(options, ["one", "two"], 2)
    assert asked == [(2, "two")]


def test_a_named_machine_measures_in_passes_and_a_build_does_not():
    """Unless another number is asked for."""

    def count(**more):
        return command.passes_of(command.argparse.Namespace(**{"passes": None, "sweep": "full", "machine": "m"} | more))

    assert count() == command.PASSES == 3
    assert count(machine=run_file.THIS_BUILD) == count(sweep="quick") == 1
    assert count(passes=5, machine=run_file.THIS_BUILD) == 5


def test_the_next_pass_waits_for_some_minutes(tmp_path):
    """From the end of the one before, and not where that is long ago."""
    path = tmp_path / "mine.json"
    path.write_text("")
    at, paused = path.stat().st_mtime, []

    def pause(seconds):
        paused.append(seconds)

    passes.wait(path, pause, lambda: at + sum(paused))
    assert sum(paused) == pytest.approx(passes.APART_S)
    paused.clear()
    passes.wait(path, pause, lambda: at + passes.APART_S + 1)
    assert paused == []
