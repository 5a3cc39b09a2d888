"""32 KV heads: a decode step takes {mha_growth} as long at {context_long} as at {context_short} (weights modelled)

Time of one decode step of one layer by context length, 32 query heads with head_dim 128, for 32, 8 and 1 KV heads.
Dotted is the part that does not grow, reading the layer's parameters.

Attention was run and timed. The products with parameters were not: a dotted line is the number of their bytes over the
median bandwidth of reading over all rounds of this run; at the bandwidth of the rounds that read fastest they would
take {mha_weights_fastest} with 32 KV heads, and not {mha_weights}. Parameters and cache are both float32. Bands are the
interquartile range of the samples. Both axes are linear and begin at zero.

A chart of three rising lines over contexts up to {context_long}. With 32 KV heads a decode step goes from {mha_short}
to {mha_long}, with 8 from {gqa_short} to {gqa_long}, with one from {mqa_short} to {mqa_long}; of the last value,
{mha_weights}, {gqa_weights} and {mqa_weights} are modelled, for reading the parameters.
"""

import math
from typing import Any

import plotly.graph_objects as go

from attnsite.figures.toolkit import axes, measured_rows, style
from attnsite.figures.toolkit.layer import ELEMENT_BYTES, over, plus, products, weights
from attnsite.records.quantity import Quantity
from attnsite.records.run_file import Row, Run

EXPERIMENT = "time_per_token"
TITLE_COLUMNS = ("step of the layer",)
KERNEL = "cpu_simd"
KINDS = {  # KV heads: the value's name, the label, the look
    32: ("mha", "32 KV heads,<br>MHA", style.Look(style.OTHER, symbol="square")),
    8: ("gqa", "8 KV heads,<br>GQA", style.Look(style.OURS_2, symbol="diamond")),
    1: ("mqa", "1 KV head,<br>MQA", style.Look(style.OURS)),
}


def steps(run: Run, kv_heads: int) -> list[Row]:
    """The decoding steps of one sequence, by context."""
    rows = run.where(KERNEL, kv_heads=kv_heads, queries=1, batch=1)
    return sorted((row for row in rows if row.samples), key=lambda row: row.case["keys"])


def ends(run: Run) -> tuple[int, int]:
    """The shortest and the longest context that all have."""
    common = set.intersection(*({row.case["keys"] for row in steps(run, kv_heads)} for kv_heads in KINDS))
    if len(common) < 2:
        raise LookupError("not measured yet on this machine: decoding steps at two contexts, with 32, 8 and 1 KV heads")
    return min(common), max(common)


def totals(run: Run, kv_heads: int) -> list[Quantity]:
    """Attention as measured, and the products with weights as modelled."""
    constant = products(run, kv_heads)
    return [plus(constant, row.quantity()) for row in steps(run, kv_heads)]


def values(run: Run) -> dict[str, Quantity]:
    short, long = ends(run)
    rates = [own.value for row in run.where(KERNEL, queries=1) if row.samples and (own := run.ceiling("read", row))]
    overall = run.ceiling("read")
    fastest = max([*rates, *([overall.value] if overall else [])], default=math.nan)
    found = {"context_short": Quantity(short, "tokens"), "context_long": Quantity(long, "tokens")}
    for kv_heads, (name, _, _) in KINDS.items():
        rows = {row.case["keys"]: row for row in steps(run, kv_heads)}
        constant = products(run, kv_heads)
        first, last = plus(constant, rows[short].quantity()), plus(constant, rows[long].quantity())
        grown = rows[long].median - rows[short].median
        found |= {
            f"{name}_weight_bytes": Quantity(ELEMENT_BYTES * weights(kv_heads), "B"),
            f"{name}_weights": constant,
            f"{name}_weights_fastest": Quantity(ELEMENT_BYTES * weights(kv_heads) / fastest, "s"),
            f"{name}_short": first,
            f"{name}_long": last,
            f"{name}_growth": over(last, first),
            f"{name}_attention_short": rows[short].quantity(),
            f"{name}_attention_long": rows[long].quantity(),
            f"{name}_attention_growth": measured_rows.ratio(rows[long], rows[short]),
            f"{name}_attention_share": Quantity(rows[long].median / last.value, "%"),
            f"{name}_thousand_tokens": Quantity(1000 * grown / (long - short), "s"),
        }
    found["context_ratio"] = Quantity(long / short, "×")
    return found


def tabulate(runs: list[Run]) -> list[dict[str, Any]]:
    return [
        {"machine": run.machine, "KV heads": kv_heads, "context length": row.case["keys"],
         "weights, modelled": products(run, kv_heads), "attention, measured": row.quantity(),
         "step of the layer": total, "samples": len(row.samples)}
        for run in runs
        for kv_heads in KINDS
        for row, total in zip(steps(run, kv_heads), totals(run, kv_heads), strict=True)
    ]  # fmt: skip


def draw(runs: list[Run]) -> go.Figure:
    run = runs[0]
    _, long = ends(run)
    sums = {kv_heads: totals(run, kv_heads) for kv_heads in KINDS}
    most = max(q.high or q.value for those in sums.values() for q in those)
    quarter = long // 4
    ticks = tuple(range(0, long + 1, quarter))
    x = axes.Axis("context length, in tokens", 0, long * 1.02, ticks, tuple(map(axes.tokens, ticks)))
    on = style.chart(x, axes.linear_axis("time of one decode step, one layer", [0, most], "s"))
    for kv_heads, (_, label, look) in KINDS.items():
        rows, those = steps(run, kv_heads), sums[kv_heads]
        constant = products(run, kv_heads).value
        name = f"weights with {kv_heads} KV head{'s' * (kv_heads > 1)}"
        style.reference(on, [0, x.high], [constant] * 2, name, colour=look.colour)
        hover = [
            f"{label.replace('<br>', ' ')}, {axes.tokens(row.case['keys'])} tokens: {total}<br>"
            f"parameters {Quantity(constant, 's')}, attention {row.quantity()}"
            for row, total in zip(rows, those, strict=True)
        ]  # fmt: skip
        style.line(
            on, [row.case["keys"] for row in rows], [q.value for q in those], look, label, hover=hover,
            low=[q.low or q.value for q in those], high=[q.high or q.value for q in those],
        )  # fmt: skip
    lowest = min(products(run, kv_heads).value for kv_heads in KINDS)
    style.note(on, x.low, lowest, "dotted: reading the parameters, modelled", style.MUTE, above=False, anchor="left",
                shift=(6, -4))  # fmt: skip
    return style.finish(on, run)
