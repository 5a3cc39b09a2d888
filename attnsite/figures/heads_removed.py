"""Without the least important quarter of heads the loss is {rise_quarter} higher, without a random one {random_quarter}

The loss of a trained model on held-out text as ever more of its heads are removed, in three orders. Nothing is trained
again. Compare how far each line can be followed before it leaves the loss of the whole model, which is dotted.

A removed head puts out zero. Importance is estimated once, on the whole model, from the gradients of the loss by each
head's gate. The lines are medians over {seeds} models that were trained from different seeds, for the random order over
all draws of all models too; the bands hold the middle half. With no heads left only the embeddings and the MLPs remain.

A chart of three rising lines over the share of heads removed, with the whole model's loss of {whole} as a level line.
With a quarter of {heads} heads removed the loss is {loss_quarter} in the order of importance, {loss_random_quarter} at
random and {loss_reversed_quarter} with the most important first; with half of them {loss_half}, {loss_random_half} and
{loss_reversed_half}.
"""

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from attnsite.figures import _axes, _losses, _measured, _style
from attnsite.quantity import Quantity
from attnsite.results import Row, Run

EXPERIMENT = "heads_removed"
TITLE_COLUMNS = ("loss, least important first", "loss, at random")
NATS = "nats"
ORDERS = {
    "by_importance": ("least important first", _style.Look(_style.OURS)),
    "at_random": ("at random", _style.Look(_style.OTHER, "dash", "square")),
    "most_important_first": ("most important first", _style.Look(_style.OURS_2, "dot", "diamond")),
}
SHARES = {"quarter": 0.25, "half": 0.5, "three_quarters": 0.75, "all": 1.0}


def models(run: Run) -> list[Row]:
    """The models that were trained to the end, one a seed. Raises `LookupError` where there is none."""
    return _losses.trained(run.where(), "a model without some of its heads")


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


def added(row: Row) -> tuple[float, float]:
    """The rises of single removals, added up over a quarter of the heads, as a share of the loss: over the quarter that
    gradients call least important, and over the quarter of the least such rises.
    """
    weighed = [weight for layer in row.values["importance"] for weight in layer]
    count, rises = round(SHARES["quarter"] * len(weighed)), alone(row)
    least = sorted(range(len(weighed)), key=lambda head: weighed[head])[:count]
    whole = row.values["whole"]
    return sum(rises[head] for head in least) / whole, sum(sorted(rises)[:count]) / whole


def values(run: Run) -> dict[str, Quantity]:
    found_in = models(run)
    heads = found_in[0].values["removed"][-1]
    found = {
        "seeds": Quantity(len(found_in), "count"),
        "heads": Quantity(heads, "count"),
        "layers": Quantity(len(found_in[0].values["rises"]), "count"),
        "whole": _measured.quartiles([row.values["whole"] for row in found_in], NATS),
    }
    called = {"by_importance": "", "at_random": "random_", "most_important_first": "reversed_"}
    for name, share in SHARES.items():
        for order, label in called.items():
            losses = [(loss, row.values["whole"]) for row in found_in for loss in at(row, order, share)]
            found[f"loss_{label}{name}"] = _measured.quartiles([loss for loss, _ in losses], NATS)
            rises = [loss / whole - 1 for loss, whole in losses]
            found[f"{label or 'rise_'}{name}"] = _measured.quartiles(rises, "%")
    each = [[rise / row.values["whole"] for rise in alone(row)] for row in found_in]
    found["alone_median"] = _measured.quartiles([sorted(rises)[len(rises) // 2] for rises in each], "%")
    found["alone_most"] = _measured.quartiles([max(rises) for rises in each], "%")
    found["alone_under_1"] = _measured.quartiles([sum(r < 0.01 for r in rises) / len(rises) for rises in each], "%")
    quarter = [at(row, "by_importance", SHARES["quarter"])[0] / row.values["whole"] - 1 for row in found_in]
    found["rise_quarter_least"], found["rise_quarter_most"] = (Quantity(f(quarter), "%") for f in (min, max))
    gradients, removals = zip(*map(added, found_in), strict=True)
    found["added_least"], found["added_most"] = (Quantity(f(gradients), "%") for f in (min, max))
    found["added_of_least_rises"] = Quantity(max(removals), "%")
    found["alone_lowered"] = _measured.quartiles([sum(r < 0 for r in rises) / len(rises) for rises in each], "%")
    return found


def tabulate(runs: list[Run]) -> list[dict[str, Any]]:
    return [
        {"machine": run.machine, "heads removed": models(run)[0].values["removed"][place],
         "share of all heads": Quantity(share, "%")}
        | {f"loss, {label}": _measured.quartiles([loss for row in models(run) for loss in at(row, order, share)], NATS)
           for order, (label, _) in ORDERS.items()}
        for run in runs
        for place, share in enumerate(shares(models(run)[0]))
    ]  # fmt: skip


def draw(runs: list[Run]) -> go.Figure:
    run, rows = runs[0], models(runs[0])
    xs = shares(rows[0])
    whole = values(run)["whole"]
    lines = {order: [_measured.quartiles([loss for row in rows for loss in at(row, order, x)], NATS) for x in xs]
             for order in ORDERS}  # fmt: skip
    shown = [q.high or q.value for line in lines.values() for q in line]
    on = _style.chart(
        _axes.linear_axis("share of the heads removed", [0, 1], "%", most=5, pad=0.01),
        _axes.linear_axis("loss on held-out text, a byte", [whole.value * 0.97, *shown], NATS, zero=False, most=6),
    )
    _style.reference(on, [0, 1], [whole.value] * 2, "the whole model", at=0.8, above=False)
    for order, (label, look) in ORDERS.items():
        line = lines[order]
        _style.line(on, xs, [q.value for q in line], look, label, label_end=False,
                    low=[q.low or q.value for q in line], high=[q.high or q.value for q in line],
                    hover=[f"{label}, {Quantity(x, '%')} removed<br>loss {q}, middle half {q.spread()}"
                           for x, q in zip(xs, line, strict=True)])  # fmt: skip
    _labels(on, xs, lines)
    return _style.finish(on, run)


def _labels(on: _style.Chart, xs: Sequence[float], lines: dict[str, list[Quantity]]) -> None:
    """Names where the lines lie apart: above the upper two on their way, below the lowest."""
    places = {"most_important_first": (0.38, True, "right", (0, 9)), "at_random": (0.69, True, "right", (0, 10)),
              "by_importance": (0.5, False, "left", (6, -8))}  # fmt: skip
    for order, (share, above, anchor, shift) in places.items():
        place = min(range(len(xs)), key=lambda place: abs(xs[place] - share))
        label, look = ORDERS[order]
        _style.note(on, xs[place], lines[order][place].value, label, look.colour, above=above, anchor=anchor,
                    shift=shift)  # fmt: skip
