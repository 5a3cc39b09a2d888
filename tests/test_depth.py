"""Deep and shallow, one head and many: the shapes are equal where they say so, and failing is a result."""

import dataclasses
import itertools
import json
import math

import numpy as np
import pytest

from attnsite.experiments import depth_with_one_head, rank_collapse
from attnsite.figures.toolkit import axes, depth_study
from attnsite.models import baselines
from attnsite.models.corpus import HELD_OUT, text
from attnsite.models.heads import collapse
from attnsite.records.quantity import power_of_ten
from attnsite.records.run_file import Provenance, Row, Run
from tests import small

QUICK = small.CASES["depth_with_one_head"]
FULL = depth_with_one_head.experiment.full
NEVER_THE_SAME = {"seconds"}


def of(cases, **wanted):
    return [case for case in cases if all(case[name] == value for name, value in wanted.items())]


def test_a_run_that_is_late_is_not_one_that_is_stuck():
    """Above the loss of byte frequencies it has not come down; near it it has learned nothing; below it, something."""
    for loss, kind in ((3.45, "late"), (3.36, "stuck"), (3.30, "stuck"), (3.20, "learned"), (math.inf, "stuck")):
        row = Row(case={"held_out": 64}, seed=0, values={"validation": loss})
        kinds = {
            "late": depth_study.late(row),
            "stuck": depth_study.stuck(row),
            "learned": not depth_study.nothing(row),
        }
        assert [name for name, is_so in kinds.items() if is_so] == [kind], loss


def test_frequencies_are_asked_of_the_bytes_that_models_are_validated_on():
    """64 sequences are few: over the whole held-out tenth the frequencies give another loss."""
    batches = baselines.validated(64, 8, 64)
    whole = baselines.frequencies([(np.zeros(0), np.frombuffer(text(), np.uint8)[int(len(text()) * (1 - HELD_OUT)) :])])

    assert [tokens.shape for tokens, _ in batches] == [(8, 64)] * 8
    assert baselines.frequencies(batches) == pytest.approx(whole, abs=0.1)
    assert abs(baselines.frequencies(batches) - whole) > 0.02
    assert baselines.pairs(batches) < baselines.frequencies(batches) - 0.5


@pytest.mark.parametrize("cases", [QUICK, FULL], ids=["quick", "full"])
def test_all_shapes_but_the_larger_one_have_equal_weights(cases):
    """To the number, whatever depth and heads; with gains and biases they differ by those of the norms alone."""
    configs = [depth_with_one_head.config_of(case) for case in cases]
    least = min(map(depth_with_one_head.weights, configs))
    larger = {(c.layers, c.heads, c.head_width) for c in configs if depth_with_one_head.weights(c) != least}

    assert len(larger) == 1
    assert len({(c.layers, c.heads, c.head_width) for c in configs} - larger) >= 4
    for config in configs:
        gains = 2 * config.width * len(config.norms)
        assert config.count() == depth_with_one_head.weights(config) + gains


@pytest.mark.parametrize("cases", [QUICK, FULL], ids=["quick", "full"])
def test_a_control_changes_the_heads_alone(cases):
    """At one depth the models of equal weights differ in how their heads are cut, and in no size of a matrix."""
    by_depth = {}
    for case in cases:
        config = depth_with_one_head.config_of(case)
        by_depth.setdefault(config.layers, {})[config.heads, config.head_width] = (
            config.shapes().keys(),
            {shape for name, shape in config.shapes().items() if name.startswith("layer0")},
        )
    shallow = by_depth[min(by_depth)]

    assert len({heads for heads, _ in shallow}) == 2
    assert all(one == other for one, other in itertools.pairwise(shallow.values()))


