"""More heads at one hidden size add scores and exponentials, not parameters or KV cache

One attention layer of hidden size 1024 on 4096 tokens, with 1 to 128 heads and as many KV heads; counted. Only one line
rises.

Every quantity is divided by its value with one head. The flat line holds the parameters, the FLOPs of the projections,
of QKᵀ and of AV, and the KV cache. The rising line holds the scores, their exponentials, and the score matrix where it
is materialised. Both axes are logarithmic, so a straight rise means proportional growth.

A chart of two lines over the number of heads from 1 to 128. One stays at 1: {weights} parameters, {core_flops} for QKᵀ
and AV, and a KV cache of {kv_cache_elements} elements per token. The other rises in proportion to the heads, to
{exponentials_growth}: from {exponentials_1_head} to {exponentials_128_heads}, and from {score_bytes_1_head} to
{score_bytes_128_heads} of scores.
"""

from typing import Any

import plotly.graph_objects as go

from attnsite.figures.toolkit import axes, style
from attnsite.records.quantity import Quantity
from attnsite.records.run_file import Row, Run

EXPERIMENT = "parameters_by_heads"
TITLE_COLUMNS = ("exponentials", "scores in float32")
FLAT = ("weights", "projection_flops", "core_flops", "kv_cache_elements")
GROWING = ("exponentials", "score_bytes")
UNITS = {"weights": "count", "projection_flops": "FLOP", "core_flops": "FLOP", "kv_cache_elements": "count",
         "exponentials": "exp", "score_bytes": "B"}  # fmt: skip


def _rows(run: Run) -> list[Row]:
    return sorted(run.where(regime="fixed_width"), key=lambda row: row.case["heads"])


def values(run: Run) -> dict[str, Quantity]:
    first, last = _rows(run)[0], _rows(run)[-1]
    found = {name: Quantity(last.values[name], UNITS[name]) for name in FLAT}
    for name in GROWING:
        for row, ending in ((first, "1_head"), (last, f"{last.case['heads']}_heads")):
            found[f"{name}_{ending}"] = Quantity(row.values[name], UNITS[name])
    for name in (*FLAT, *GROWING):
        found[f"{name}_growth"] = Quantity(last.values[name] / first.values[name], "×")
    return found


def tabulate(runs: list[Run]) -> list[dict[str, Any]]:
    return [
        {
            "heads": row.case["heads"],
            "head dim": row.case["dim"],
            "weights": Quantity(row.values["weights"], "count"),
            "projections": Quantity(row.values["projection_flops"], "FLOP"),
            "QKᵀ and AV": Quantity(row.values["core_flops"], "FLOP"),
            "KV cache elements per token": Quantity(row.values["kv_cache_elements"], "count"),
            "exponentials": Quantity(row.values["exponentials"], "exp"),
            "scores in float32": Quantity(row.values["score_bytes"], "B"),
        }
        for row in _rows(runs[0])
    ]


def _hover(row: Row, names: tuple[str, ...], growth: float) -> str:
    """How many times as much a line has at one point, then all its values there."""
    lines = (f"{name.replace('_', ' ')}: {Quantity(row.values[name], UNITS[name])}" for name in names)
    return "<br>".join((f"{row.case['heads']} heads of {row.case['dim']}: {Quantity(growth, '×')}", *lines))


def draw(runs: list[Run]) -> go.Figure:
    rows = _rows(runs[0])
    heads = [row.case["heads"] for row in rows]
    growth = {n: [r.values[n] / rows[0].values[n] for r in rows] for n in (*FLAT, *GROWING)}
    on = style.chart(
        axes.cases_axis("heads at hidden size 1024", heads, "count"),
        axes.log_axis("relative to one head", growth["exponentials"], "×", base=2, pad=1.5, most=8),
    )
    for name, look, label in (
        ("weights", style.Look(style.OURS), "parameters,<br>matrix FLOPs,<br>KV cache"),
        ("exponentials", style.Look(style.OTHER), "scores,<br>exponentials,<br>score memory"),
    ):
        hover = [_hover(row, FLAT if name in FLAT else GROWING, times)
                 for row, times in zip(rows, growth[name], strict=True)]  # fmt: skip
        style.line(on, heads, growth[name], look, label, hover=hover, width=3)
    v = values(runs[0])
    first, last = v["score_bytes_1_head"], v["score_bytes_128_heads"]
    style.note(on, heads[-1], growth["exponentials"][-1], f"{first} → {last} of scores", style.OTHER,
                above=True, anchor="right", shift=(-12, -6))  # fmt: skip
    style.note(on, heads[-1], 1, f"{v['weights']} parameters, {v['core_flops']}", style.OURS,
                above=True, anchor="right", shift=(0, 8))  # fmt: skip
    return style.finish(on, runs[0])
