"""One head costs a small model {fewest_over_best} per byte over {best} heads

Final validation loss of models that differ only in the number of heads, at one learning rate. Only one head stands out.

Each small mark is one seed. The line joins the medians over the seeds, and the band holds the interquartile range. The
models have {parameters} parameters in {layers} layers of hidden size {width} and were trained for {steps} steps on
bytes of Shakespeare, all at the same learning rate; models of one seed share initialisation and batches. The axis of
losses does not begin at zero; that of heads is logarithmic.

A chart of the loss over the number of heads, from {fewest} to {most}. It is {loss_fewest} with the fewest heads,
{loss_best} with {best}, where it is least, and {loss_most} with the most, which is {most_over_best} higher.
"""

from typing import Any

import plotly.graph_objects as go

from attnsite.figures.toolkit import axes, last_losses, style
from attnsite.records.quantity import Quantity
from attnsite.records.run_file import Run

EXPERIMENT = "loss_by_heads"
TITLE_COLUMNS = ("validation loss",)


def values(run: Run) -> dict[str, Quantity]:
    line = last_losses.sized(run.where(), "heads")
    losses = {heads: last_losses.last(rows) for heads, rows in line.items()}
    best = min(losses, key=lambda heads: losses[heads].value)
    fewest, most, row = min(line), max(line), line[best][0]
    gaps = {heads: last_losses.gap(rows, line[best]) for heads, rows in line.items()}
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
        "parameters": Quantity(last_losses.parameters(row), "count"),
    }
    found |= {name: Quantity(row.case[name], "count") for name in ("layers", "width", "steps")}
    found |= {f"loss_{heads}": loss for heads, loss in losses.items()}
    for heads, rows in line.items():
        found |= last_losses.with_interval(f"gap_{heads}", rows, line[best], paired=True)
    return found


def tabulate(runs: list[Run]) -> list[dict[str, Any]]:
    return last_losses.tabulate(runs, {"heads": "heads", "width": "hidden size", "layers": "layers"})


def draw(runs: list[Run]) -> go.Figure:
    line = last_losses.sized(runs[0].where(), "heads")
    best = min(line, key=lambda heads: last_losses.last(line[heads]).value)
    width = line[best][0].case["width"]
    on = style.chart(
        axes.cases_axis(f"heads at a hidden size of {width}", list(line), "count"), last_losses.axis(line, room=0.1)
    )
    last_losses.draw(on, line, style.Look(style.OURS), "trained", "heads", label_end=False)
    text = f"least: {last_losses.last(line[best])}"
    style.note(on, best, last_losses.lowest(line, best), text, style.OURS, above=False, shift=(0, -4))
    return style.finish(on, runs[0])