def test_the_divided_shapes_have_as_many_heads_in_all():
    """Layers times heads is one number, and so is layers times the MLP, for the shapes that share a head width."""
    least = min(depth_with_one_head.weights(depth_with_one_head.config_of(case)) for case in FULL)
    divided = [case for case in of(FULL, head_width=16)
               if depth_with_one_head.weights(depth_with_one_head.config_of(case)) == least]  # fmt: skip

    assert {case["layers"] * case["heads"] for case in divided} == {12}
    assert {case["layers"] * case["mlp"] for case in divided} == {12}
    assert {case["layers"] for case in divided} == {3, 6, 12}


def test_a_run_observes_every_layer_and_is_the_same_each_time():
    """One norm a layer at both times, one residual more than layers, all JSON, nothing left to chance."""
    case = of(QUICK, layers=4, heads=1, norm="post")[0]
    seen = depth_with_one_head.observe(case, 0)

    assert len(seen["first_norms"]) == len(seen["late_norms"]) == case["layers"]
    assert len(seen["residual"]) == case["layers"] + 1
    assert all(0 <= value <= 1 + 1e-6 for value in seen["residual"])
    assert json.loads(json.dumps(seen)) == seen == depth_with_one_head.observe(case, 0)
    assert depth_with_one_head.observe(case, 1)["validation"] != seen["validation"]


def test_with_a_clock_only_the_time_is_added():
    """A step takes what the clock says, and no other number depends on there being one."""
    ticks = itertools.count()
    case = of(QUICK, layers=1, heads=1, norm="pre")[0]

    clocked, plain = depth_with_one_head.observe(case, 0, lambda: next(ticks)), depth_with_one_head.observe(case, 0)

    assert clocked["seconds"] == 1
    assert plain["seconds"] is None
    assert {k: v for k, v in clocked.items() if k not in NEVER_THE_SAME} == {
        k: v for k, v in plain.items() if k not in NEVER_THE_SAME
    }


def test_a_run_that_diverges_is_a_row():
    """A rate that no model survives ends in a row that says when, with an infinite loss and no exception."""
    case = of(QUICK, layers=4, heads=4, norm="pre")[0] | {"rate": 1e4, "steps": 12}
    seen = depth_with_one_head.observe(case, 0)

    assert 0 < seen["diverged_at"] < 12
    assert math.isinf(seen["validation"])
    assert depth_study.nothing(Row(case=case, seed=0, values=seen))


def test_knowing_the_frequencies_alone_costs_what_counting_says():
    """The loss without context is the cross-entropy of held-out bytes under the training text's frequencies."""
    border = int(len(text()) * (1 - HELD_OUT))
    learned, asked = text()[:border], text()[border:]
    loss = -sum(asked.count(byte) * math.log((learned.count(byte) + 1) / (border + 256)) for byte in range(256))

    assert depth_with_one_head.without_context() == pytest.approx(loss / len(asked), rel=1e-3)


def test_tokens_that_are_alike_have_collapsed():
    """Zero for one state repeated, one for states whose mean is nothing, between them for others; scale is nothing."""
    one = np.tile(np.arange(1.0, 9.0), (2, 5, 1))
    opposite = np.concatenate([one, -one], axis=1)
    mixed = np.random.default_rng(0).standard_normal((2, 5, 8)) + 1

    assert collapse(one) == pytest.approx(np.zeros(2), abs=1e-15)
    assert collapse(opposite) == pytest.approx(np.ones(2))
    assert np.all((collapse(mixed) > 0.1) & (collapse(mixed) < 1))
    assert collapse(1e-9 * mixed) == pytest.approx(collapse(mixed))


def test_equal_tokens_stay_equal_through_every_stack(monkeypatch):
    """Without positions one token again and again has nothing to lose: its residual is zero throughout."""
    monkeypatch.setattr(rank_collapse.Text, "sample", lambda self, rng, size: (np.full((size, self.length), 101), None))
    for parts in rank_collapse.PARTS:
        case = {"parts": parts, "width": 16, "heads": 4, "causal": True, "layers": 3}
        assert max(rank_collapse.observe(case, 0)["residual"]) < 1e-14, parts


