"""Quick sweeps are parts of full ones, and what a full run is stale for is what the full sweep computes."""

import argparse
import csv
import dataclasses
import shutil

import pytest

from attnsite import cli
from attnsite.commands import measure
from attnsite.measure import candidates
from attnsite.records import fingerprint, registry, run_file, sweeps
from attnsite.records.workload import Count, Memory, Study, Timing, Workload
from attnsite.site.builders import checks
from tests import small

ROOT = registry.ROOT.parent
COMMITTED = sorted(path for path in (ROOT / run_file.COMMITTED).glob("*/*.json"))
ONE, TWO, THREE = (Workload(heads=heads, queries=8, keys=8, dim=4) for heads in (1, 2, 3))


def told(experiment):
    return [(mistake.where, mistake.what.split(" {")[0]) for mistake in sweeps.faults("mine", experiment)]


@pytest.mark.parametrize("kind", [Timing, Memory])
def test_a_quick_case_that_the_full_sweep_lacks_is_named(kind):
    """Whatever measures: the case, where it stands and what to do."""
    assert told(kind(("cpu_*",), (TWO,), (ONE, TWO, THREE))) == []
    assert told(kind(("cpu_*",), (THREE, TWO), (ONE, TWO))) == [("quick", "asks for")]
    assert told(kind(("cpu_*",), (), (ONE, TWO))) == [("quick", "asks nothing")]
    assert told(kind(("cpu_*",), (ONE, ONE), (ONE, TWO))) == [("quick", "asks twice for")]
    assert told(kind(("cpu_*",), (), ())) == [("full", "asks nothing")]
    [mistake] = sweeps.faults("mine", kind(("cpu_*",), (THREE,), (ONE,)))
    assert '"heads": 3' in str(mistake)
    assert mistake.path == "attnsite/experiments/mine.py"


def test_a_study_may_have_no_quick_sweep_and_counts_have_one_list():
    """Studies are told apart by their cases' values, whatever the order of the fields."""

    def study(quick, full):
        return Study(lambda case, seed: {}, quick, full)

    assert told(study((), ({"steps": 800, "heads": 1},))) == []
    assert told(study(({"heads": 1, "steps": 800},), ({"steps": 800, "heads": 1},))) == []
    assert told(study(({"heads": 1, "steps": 10},), ({"steps": 800, "heads": 1},))) == [("quick", "asks for")]
    assert told(Count(lambda case: {}, ({"n": 1},))) == []
    assert told(Count(lambda case: {}, ({"n": 1}, {"n": 1}))) == [("quick", "asks twice for")]


def test_check_and_measure_refuse_an_experiment_whose_quick_sweep_is_no_part_of_its_full_one(
    monkeypatch, tmp_path, capsys
):
    """The same line from both, before anything is measured; a file that cannot be imported is named with its line."""
    (tmp_path / "mkdocs.yml").write_text("site_name: test\n")
    real = registry.module
    broken = argparse.Namespace(experiment=Timing(("cpu_*",), (THREE,), (ONE,)))

    def module(room, name, *needs):
        if (room, name) == ("experiments", "tile_sizes"):
            raise SyntaxError("invalid syntax", ("attnsite/experiments/tile_sizes.py", 7, 1, "x"))
        return broken if (room, name) == ("experiments", "roofline") else real(room, name, *needs)

    monkeypatch.setattr(registry, "module", module)
    found = [str(mistake) for mistake in checks.check(tmp_path)]
    assert [line for line in found if "roofline.py:quick: asks for {" in line]
    assert [line for line in found if "tile_sizes.py:7: cannot be imported (SyntaxError" in line]
    assert cli.main(["--root", str(tmp_path), "measure", "roofline"]) == 1
    assert "roofline.py:quick: asks for {" in capsys.readouterr().err
    assert not (tmp_path / run_file.BUILT).exists()


