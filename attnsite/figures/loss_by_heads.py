"""TITLE {worst_over_best}

The last validation loss of models that differ in nothing but the number of heads.

Each small mark is one seed. The line joins the medians over the seeds, and the band holds the middle half of them. The
models have {parameters} parameters in {layers} layers of width {width} and were trained for {steps} steps on bytes of
Shakespeare. The axis of losses does not begin at zero; that of heads is logarithmic.

A chart of the loss over the number of heads, from {fewest} to {most}. It is {loss_fewest} with the fewest heads,
{loss_best} with {best}, where it is least, and {loss_most} with the most.
"""

from typing import Any

import plotly.graph_objects as go

from attnsite.figures import _axes, _losses, _style
from attnsite.quantity import Quantity
from attnsite.results import Run

EXPERIMENT = "loss_by_heads"


def values(run: Run) -> dict[str, Quantity]:
    line = _losses.sized(run.where(), "heads")
    losses = {heads: _losses.last(rows) for heads, rows in line.items()}
    best, worst = (pick(losses, key=lambda heads: losses[heads].value) for pick in (min, max))
    fewest, most, row = min(line), max(line), line[best][0]
    found = {
        "best": Quantity(best, "count"),
        "worst": Quantity(worst, "count"),
        "fewest": Quantity(fewest, "count"),
        "most": Quantity(most, "count"),
        "loss_best": losses[best],
        "loss_fewest": losses[fewest],
        "loss_most": losses[most],
        "worst_over_best": _losses.gap(line[worst], line[best]),
        "fewest_over_best": _losses.gap(line[fewest], line[best]),
        "most_over_best": _losses.gap(line[most], line[best]),
        "parameters": Quantity(_losses.parameters(row), "count"),
        "layers": Quantity(row.case["layers"], "count"),
        "width": Quantity(row.case["width"], "count"),
        "steps": Quantity(row.case["steps"], "count"),
    }
    return found | {f"loss_{heads}": loss for heads, loss in losses.items()}


def tabulate(runs: list[Run]) -> list[dict[str, Any]]:
    return _losses.tabulate(runs, {"heads": "heads", "width": "width", "layers": "layers"})


def draw(runs: list[Run]) -> go.Figure:
    line = _losses.sized(runs[0].where(), "heads")
    on = _style.chart(_axes.cases_axis("heads of the layer", list(line), "count"), _losses.axis(line))
    _losses.draw(on, line, _style.Look(_style.OURS), "trained", "heads", label_end=False)
    return _style.finish(on, runs[0])
