"""head_dim {traded_last} or {usual}, equal parameters: no clear difference ({traded_gap_low} to {traded_gap_high})

Final validation loss of models with {heads} heads, by head dimension. Left of the vertical line, the context length, a
head cannot express every pattern. The interval in the title is at 95%.

“More parameters”: only head_dim changes, so larger heads add parameters. “Same parameters”: the MLP shrinks to
compensate; all have {parameters}. Small marks are seeds, lines join the medians over the seeds, and bands hold the
interquartile range. The models have {layers} layers of hidden size {width} and were trained for {steps} steps. The axis
of losses does not begin at zero; that of head dimensions is logarithmic.

A chart of two lines over head dimensions from {narrowest} to {widest}, the context being {context} bytes. With more
parameters the loss goes from {loss_narrowest} to {loss_widest}; with the same ones it is {loss_traded_first} at a head
dimension of {traded_first} and {loss_traded_last} at {traded_last}.
"""

from typing import Any

import plotly.graph_objects as go

from attnsite.figures.toolkit import axes, last_losses, style
from attnsite.figures.toolkit.last_losses import Sized
from attnsite.records.quantity import Quantity
from attnsite.records.run_file import Run

EXPERIMENT = "loss_by_head_width"
TITLE_COLUMNS = ("validation loss",)
CONTEXT = 32  # of the experiment; a case does not say it


def lines(run: Run) -> tuple[Sized, Sized]:
    """By the width of a head: the models whose MLP is the usual one, and those with the usual parameters."""
    rows = run.where()
    usual = [row for row in rows if row.case["heads"] * row.case["head_width"] == row.case["width"]]
    if not usual:
        raise LookupError("not measured yet on this machine: heads that make up the width")
    alone = [row for row in rows if row.case["mlp"] == usual[0].case["mlp"]]
    traded = [row for row in rows if last_losses.parameters(row) == last_losses.parameters(usual[0])]
    return last_losses.sized(alone, "head_width"), last_losses.sized(traded, "head_width")


def values(run: Run) -> dict[str, Quantity]:
    alone, traded = lines(run)
    narrowest, widest, first, end = min(alone), max(alone), min(traded), max(traded)
    row = traded[first][0]
    usual = row.case["width"] // row.case["heads"]
    found = {
        "context": Quantity(CONTEXT, "count"),
        "narrowest": Quantity(narrowest, "count"),
        "widest": Quantity(widest, "count"),
        "usual": Quantity(usual, "count"),
        "traded_first": Quantity(first, "count"),
        "traded_last": Quantity(end, "count"),
        "loss_narrowest": last_losses.last(alone[narrowest]),
        "loss_widest": last_losses.last(alone[widest]),
        "loss_usual": last_losses.last(alone[usual]),
        "loss_traded_first": last_losses.last(traded[first]),
        "loss_traded_last": last_losses.last(traded[end]),
        "narrowest_over_usual": last_losses.gap(alone[narrowest], alone[usual]),
        "widest_over_usual": last_losses.gap(alone[widest], alone[usual]),
        "widest_parameters": Quantity(last_losses.parameters(alone[widest][0]) / last_losses.parameters(row), "×"),
        "parameters": Quantity(last_losses.parameters(row), "count"),
    }
    found |= {name: Quantity(row.case[name], "count") for name in ("heads", "layers", "width", "steps")}
    found |= last_losses.with_interval("traded_gap", traded[end], traded[usual])
    for size, rows in alone.items():
        found |= last_losses.with_interval(f"over_usual_{size}", rows, alone[usual])
    for size, rows in traded.items():
        found |= last_losses.with_interval(f"traded_{size}", rows, alone[usual])
    return found


def tabulate(runs: list[Run]) -> list[dict[str, Any]]:
    return last_losses.tabulate(runs, {"heads": "heads", "head_width": "head dim", "mlp": "MLP size / hidden size"})


def draw(runs: list[Run]) -> go.Figure:
    alone, traded = lines(runs[0])
    x = axes.cases_axis("head dimension", [*alone, *traded, CONTEXT], "count")
    on = style.chart(x, last_losses.axis(alone, traded, room=0.1))
    style.reference(on, [CONTEXT, CONTEXT], [on.y.low, on.y.high], "context")
    style.note(on, CONTEXT, on.y.value_at(0.95), "context", style.MUTE, anchor="left", shift=(5, 0))
    more, same = style.Look(style.OURS), style.Look(style.OTHER, symbol="diamond")
    last_losses.draw(on, alone, more, "more parameters", "columns per head")
    last_losses.draw(on, traded, same, "same parameters", "columns per head", label_end=False)
    style.note(on, max(traded), last_losses.lowest(traded), "same parameters", same.colour, above=False, anchor="right",
                shift=(0, -4))  # fmt: skip
    return style.finish(on, runs[0])