@pytest.mark.parametrize("path", COMMITTED, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_every_committed_full_run_has_the_rows_of_the_quick_sweep(path):
    """What a reader's quick run asks, the published run has answered, or says why not."""
    run = run_file.read(path)
    asked = set(sweeps.keys(registry.module("experiments", run.experiment).experiment, "quick"))
    answered = set()
    for row in run.rows:
        answered |= set(sweeps.keys(Count(dict, ({k: v for k, v in row.case.items() if k != "variant"},)), "full"))

    assert run.sweep == "full"
    assert asked <= answered
    assert asked or run.experiment in small.CASES


# --- digests ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "left"),
    [
        ("experiment = Timing(\n    a=1,\n    quick=(2, [3]),\n    full=4,\n)\n",
         "experiment = Timing(\n    a=1,\n    full=4,\n)\n"),
        ("experiment = Study(observe, quick=f(1), full=2)", "experiment = Study(observe, full=2)"),
        ("experiment = Study(full=2, quick=(1,))", "experiment = Study(full=2)"),
        ("experiment = Study(\n    full='× é', quick='× é',\n)", "experiment = Study(\n    full='× é',\n)"),
        ("experiment = Study(quick=(1,))", "experiment = Study()"),
        ("other = Timing(quick=1, full=2)\n", "other = Timing(quick=1, full=2)\n"),
        ("def f(quick=1): ...\nexperiment = f(g(quick=2))", "def f(quick=1): ...\nexperiment = f(g(quick=2))"),
    ],
)  # fmt: skip
def test_one_argument_of_the_experiment_is_cut_and_nothing_else(written, left):
    """Of the call whose value is `experiment`, wherever the argument stands in it."""
    assert fingerprint.cut(written, "quick") == left
    assert fingerprint.cut(written, "") == written


@pytest.fixture
def package(tmp_path):
    """A copy of the package's experiments and what they reach."""
    copied = tmp_path / "attnsite"
    shutil.copytree(registry.ROOT, copied, ignore=shutil.ignore_patterns("__pycache__", "site", "figures", "measure"))
    return copied


def changed(package, name, old, new, reader=""):
    """The digests of a reader of the experiment before and after an edit, for both sweeps."""
    path = package / "experiments" / f"{name}.py"
    asked = package / "experiments" / f"{reader or name}.py"
    before = [fingerprint.of_module(asked, package, without) for without in ("quick", "")]
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1
    path.write_text(text.replace(old, new), encoding="utf-8")
    after = [fingerprint.of_module(asked, package, without) for without in ("quick", "")]
    return [one != other for one, other in zip(before, after, strict=True)]


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("tile_sizes", "quick=(prefill(8, 256, 64, False),)", "quick=(prefill(8, 256, 32, True),)"),
        ("softmax_error", "scale in (0.5, 4.0)),\n    full", "scale in (0.5, 8.0)),\n    full"),
        ("score_memory", "tokens in (512, 2048)),", "tokens in (512,)),"),
    ],
)
def test_another_quick_case_makes_quick_runs_stale_and_no_full_one(package, name, old, new):
    """A full run computed the same before and after."""
    assert changed(package, name, old, new) == [False, True]


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("tile_sizes", "((8, 256), (8, 1024), (2, 4096))", "((8, 256), (8, 1024), (2, 8192))"),  # a case
        ("tile_sizes", 'kernels=("cpu_simd",)', 'kernels=("cpu_*",)'),
        ("tile_sizes", "(2, 6, 12)", "(2, 6)"),  # a variant
        ("softmax_shift", "seeds=tuple(range(8))", "seeds=tuple(range(4))"),
        ("softmax_shift", '"added": added} for added in range(-120, 121, STEP)', '"added": 0} for added in range(2)'),
        ("loss_by_heads", '"steps": 800', '"steps": 400'),
        ("_text_models", "rate=3e-3", "rate=1e-3"),  # the way of training
    ],
)
def test_a_change_of_what_the_full_sweep_computes_makes_full_runs_stale(package, name, old, new):
    """Its cases, kernels, variants, seeds and code, its own or what it reaches."""
    reader = "loss_by_heads" if name.startswith("_") else name
    assert changed(package, name, old, new, reader)[0]


def test_quick_cases_of_an_experiment_that_another_reads_are_nothing_to_that_one(package):
    """`peers_backward` takes its workloads from `peers_prefill`."""
    old, new = "((1, 256, 64), (8, 256, 64), (8, 1024, 64))", "((1, 256, 64),)"
    assert changed(package, "peers_prefill", old, new, "peers_backward") == [False, True]


