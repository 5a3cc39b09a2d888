"""Heads add parameters only if every head keeps its dimension

Parameters of the four projections of one attention layer, by the number of heads. At hidden size 1024 the line is flat;
at a head dimension of 64 it rises in proportion.

At fixed hidden size the 1024 columns are dealt out to the heads. At fixed head dimension every head brings 64 columns
of its own. The lines cross where 16 heads with head_dim 64 make 1024. The FLOPs of the projections, of QKᵀ and of AV
and the KV cache follow the same two lines. Each point was counted by formula and by building the layer, and both agree.

A chart of two lines over the number of heads from 1 to 128. At a fixed hidden size of 1024 a layer has
{weights_at_fixed_width} parameters with any number of heads. At a fixed head dimension of 64 the parameters grow in
proportion to the heads, {weights_growth_fixed_head_width} from one head to 128, and reach
{weights_128_heads_fixed_head_width}.
"""

from typing import Any

import plotly.graph_objects as go

from attnsite.figures.toolkit import axes, style
from attnsite.records.quantity import Quantity
from attnsite.records.run_file import Row, Run

EXPERIMENT = "parameters_by_heads"
TITLE_COLUMNS = ("parameters",)
REGIMES = {"fixed_width": "hidden size 1024", "fixed_head_width": "head_dim 64"}
GROWTHS = {"weights": "weights", "core_flops": "flops", "exponentials": "exponentials",
           "kv_cache_elements": "kv_cache", "score_bytes": "score_memory"}  # fmt: skip


def _rows(run: Run, regime: str) -> list[Row]:
    return sorted(run.where(regime=regime), key=lambda row: row.case["heads"])


def values(run: Run) -> dict[str, Quantity]:
    width, head_width = (_rows(run, regime) for regime in REGIMES)
    found = {
        "weights_at_fixed_width": Quantity(width[-1].values["weights"], "count"),
        "projection_flops_at_fixed_width": Quantity(width[-1].values["projection_flops"], "FLOP"),
        "core_flops_at_fixed_width": Quantity(width[-1].values["core_flops"], "FLOP"),
        "kv_cache_elements_at_fixed_width": Quantity(width[-1].values["kv_cache_elements"], "count"),
        "weights_1_head_fixed_head_width": Quantity(head_width[0].values["weights"], "count"),
        "weights_128_heads_fixed_head_width": Quantity(head_width[-1].values["weights"], "count"),
    }
    for row in width:
        ending = f"{row.case['heads']}_head" + "s" * (row.case["heads"] > 1)
        found[f"exponentials_{ending}"] = Quantity(row.values["exponentials"], "exp")
        found[f"score_memory_{ending}"] = Quantity(row.values["score_bytes"], "B")
    for regime, rows in zip(REGIMES, (width, head_width), strict=True):
        for name, short in GROWTHS.items():
            found[f"{short}_growth_{regime}"] = Quantity(rows[-1].values[name] / rows[0].values[name], "×")
    agree = all(row.values["weights"] == row.values["weights_built"] for row in (*width, *head_width))
    return found | {"built_layers_that_agree": Quantity((len(width) + len(head_width)) * agree, "count")}


def tabulate(runs: list[Run]) -> list[dict[str, Any]]:
    return [
        {
            "regime": REGIMES[regime],
            "heads": row.case["heads"],
            "head dim": row.case["dim"],
            "parameters": Quantity(row.values["weights"], "count"),
            "parameters of the built layer": Quantity(row.values["weights_built"], "count"),
            "projections": Quantity(row.values["projection_flops"], "FLOP"),
            "QKᵀ and AV": Quantity(row.values["core_flops"], "FLOP"),
            "exponentials": Quantity(row.values["exponentials"], "exp"),
            "scores in float32": Quantity(row.values["score_bytes"], "B"),
            "KV cache elements per token": Quantity(row.values["kv_cache_elements"], "count"),
        }
        for regime in REGIMES
        for row in _rows(runs[0], regime)
    ]


def draw(runs: list[Run]) -> go.Figure:
    width, head_width = (_rows(runs[0], regime) for regime in REGIMES)
    heads = [row.case["heads"] for row in width]
    weights = [[row.values["weights"] / 1e6 for row in rows] for rows in (width, head_width)]
    on = style.chart(
        axes.cases_axis("heads", heads, "count"),
        axes.log_axis("parameters of one layer, in millions", weights[0] + weights[1], most=4, pad=1.6),
    )
    labels = ("head_dim<br>1024 / heads", "head_dim 64")
    for ys, rows, colour, label in zip(weights, (width, head_width), (style.OURS, style.OTHER), labels, strict=True):
        hover = [
            f"{r.case['heads']} heads of {r.case['dim']}: {Quantity(r.values['weights'], 'count')} parameters"
            f"<br>{Quantity(r.values['core_flops'], 'FLOP')} in QKᵀ and AV" for r in rows
        ]  # fmt: skip
        style.line(on, heads, ys, style.Look(colour), label, hover=hover, width=3)
    if 16 in heads:
        style.note(on, 16, weights[0][heads.index(16)], "16 × 64 = 1024", style.MUTE, above=True, anchor="right",
                    shift=(-8, 8))  # fmt: skip
    return style.finish(on, runs[0])
