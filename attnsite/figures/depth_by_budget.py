"""Pre-norm, {brief} warm-up steps: deep trails by {gap_pre_short_brief} at {short}, {gap_pre_long_brief} at {long}

Loss of twelve layers of one head above that of three layers of four, at equal parameters, after two budgets. Above zero
the deep model is behind.

The title describes the thickest line. Labels give the norm and the warm-up steps. Each model is taken at the rate of
those tried at which its median loss is least, after a warm-up of {brief} or {slow} steps, pre-norm or post-norm. A line
is the difference of the medians over {seeds} seeds, a band the 95% interval of the difference of the means. The rate
decays to zero over the steps of each run, so the {long}-step runs are separate runs, not continuations of the
{short}-step ones. The axis of steps is logarithmic.

A chart of lines over two budgets. With pre-norm and the shorter warm-up the difference is {gap_pre_short_brief} after
{short} steps and {gap_pre_long_brief} after {long}; with post-norm {gap_post_short_brief} and {gap_post_long_brief}.
With the longer warm-up and post-norm it is {gap_post_short_slow} and {gap_post_long_slow}.
"""

from collections.abc import Iterator
from typing import Any

import plotly.graph_objects as go

from attnsite.figures.toolkit import axes, depth_study, last_losses, style
from attnsite.records.quantity import Quantity
from attnsite.records.run_file import Row, Run

EXPERIMENT = "depth_by_budget"
TITLE_COLUMNS = ("over the first shape",)
GAPS = {  # of which two shapes
    "gap": ("deep_one_head", "shallow"),
    "wide_gap": ("shallow_one_head", "shallow"),
    "depth_gap": ("deep_one_head", "shallow_one_head"),
}
TITLED = ("pre", "brief")  # what the title is about
LOOKS = {("pre", "slow"): style.Look(style.OURS), ("pre", "brief"): style.Look(style.OURS, "dot"),
         ("post", "slow"): style.Look(style.OTHER), ("post", "brief"): style.Look(style.OTHER, "dot")}  # fmt: skip


def _ends(run: Run, name: str, low: str, high: str) -> dict[str, int]:
    """The least and the greatest of a case's numbers by name. Raises LookupError where there is one only."""
    seen = sorted({row.case[name] for row in run.where()})
    if len(seen) < 2:
        raise LookupError(f"not measured yet on this machine: models with two numbers of {name}")
    return {low: seen[0], high: seen[-1]}


def budgets(run: Run) -> dict[str, int]:
    return _ends(run, "steps", "short", "long")


def warmups(run: Run) -> dict[str, int]:
    return _ends(run, "warmup", "brief", "slow")


def cells(run: Run) -> Iterator[tuple[str, str, str, dict[str, Any]]]:
    """Every norm, budget and warm-up by name, with what its cases say."""
    for norm in depth_study.NORMS:
        for budget, steps in budgets(run).items():
            for warmup, count in warmups(run).items():
                yield norm, budget, warmup, {"norm": norm, "steps": steps, "warmup": count}


def best(run: Run, shape: depth_study.Shape, **case: Any) -> tuple[float, list[Row], bool]:
    """The rate with the least median loss, the runs at it that did not diverge, and whether rates on both sides of it
    were tried. Raises LookupError where no run came to its end."""
    rates = sorted({row.case["rate"] for row in shape.rows(run, **case)})
    found = {rate: loss for rate in rates if (loss := depth_study.loss(shape.rows(run, rate=rate, **case))) is not None}
    if not found:
        raise LookupError("not measured yet on this machine: a run that did not diverge")
    rate = min(found, key=lambda rate: found[rate].value)
    rows = last_losses.trained(shape.rows(run, rate=rate, **case))
    return rate, rows, rates[0] < rate < rates[-1]