def test_no_experiment_reads_anothers_quick_sweep():
    """So that what is left out of a full sweep's digest is nothing that it computes with."""
    for path in (registry.ROOT / "experiments").glob("*.py"):
        assert ".quick" not in path.read_text(encoding="utf-8")


def test_a_run_whose_digest_was_made_the_earlier_way_is_as_fresh_as_it_was(monkeypatch):
    """A line of the table holds for a full run of that experiment, until what it computes changes."""
    with (registry.ROOT / "records" / "renamed_digests.csv").open(encoding="utf-8", newline="") as file:
        table = {row["experiment"]: row for row in csv.DictReader(file)}
    run = next(run for run in map(run_file.read, COMMITTED) if run.experiment == "softmax_shift")
    older = dataclasses.replace(run, digest=table["softmax_shift"]["before"])
    newer = dataclasses.replace(run, digest=table["softmax_shift"]["now"])
    monkeypatch.setattr(run_file, "experiment_digest", lambda name, sweep: table[name]["now"])

    assert run_file.is_current(older)
    assert run_file.is_current(newer)
    assert not run_file.is_current(dataclasses.replace(older, sweep="quick"))
    assert not run_file.is_current(dataclasses.replace(older, experiment="softmax_error"))
    assert not run_file.is_current(dataclasses.replace(older, digest="0" * 12))
    monkeypatch.setattr(run_file, "experiment_digest", lambda name, sweep: "1" * 12)
    assert not run_file.is_current(older)


# --- what `measure` says ---------------------------------------------------------------------------------------


def test_an_experiment_without_a_quick_sweep_is_refused_by_name_else_passed_over(tmp_path, capsys, monkeypatch):
    """With the way to measure it; a build, which names none, measures the others."""
    (tmp_path / "mkdocs.yml").write_text("site_name: test\n")
    words = ["--root", str(tmp_path), "measure"]
    assert cli.main([*words, "loss_by_heads", "kv_cache"]) == 1
    assert "loss_by_heads: has no quick sweep, since every case takes minutes; use --full" in capsys.readouterr().err
    assert not list(tmp_path.rglob("*.json"))

    measured = []
    monkeypatch.setattr(measure, "measure", lambda options, name, *_: not measured.append(name))
    assert cli.main(words) == 0
    assert set(registry.names("experiments")) - set(measured) == set(small.CASES)
    assert f"{len(small.CASES)} experiments have no quick sweep" in capsys.readouterr().out


def test_the_time_that_is_left_is_told_once_enough_have_worked():
    """What has nothing to do here ends in a moment, and says nothing of the others."""
    assert measure.left([0.0], 45) == ""
    assert measure.left([0.0, 0.0, 0.1, 0.0, 5.0, 9.0, 4.0], 45) == ""
    assert measure.left([0.0, 6.0, 4.0, 7.0, 3.0], 45) == ", about 3 min left"


def test_counts_are_no_result_of_a_machine(tmp_path, capsys):
    """A new clone has them already, whoever measures; so has a second command."""
    (tmp_path / "mkdocs.yml").write_text("site_name: test\n")
    shutil.copytree(ROOT / run_file.COMMITTED / run_file.EVERY_MACHINE,
                    tmp_path / run_file.COMMITTED / run_file.EVERY_MACHINE)  # fmt: skip
    assert cli.main(["--root", str(tmp_path), "measure", "kv_cache", "depth_or_heads", "rank_by_head_width"]) == 0
    assert "2 counts are fresh already; they are the same on every machine" in (out := capsys.readouterr().out)
    assert "this_build already" not in out
    assert cli.main(["--root", str(tmp_path), "measure", "kv_cache", "rank_by_head_width"]) == 0
    assert "1 of 2 experiments have a fresh result of this machine already" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("took", "said"), [(9.0, "9.0"), (0.40004, "0.40004"), (0.44, "0.44"), (0.52, "0.5"), (0.4 + 1e-10, "0.4000000001")]
)
def test_a_time_above_a_limit_is_told_as_one(took, said):
    """Never the limit itself, rounded."""
    assert candidates.above(took, 0.4) == said