def test_attention_alone_brings_tokens_together_and_a_residual_keeps_them_apart():
    """Layer by layer, faster each time; with the residual a tenth at most is lost."""
    case = {"width": 32, "heads": 4, "causal": False, "layers": 3}
    alone, kept = (
        rank_collapse.observe(case | {"parts": parts}, 0)["residual"] for parts in ("attention", "attention_residual")
    )
    steps = [math.log(after / before) for before, after in itertools.pairwise(alone)]

    assert all(later < earlier < 0 for earlier, later in itertools.pairwise(steps))
    assert min(kept) > 0.8 * kept[0]


def quick_run(**changed):
    rows = [
        Row(case=case, seed=seed, values=depth_with_one_head.observe(case, seed) | changed)
        for case in QUICK for seed in (0, 1)
    ]  # fmt: skip
    about = Provenance({"cpu": "a processor", "threads": 2}, {"commit": "abc1234"}, "2026-01-02T03:04:05Z", 1.0, {})
    return Run("depth_with_one_head", "study", "a_machine", "quick", "d", (), about, tuple(rows))


def test_shapes_have_roles_and_different_names():
    """Each shape of a sweep has one part in the comparison, whatever its sizes."""
    named = depth_study.shapes(quick_run())

    assert set(named) == set(depth_study.LOOKS) - {"between"}
    assert len({shape.label for shape in named.values()}) == len(named)
    assert named["deep_one_head"].layers == named["deep_narrow"].layers > named["shallow"].layers


def test_where_every_run_diverged_the_map_says_so_and_nothing_fails():
    """A dash and a cross in each cell, no loss in the table."""
    from attnsite.figures import stability_map

    run = quick_run(validation=math.inf, diverged_at=3)

    with pytest.raises(LookupError, match="not measured"):
        depth_study.best(run, depth_study.shapes(run)["shallow"], "pre")
    assert {line["validation loss"] for line in stability_map.tabulate([run])} == {None}
    assert stability_map.values(run)["deep_one_head_post_failed"].value == 1


def test_steps_are_compared_run_by_run():
    """At one rate and seed, so that a machine that slows down meanwhile does it to both; without a clock not at all."""
    case = {"rate": 1e-3}
    mine = [Row(case=case, seed=seed, values={"seconds": s}) for seed, s in enumerate((2.0, 20.0, 200.0))]
    theirs = [Row(case=case, seed=seed, values={"seconds": s}) for seed, s in enumerate((1.0, 10.0, 100.0))]
    idle = [Row(case=case, seed=0, values={"seconds": None})]

    assert depth_study.step(mine).value == 20
    assert depth_study.steps_over(mine, theirs[1:]).value == 2
    assert (depth_study.steps_over(mine, theirs).low, depth_study.steps_over(mine, theirs).high) == (2, 2)
    assert depth_study.step(idle) is depth_study.steps_over(idle, theirs) is depth_study.steps_over(mine, idle) is None
    assert depth_study.steps_over([], theirs) is None


def test_the_table_says_what_a_step_takes():
    """Of the sweep's own clock where there was one, and a dash where there was none."""
    from attnsite.figures import depth_with_one_head as figure

    timed = quick_run(seconds=0.25)

    assert {str(line["time per step"]) for line in figure.tabulate([timed])} == {"250\u202fms"}
    assert figure.values(timed)["deep_one_head_pre_step_ratio"].value == 1
    assert {line["time per step"] for line in figure.tabulate([quick_run()])} == {None}
    assert not [name for name in figure.values(quick_run()) if "step_" in name or name.endswith("_step")]


def test_tiny_numbers_are_written_as_powers():
    """With a sign above the line and two digits; ordinary numbers as they are."""
    assert [power_of_ten(n) for n in (-12, -1, 0, 1, 2)] == ["10⁻¹²", "10⁻¹", "1", "10", "10²"]
    assert axes.small(1.26e-6) == "1.3\u00a0×\u00a010⁻⁶"
    assert axes.small(0.0264) == "0.026"
    assert dataclasses.asdict(axes.power_axis("a (ratio)", [1e-9, 1.0]))["log"]
