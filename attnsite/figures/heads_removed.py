"""Removing half of the heads, smallest gradients first, raises the loss by {gradient_half} (median)

Held-out loss as more and more heads are removed, in four orders, without further training. See how far each line stays
near the dotted loss of the whole model.

A removed head outputs zero. A head's gradient is that of the loss with respect to a gate on the head, estimated once on
the whole model. "Normalised" divides it by the L2 norm of its layer's gradients, which hides how much more one layer
matters than another. The lines are medians over {seeds} models that were trained from different seeds, for the random
order over all draws of all models; the bands hold the interquartile range. The percentage is the median of each model's
own rise, which the medians of the losses need not give. With no heads left only the embeddings and the MLPs remain.

A chart of four rising lines over the share of heads removed, with the whole model's loss of {whole} as a horizontal
line. With half of {heads} heads removed the loss is {loss_gradient_half} with the smallest gradients first,
{loss_in_layers_half} with gradients divided by their layer's norm, {loss_random_half} at random and {loss_largest_half}
with the largest gradients first.
"""

import math
import statistics
from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from attnsite.figures.toolkit import axes, last_losses, measured_rows, style
from attnsite.models import baselines
from attnsite.records.quantity import Quantity
from attnsite.records.run_file import Row, Run

EXPERIMENT = "heads_removed"
TITLE_COLUMNS = ("loss, smallest gradient first", "loss, smallest normalised gradient first")
NATS = "nats"
LENGTH, _HELD_OUT = 128, 3  # of the study's sequences, and what the generator of the held-out ones was made from
ORDERS = {
    "by_gradient": ("smallest gradient first", style.Look(style.OURS)),
    "by_gradient_in_layers": ("smallest normalised gradient first", style.Look(style.OTHER_2, "dot", "diamond")),
    "at_random": ("at random", style.Look(style.OTHER, "dash", "square")),
    "largest_gradient_first": ("largest gradient first", style.Look(style.OURS_2, "dot", "diamond")),
}
LABELS = {order: label for order, (label, _) in ORDERS.items()} | {
    "by_removal": "smallest single-head loss increase first"
}
CALLED = {  # in the names of values
    "by_gradient": "gradient",
    "by_gradient_in_layers": "in_layers",
    "by_removal": "removal",
    "at_random": "random",
    "largest_gradient_first": "largest",
}
SMALL = 0.01  # of the loss: a head that costs less alone is not missed
SHARES = {"quarter": 0.25, "half": 0.5, "three_quarters": 0.75, "all": 1.0}


def models(run: Run) -> list[Row]:
    """The models that were trained to the end, one a seed. Raises `LookupError` where there is none."""
    return last_losses.trained(run.where(), "a model without some of its heads")


def curves(row: Row, order: str) -> list[Sequence[float]]:
    """The losses of one model in an order: one curve, or one for each draw."""
    found = row.values[order]
    return found if order == "at_random" else [found]


def shares(row: Row) -> list[float]:
    return [count / row.values["removed"][-1] for count in row.values["removed"]]


def at(row: Row, order: str, share: float) -> list[float]:
    """The losses of one model with that share of its heads removed."""
    place = min(range(len(shares(row))), key=lambda place: abs(shares(row)[place] - share))
    return [curve[place] for curve in curves(row, order)]


def alone(row: Row) -> list[float]:
    """By how much the loss of one model rises without each head alone."""
    return [rise for layer in row.values["rises"] for rise in layer]


def values(run: Run) -> dict[str, Quantity]:
    found_in = models(run)
    heads = found_in[0].values["removed"][-1]
    found = {
        "seeds": Quantity(len(found_in), "count"),
        "heads": Quantity(heads, "count"),
        "layers": Quantity(len(found_in[0].values["rises"]), "count"),
        "whole": measured_rows.quartiles([row.values["whole"] for row in found_in], NATS),
    }
    for name, share in SHARES.items():
        for order, label in CALLED.items():
            losses = [(loss, row.values["whole"]) for row in found_in for loss in at(row, order, share)]
            found[f"loss_{label}_{name}"] = measured_rows.quartiles([loss for loss, _ in losses], NATS)
            rises = [loss / whole - 1 for loss, whole in losses]
            found[f"{label}_{name}"] = measured_rows.quartiles(rises, "%")
            found[f"{label}_{name}_least"] = Quantity(min(rises), "%")
            found[f"{label}_{name}_most"] = Quantity(max(rises), "%")
    held_out = baselines.held_out(LENGTH, found_in[0].case["sequences"], _HELD_OUT)
    for name, loss in (("frequencies", baselines.frequencies(held_out)), ("pairs", baselines.pairs(held_out))):
        found[name] = Quantity(loss, NATS)
        found[f"{name}_rise"] = measured_rows.quartiles([loss / row.values["whole"] - 1 for row in found_in], "%")
    each = [[rise / row.values["whole"] for rise in alone(row)] for row in found_in]
    found["alone_median"] = measured_rows.quartiles([statistics.median(rises) for rises in each], "%")
    found["alone_most"] = measured_rows.quartiles([max(rises) for rises in each], "%")
    found["alone_most_least"] = Quantity(min(max(rises) for rises in each), "%")
    found["alone_most_most"] = Quantity(max(max(rises) for rises in each), "%")
    found["heads_of_all"] = Quantity(sum(map(len, each)), "count")
    found["alone_under_1"] = Quantity(sum(rise < SMALL for rises in each for rise in rises), "count")
    later = [[rise / row.values["whole"] for layer in row.values["rises"][1:] for rise in layer] for row in found_in]
    found["one_layer_models"] = Quantity(sum(max(rises) < SMALL for rises in later), "count")
    found["steps"] = Quantity(found_in[0].case["steps"], "count")
    return found | _by_layer(found_in)


