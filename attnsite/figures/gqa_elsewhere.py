"""With 8 KV heads, not 32, and an MLP of 8·d² a layer keeps {layer_8} of its parameters, {cache_8} of its KV cache

What is left of a layer's parameters, of prefill arithmetic and of the cache with fewer KV heads. Only the cache falls
in proportion; QKᵀ, AV and exponentials do not move.

Counted for a layer of hidden size 4096 with 32 query heads, head_dim 128 and an MLP of 8 × d_model² parameters. FLOPs
of the products with parameters go with them, two for each and token. QKᵀ, AV and the exponentials belong to query
heads, so sharing keys and values leaves them as they are. The number of KV heads is on a logarithmic axis.

A chart of four lines over 32 to 1 KV heads. QKᵀ, AV and exponentials stay at 100%. The layer's parameters fall to
{layer_8} with 8 KV heads and {layer_1} with one, the projections' alone to {projections_8} and {projections_1}, the
cache to {cache_8} and {cache_1}.
"""

from typing import Any

import plotly.graph_objects as go

from attnsite.figures.gqa_phases import fewer
from attnsite.figures.toolkit import axes, style
from attnsite.records.quantity import Quantity
from attnsite.records.run_file import Run

EXPERIMENT = "gqa_elsewhere"
TITLE_COLUMNS = ("layer parameters", "cached elements per token")
LINES = {  # what was counted: the value's name, the label, the look
    "prompt_exponentials": ("prompt", "QKᵀ, AV,<br>exponentials", style.Look(style.OTHER, symbol="square")),
    "layer_weights": ("layer", "layer’s parameters", style.Look(style.OTHER_2, symbol="diamond")),
    "projection_weights": ("projections", "projections", style.Look(style.OURS_2, symbol="triangle-up")),
    "cache_elements": ("cache", "KV cache", style.Look(style.OURS)),
}


def counted(run: Run, what: str) -> dict[int, float]:
    """By the number of KV heads, most first."""
    return {
        row.case["kv_heads"]: row.values[what] for row in sorted(run.where(), key=lambda row: -row.case["kv_heads"])
    }


def values(run: Run) -> dict[str, Quantity]:
    found: dict[str, Quantity] = {}
    for what, (name, _, _) in LINES.items():
        those = counted(run, what)
        most = max(those)
        found |= {f"{name}_{kv_heads}": Quantity(seen / those[most], "%") for kv_heads, seen in those.items()}
    flops = counted(run, "prompt_flops")
    saved = {n: 1 - seen / counted(run, "layer_flops")[32] for n, seen in counted(run, "layer_flops").items()}
    return found | {
        "prompt_flops": Quantity(flops[32], "FLOP"),
        "prompt_flops_8": Quantity(flops[8] / flops[32], "%"),
        "flops_saved_8": Quantity(saved[8], "%"),
        "flops_saved_1": Quantity(saved[1], "%"),
        "weights_32": Quantity(counted(run, "layer_weights")[32], "parameters"),
        "weights_8": Quantity(counted(run, "layer_weights")[8], "parameters"),
    }


def tabulate(runs: list[Run]) -> list[dict[str, Any]]:
    return [
        {"KV heads": row.case["kv_heads"],
         "weights of the projections": Quantity(row.values["projection_weights"], "parameters"),
         "layer parameters": Quantity(row.values["layer_weights"], "parameters"),
         "weight FLOPs per token": Quantity(row.values["layer_flops"], "FLOP"),
         "QKᵀ and AV FLOPs, prefill": Quantity(row.values["prompt_flops"], "FLOP"),
         "exponentials, prefill": Quantity(row.values["prompt_exponentials"], "exp"),
         "cached elements per token": Quantity(row.values["cache_elements"], "count")}
        for row in runs[0].where()
    ]  # fmt: skip


def draw(runs: list[Run]) -> go.Figure:
    run = runs[0]
    x = fewer(list(counted(run, "cache_elements")))
    on = style.chart(x, axes.linear_axis("share of what it is with 32 KV heads", [0, 1], "%", most=5))
    for what, (_, label, look) in LINES.items():
        those = counted(run, what)
        shares = [seen / those[32] for seen in those.values()]
        hover = [
            f"{label.replace('<br>', ' ')}, {n} KV head{'s' * (n > 1)}: {Quantity(s, '%')}"
            for n, s in zip(those, shares, strict=True)
        ]
        style.line(on, [32 / n for n in those], shares, look, label, hover=hover)
    return style.finish(on, run)