def values(run: Run) -> dict[str, Quantity]:
    shapes, found = depth_study.shapes(run), dict[str, Quantity]()
    counts = budgets(run) | warmups(run) | {"seeds": len({row.seed for row in run.where()}), "runs": len(run.where())}
    inside = models = 0
    for norm, budget, warmup, case in cells(run):
        at_best = {role: best(run, shape, **case) for role, shape in shapes.items()}
        for role, (rate, rows, within) in at_best.items():
            found[f"{role}_{norm}_{budget}_{warmup}"] = last_losses.last(rows)
            found[f"{role}_{norm}_{budget}_{warmup}_rate"] = Quantity(rate, digits=1)
            inside, models = inside + within, models + 1
        for name, (one, other) in GAPS.items():
            whole = f"{name}_{norm}_{budget}_{warmup}"
            found |= last_losses.with_interval(whole, at_best[one][1], at_best[other][1])
    case = {"norm": "post", "steps": counts["long"], "warmup": counts["brief"]}
    rate = best(run, shapes["deep_one_head"], **case)[0]
    level = [loss.value for shape in shapes.values() if (loss := depth_study.loss(shape.rows(run, rate=rate, **case)))]
    found["post_long_brief_same_rate"] = Quantity(max(level) - min(level), depth_study.NATS, digits=2)
    found |= depth_study.alike(run)
    return found | {name: Quantity(n, "count") for name, n in (counts | {"inside": inside, "models": models}).items()}


def tabulate(runs: list[Run]) -> list[dict[str, Any]]:
    lines = []
    for run in runs:
        shapes = depth_study.shapes(run)
        for norm, _, _, case in cells(run):
            first = best(run, shapes["shallow"], **case)[1]
            for role, shape in shapes.items():
                rate, rows, inside = best(run, shape, **case)
                every = shape.rows(run, **case)
                lines.append({
                    "machine": run.machine, "layers × heads": shape.label, "norm": depth_study.NORMS[norm],
                    "steps": case["steps"], "warm-up": case["warmup"], "loss per byte": last_losses.last(rows),
                    "over the first shape": None if role == "shallow" else last_losses.gap(rows, first),
                    "best rate": rate, "rates tried on both sides": "yes" if inside else "no",
                    depth_study.FAILED: sum(map(depth_study.stuck, every)), "runs": len(every),
                })  # fmt: skip
    return lines


def draw(runs: list[Run]) -> go.Figure:
    run = runs[0]
    found, steps, counts = values(run), budgets(run), warmups(run)
    lines = {key: [found[f"gap_{key[0]}_{budget}_{key[1]}"] for budget in steps] for key in LOOKS}
    ends = {key: [(found.get(f"gap_{key[0]}_{budget}_{key[1]}_low", gap),
                   found.get(f"gap_{key[0]}_{budget}_{key[1]}_high", gap))
                  for budget, gap in zip(steps, gaps, strict=True)] for key, gaps in lines.items()}  # fmt: skip
    shown = [end.value for pairs in ends.values() for pair in pairs for end in pair]
    x = axes.cases_axis("training steps", steps.values(), "count", pad=1.3)
    on = style.chart(
        x,
        axes.linear_axis(
            "loss above the 3-layer, 4-head model (nats per byte)", [*shown, 0.0], depth_study.NATS, zero=False
        ),
    )
    style.reference(on, [x.low, x.high], [0.0, 0.0], "equal", dash="solid")
    for (norm, warmup), gaps in lines.items():
        label = f"{depth_study.NORMS[norm]}, warm-up {counts[warmup]}"
        pairs = ends[norm, warmup]
        style.line(on, list(steps.values()), [gap.value for gap in gaps], LOOKS[norm, warmup], label,
                    low=[low.value for low, _ in pairs], high=[high.value for _, high in pairs],
                    width=4 if (norm, warmup) == TITLED else 2,
                    hover=[f"{label}, {count} steps: {gap}, 95 % {low} to {high}"
                           for count, gap, (low, high) in zip(steps.values(), gaps, pairs, strict=True)])  # fmt: skip
    return style.finish(on, run)