def _by_layer(rows: list[Row]) -> dict[str, Quantity]:
    """What each layer's heads cost, alone and together, and how their gradients compare; layers count from 1."""
    found: dict[str, Quantity] = {}
    for layer in range(len(rows[0].values["rises"])):
        each = [rise / row.values["whole"] for row in rows for rise in row.values["rises"][layer]]
        found[f"layer_{layer + 1}_alone_least"] = Quantity(min(each), "%")
        found[f"layer_{layer + 1}_alone_most"] = Quantity(max(each), "%")
        found[f"layer_{layer + 1}_under_1"] = Quantity(sum(rise < SMALL for rise in each), "count")
        found[f"layer_{layer + 1}_of"] = Quantity(len(each), "count")
        for name in ("without_layer", "with_one_layer"):
            rises = [row.values[name][layer] / row.values["whole"] - 1 for row in rows]
            found[f"{name}_{layer + 1}"] = measured_rows.quartiles(rises, "%")
            found[f"{name}_{layer + 1}_least"] = Quantity(min(rises), "%")
            found[f"{name}_{layer + 1}_most"] = Quantity(max(rises), "%")
    size = len(rows[0].values["gradients"][0])
    first = [statistics.fmean(row.values["gradients"][0]) for row in rows]
    later = [statistics.fmean(g for layer in row.values["gradients"][1:] for g in layer) for row in rows]
    found["first_gradient_ratio"] = measured_rows.quartiles([a / b for a, b in zip(first, later, strict=True)], "×")
    taken = [_from_first(row, round(SHARES["quarter"] * size * len(row.values["gradients"]))) for row in rows]
    found["in_layers_quarter_first_least"] = Quantity(min(taken), "count")
    found["in_layers_quarter_first_most"] = Quantity(max(taken), "count")
    return found


def _from_first(row: Row, count: int) -> int:
    """How many of that many heads are of the first layer, in the order of gradients divided by their layer's norm."""
    scaled = [
        (gradient / math.hypot(*layer), at) for at, layer in enumerate(row.values["gradients"]) for gradient in layer
    ]
    return sum(at == 0 for _, at in sorted(scaled, key=lambda one: one[0])[:count])


def tabulate(runs: list[Run]) -> list[dict[str, Any]]:
    return [
        {"machine": run.machine, "heads removed": models(run)[0].values["removed"][place],
         "share of all heads": Quantity(share, "%")}
        | {f"loss, {label}": measured_rows.quartiles([loss for row in models(run) for loss in at(row, order, share)],
                                                       NATS)
           for order, label in LABELS.items()}
        for run in runs
        for place, share in enumerate(shares(models(run)[0]))
    ]  # fmt: skip


def draw(runs: list[Run]) -> go.Figure:
    run, rows = runs[0], models(runs[0])
    xs = shares(rows[0])
    whole = values(run)["whole"]
    lines = {order: [measured_rows.quartiles([loss for row in rows for loss in at(row, order, x)], NATS) for x in xs]
             for order in ORDERS}  # fmt: skip
    shown = [q.high or q.value for line in lines.values() for q in line]
    on = style.chart(
        axes.linear_axis("share of the heads removed", [0, 1], "%", most=5, pad=0.01),
        axes.linear_axis("loss on held-out text (nats/byte)", [whole.value * 0.97, *shown], NATS, zero=False, most=6),
    )
    style.reference(on, [0, 1], [whole.value] * 2, "the whole model", at=0.8, above=False)
    for order, (label, look) in ORDERS.items():
        line = lines[order]
        style.line(on, xs, [q.value for q in line], look, label, label_end=False,
                    low=[q.low or q.value for q in line], high=[q.high or q.value for q in line],
                    hover=[f"{label}, {Quantity(x, '%')} removed<br>loss {q}, IQR {q.spread()}"
                           for x, q in zip(xs, line, strict=True)])  # fmt: skip
    _labels(on, xs, lines)
    return style.finish(on, run)


def _labels(on: style.Chart, xs: Sequence[float], lines: dict[str, list[Quantity]]) -> None:
    """Names where the lines lie apart: above the upper two on their way, below the lowest."""
    places = {"largest_gradient_first": (0.38, True, "right", (0, 9)), "at_random": (0.69, True, "right", (0, 10)),
              "by_gradient_in_layers": (0.69, False, "left", (6, -6)),
              "by_gradient": (0.75, False, "left", (6, -8))}  # fmt: skip
    for order, (share, above, anchor, shift) in places.items():
        place = min(range(len(xs)), key=lambda place: abs(xs[place] - share))
        label, look = ORDERS[order]
        style.note(on, xs[place], lines[order][place].value, label, look.colour, above=above, anchor=anchor,
                    shift=shift)  # fmt: skip
