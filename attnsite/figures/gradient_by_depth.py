"""Stuck deep runs: the gradient falls by {deep_one_head_post_late_fall} on its way back

Gradient norm per layer at the first step and over the last tenth of the steps, at the highest learning rate. Read to
the right, as the gradient flows.

A line is the median over the seeds, a band the interquartile range. Models of {layers} layers have equal parameters
whether they have one head or several narrow ones. The first step's gradient is that at initialisation, before any
update.

A chart of lines on a logarithmic axis. Over the layers of the deepest model with one head and post-norm, the gradient
changes by {deep_one_head_post_first_fall} at the first step and falls by {deep_one_head_post_late_fall} late in
training, with several narrow heads by {deep_narrow_post_late_fall}; with pre-norm and one head it changes by
{deep_one_head_pre_late_fall}.
"""

import math
from typing import Any

import plotly.graph_objects as go

from attnsite.figures.toolkit import axes, depth_study, measured_rows, style
from attnsite.figures.toolkit.depth_study import EXPERIMENT as EXPERIMENT
from attnsite.records.quantity import Quantity
from attnsite.records.run_file import Run

TITLE_COLUMNS = ("gradient norm",)

WHEN = {"first": "first step", "late": "late"}
LEAST = 1e-38  # what is smaller is nothing in float32
DRAWN = (  # role, norm, when, look
    ("deep_one_head", "pre", "late", style.Look(style.OURS_2)),
    ("deep_one_head", "post", "first", style.Look(style.OTHER_2, "dot")),
    ("deep_narrow", "post", "late", style.Look(style.OURS, "dash")),
    ("deep_one_head", "post", "late", style.Look(style.OTHER)),
)


def by_layer(run: Run, role: str, norm: str, when: str) -> list[Quantity]:
    """The norm of each layer's gradient at the highest rate, the median over the seeds that did not diverge."""
    rows = depth_study.shapes(run)[role].rows(run, norm=norm, rate=depth_study.rates(run)["high"])
    seen = [row.values[f"{when}_norms"] for row in rows if row.values["diverged_at"] is None]
    return [measured_rows.quartiles([max(LEAST, norm) for norm in layer], "1") for layer in zip(*seen, strict=True)]


def fall(layers: list[Quantity]) -> Quantity:
    """By how many orders of magnitude the first layer's is smaller than the last's."""
    return Quantity(math.log10(layers[-1].value / layers[0].value), "orders of magnitude", digits=3)


def values(run: Run) -> dict[str, Quantity]:
    found = {"layers": Quantity(depth_study.shapes(run)["deep_one_head"].layers, "count"),
             "rate": Quantity(depth_study.rates(run)["high"], digits=1)}  # fmt: skip
    for role in depth_study.shapes(run):
        for norm in depth_study.NORMS:
            for when in WHEN:
                if layers := by_layer(run, role, norm, when):
                    found[f"{role}_{norm}_{when}_fall"] = fall(layers)
                    found[f"{role}_{norm}_{when}_growth"] = Quantity(layers[0].value / layers[-1].value, "×", digits=2)
    return found


def tabulate(runs: list[Run]) -> list[dict[str, Any]]:
    return [
        {"machine": run.machine, "layers × heads": shape.label, "norm": depth_study.NORMS[norm], "when": words}
        | {"layer": number, "gradient norm": Quantity(layer.value, "small"),
           "lower quartile": Quantity(layer.low or layer.value, "small"),
           "upper quartile": Quantity(layer.high or layer.value, "small")}
        for run in runs
        for role, shape in depth_study.shapes(run).items()
        for norm in depth_study.NORMS
        for when, words in WHEN.items()
        for number, layer in enumerate(by_layer(run, role, norm, when), 1)
    ]  # fmt: skip


def draw(runs: list[Run]) -> go.Figure:
    run = runs[0]
    named = depth_study.shapes(run)
    lines = [(role, norm, when, look, by_layer(run, role, norm, when)) for role, norm, when, look in DRAWN]
    depth = named["deep_one_head"].layers
    back = tuple(range(1, depth + 1))
    x = axes.Axis("layers back from the output", 0.8, depth + 0.2, back, tuple(map(str, back)))
    shown = [layer.value for *_, layers in lines for layer in layers]
    on = style.chart(x, axes.power_axis("norm of the layer's gradient (nats)", shown))
    for role, norm, when, look, layers in lines:
        label = f"{named[role].label} {depth_study.NORMS[norm].removesuffix('-norm')}, {WHEN[when]}"
        way = layers[::-1]
        style.line(on, list(back[: len(way)]), [q.value for q in way], look, label,
                    low=[q.low or q.value for q in way], high=[q.high or q.value for q in way],
                    hover=[f"{label}, layer {depth - n}: {axes.small(q.value)}"
                           for n, q in enumerate(way)])  # fmt: skip
    return style.finish(on, run)
