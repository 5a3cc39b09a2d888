"""With post-norm, the deeper a model, the later it leaves the unigram baseline

Validation loss during training at the lowest learning rate tried, {rate}, for models of equal parameters. Dotted lines
are post-norm: they stay flat for longer, the deeper the model.

A line is the median over the seeds, a band the interquartile range; runs that diverged are in neither. Solid lines have
pre-norm, dotted ones post-norm. All models have the same number of heads in all, divided among more or fewer layers,
and the same number of parameters in their matrices. The unigram baseline is the loss of a model that knows how frequent
each byte is and nothing else. All lines start above the chart.

A chart of lines. After {steps} steps the deepest model with post-norm is at {deep_one_head_post_last}, with pre-norm at
{deep_one_head_pre_last}, the shallow one at {shallow_post_last} and {shallow_pre_last}; without any context the loss is
{without_context}.
"""

from typing import Any

import plotly.graph_objects as go

from attnsite.figures.toolkit import axes, depth_study, measured_rows, style
from attnsite.figures.toolkit.depth_study import EXPERIMENT as EXPERIMENT
from attnsite.records.quantity import Quantity
from attnsite.records.run_file import Run

TITLE_COLUMNS = ("validation loss",)

ROLES = ("shallow", "between", "deep_one_head")
DASHES = {"pre": "solid", "post": "dot"}
Curve = dict[int, Quantity]


def curves(run: Run) -> dict[tuple[str, str], Curve]:
    """By role and norm: the loss after each number of steps, the median over the seeds with the interquartile range."""
    rate, found = depth_study.rates(run)["low"], {}
    for role, shape in depth_study.shapes(run).items():
        if role not in ROLES:
            continue
        for norm in depth_study.NORMS:
            seen: dict[int, list[float]] = {}
            for row in shape.rows(run, norm=norm, rate=rate):
                if row.values["diverged_at"] is None:
                    for step, loss in row.values["curve"]:
                        seen.setdefault(step, []).append(loss)
            if seen:
                found[role, norm] = {
                    step: measured_rows.quartiles(losses, depth_study.NATS) for step, losses in seen.items()
                }
    return found


def values(run: Run) -> dict[str, Quantity]:
    found = {"rate": Quantity(depth_study.rates(run)["low"], digits=1),
             "without_context": Quantity(depth_study.without_context(run), depth_study.NATS),
             "steps": Quantity(run.where()[0].case["steps"], "count")}  # fmt: skip
    for (role, norm), curve in curves(run).items():
        found[f"{role}_{norm}_last"] = curve[max(curve)]
        learned = [
            step for step, loss in curve.items() if loss.value < depth_study.without_context(run) - depth_study.MARGIN
        ]
        if learned:
            found[f"{role}_{norm}_learned_at"] = Quantity(min(learned), "count")
    return found


def tabulate(runs: list[Run]) -> list[dict[str, Any]]:
    return [
        {"machine": run.machine, "layers × heads": depth_study.shapes(run)[role].label, "norm": depth_study.NORMS[norm],
         "steps": step, "validation loss": loss}
        for run in runs
        for (role, norm), curve in curves(run).items()
        for step, loss in curve.items()
    ]  # fmt: skip


def draw(runs: list[Run]) -> go.Figure:
    run = runs[0]
    found, named = curves(run), depth_study.shapes(run)
    last = run.where()[0].case["steps"]
    shown = [loss.value for curve in found.values() for loss in list(curve.values())[1:]]  # all start alike, far above
    ceiling = depth_study.without_context(run)
    on = style.chart(
        axes.linear_axis("training steps", [0, last], "count", pad=0.0),
        axes.linear_axis("validation loss (nats per byte)", [*shown, ceiling], depth_study.NATS, zero=False),
    )
    words = "unigram baseline"
    style.reference(on, [0, last], [ceiling] * 2, words)
    above = ceiling < min(shown)  # where no curve is
    style.note(on, 0, ceiling, "unigram", style.MUTE, above=above, anchor="left", shift=(4, 4 if above else -4))
    for (role, norm), curve in found.items():
        label = f"{named[role].label} {depth_study.NORMS[norm].removesuffix('-norm')}"
        look = style.Look(depth_study.LOOKS[role].colour, DASHES[norm])
        style.line(on, list(curve), [q.value for q in curve.values()], look, label, markers=False,
                    low=[q.low if q.low is not None else q.value for q in curve.values()],
                    high=[q.high if q.high is not None else q.value for q in curve.values()],
                    hover=[f"{label}, {step} steps: {q}" for step, q in curve.items()])  # fmt: skip
    return style.finish(on, run)
