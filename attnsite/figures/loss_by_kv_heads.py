"""One KV head instead of {heads} ends {one_over_all} higher in loss, {over_all_1_low} to {over_all_1_high}

Final validation loss of small models by the number of KV heads, with fewer parameters and with these given back as
query heads. The KV cache shrinks from left to right.

The title is about the line with fewer parameters and has its 95% interval. One line keeps {heads} query heads, so that
fewer KV heads are fewer parameters; the other gives these back as further query heads, up to {heads_given_back} of
them, and has {parameters} parameters everywhere. Small marks are seeds, lines join the medians over the seeds, and
bands are the interquartile range. The models have {layers} layers of hidden size {width} and were trained for {steps}
steps on bytes of Shakespeare. The axis of losses does not begin at zero; that of KV heads is logarithmic.

A chart of two lines over the number of KV heads. With a KV head for every query head the loss is {loss_all}; with one
for all it is {loss_one}, and {loss_given_back} where the parameters are given back, while the KV cache falls from
{cache_all} to {cache_one} elements per token.
"""

from dataclasses import replace
from typing import Any

import plotly.graph_objects as go

from attnsite.figures.toolkit import axes, last_losses, style
from attnsite.figures.toolkit.last_losses import Sized
from attnsite.records.quantity import Quantity
from attnsite.records.run_file import Run

EXPERIMENT = "loss_by_kv_heads"
TITLE_COLUMNS = ("validation loss",)


def lines(run: Run) -> tuple[Sized, Sized]:
    """By KV heads: the models with as many query heads as the usual one, and those with as many parameters."""
    rows = run.where()
    usual = [row for row in rows if row.case["heads"] == row.case["kv_heads"]]
    if not usual:
        raise LookupError("not measured yet on this machine: a KV head for every query head")
    shared = [row for row in rows if row.case["heads"] == usual[0].case["heads"]]
    given_back = [row for row in rows if last_losses.parameters(row) == last_losses.parameters(usual[0])]
    return last_losses.sized(shared, "kv_heads"), last_losses.sized(given_back, "kv_heads")


def values(run: Run) -> dict[str, Quantity]:
    shared, given_back = lines(run)
    every, one = max(shared), min(shared)
    usual, least = shared[every][0], shared[one][0]
    found = {
        "loss_all": last_losses.last(shared[every]),
        "loss_one": last_losses.last(shared[one]),
        "loss_given_back": last_losses.last(given_back[one]),
        "one_over_all": last_losses.gap(shared[one], shared[every]),
        "given_back": last_losses.gap(given_back[one], given_back[every]),
        "heads_given_back": Quantity(given_back[one][0].case["heads"], "count"),
        "parameters": Quantity(last_losses.parameters(usual), "count"),
        "parameters_one": Quantity(last_losses.parameters(least) / last_losses.parameters(usual), "%"),
        "cache_all": Quantity(usual.values["cached"], "count"),
        "cache_one": Quantity(least.values["cached"], "count"),
    }
    found |= {name: Quantity(usual.case[name], "count") for name in ("heads", "layers", "width", "steps")}
    for size, rows in shared.items():
        found |= last_losses.with_interval(f"over_all_{size}", rows, shared[every])
    for size, rows in given_back.items():
        found |= last_losses.with_interval(f"given_back_{size}", rows, shared[every])
    return found


def tabulate(runs: list[Run]) -> list[dict[str, Any]]:
    return last_losses.tabulate(runs, {"kv_heads": "KV heads", "heads": "query heads", "width": "hidden size"})


def draw(runs: list[Run]) -> go.Figure:
    shared, given_back = lines(runs[0])
    x, y = axes.cases_axis("KV heads", [*shared, *given_back], "count"), last_losses.axis(shared, given_back, room=0.12)
    on = style.chart(replace(x, low=x.high, high=x.low), y)  # the cache shrinks to the right, as on other axes
    shared, given_back = (dict(sorted(line.items(), reverse=True)) for line in (shared, given_back))
    fewer, same = style.Look(style.OURS), style.Look(style.OTHER, symbol="diamond")
    last_losses.draw(on, shared, fewer, "fewer parameters", "KV heads")
    last_losses.draw(on, given_back, same, "same parameters", "KV heads")
    return style.finish(on, runs[0])
