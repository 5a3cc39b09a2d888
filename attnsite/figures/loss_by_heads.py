"""At one learning rate the loss is least with {best} heads: with {fewest} it is {fewest_over_best} higher

The last validation loss of models that differ in nothing but the number of heads. Follow the
line from the fewest to the most.

Each small mark is one seed. The line joins the medians over the seeds, and the band holds the middle half of them. The
models have {parameters} parameters in {layers} layers of width {width} and were trained for {steps} steps on bytes of
Shakespeare, all at the same learning rate, from the same numbers and on the same batches for each seed. The axis of
losses does not begin at zero; that of heads is logarithmic.

A chart of the loss over the number of heads, from {fewest} to {most}. It is {loss_fewest} with the fewest heads,
{loss_best} with {best}, where it is least, and {loss_most} with the most, which
is {most_over_best} higher.
"""

from typing import Any

import plotly.graph_objects as go

from attnsite.figures import _axes, _losses, _style
from attnsite.quantity import Quantity
from attnsite.results import Run

EXPERIMENT = "loss_by_heads"
TITLE_COLUMNS = ("validation loss",)


def values(run: Run) -> dict[str, Quantity]:
    line = _losses.sized(run.where(), "heads")
    losses = {heads: _losses.last(rows) for heads, rows in line.items()}
    best = min(losses, key=lambda heads: losses[heads].value)
    fewest, most, row = min(line), max(line), line[best][0]
    gaps = {heads: _losses.gap(rows, line[best]) for heads, rows in line.items()}
    found = {
        "best": Quantity(best, "count"),
        "fewest": Quantity(fewest, "count"),
        "most": Quantity(most, "count"),
        "loss_best": losses[best],
        "loss_fewest": losses[fewest],
        "loss_most": losses[most],
        "fewest_over_best": gaps[fewest],
        "most_over_best": gaps[most],
        "fewest_share": Quantity(gaps[fewest].value / losses[best].value, "%"),
        "most_share": Quantity(gaps[most].value / losses[best].value, "%"),
        "seeds": Quantity(len(line[best]), "count"),
        "parameters": Quantity(_losses.parameters(row), "count"),
    }
    found |= {name: Quantity(row.case[name], "count") for name in ("layers", "width", "steps")}
    found |= {f"loss_{heads}": loss for heads, loss in losses.items()}
    for heads, rows in line.items():
        found |= _losses.with_interval(f"gap_{heads}", rows, line[best], paired=True)
    return found


def tabulate(runs: list[Run]) -> list[dict[str, Any]]:
    return _losses.tabulate(runs, {"heads": "heads", "width": "hidden size", "layers": "layers"})


def draw(runs: list[Run]) -> go.Figure:
    line = _losses.sized(runs[0].where(), "heads")
    best = min(line, key=lambda heads: _losses.last(line[heads]).value)
    width = line[best][0].case["width"]
    on = _style.chart(
        _axes.cases_axis(f"heads that share a width of {width}", list(line), "count"), _losses.axis(line, room=0.1)
    )
    _losses.draw(on, line, _style.Look(_style.OURS), "trained", "heads", label_end=False)
    text = f"least: {_losses.last(line[best])}"
    _style.note(on, best, _losses.lowest(line, best), text, _style.OURS, above=False, shift=(0, -4))
    return _style.finish(on, runs[0])
