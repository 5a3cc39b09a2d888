"""Storing Q, K, V and output costs {f16} of the result in float16 and {bf16} in bfloat16

Error against float64 by the spread of the scores, for float32, float16, bfloat16 and an int8 KV cache. The distance
between lines is the cost of storage.

In float16 and bfloat16 queries, keys, values and output are stored, in int8 keys and values only. The error is the root
mean square of the differences from the float64 result on the unrounded inputs, over that of the result, at {tokens}
keys; the title is for a spread of 1. The arithmetic is that of float32 in all of them; on the same rounded numbers its
error with float16 stays where the lowest line is, with bfloat16 there or below. All lines rise, because a wider spread
of scores lets an error of a score change an attention weight by more. Bands hold the interquartile range over the
seeds, and are narrower than the lines. Both axes are logarithmic.

A chart of four lines that rise slowly. At a spread of one the errors are {float32} with float32, {f16} with float16,
{bf16} with bfloat16 and {int8} with an int8 cache; at a spread of {widest} they are {float32_wide}, {f16_wide},
{bf16_wide} and {int8_wide}.
"""

from typing import Any

import plotly.graph_objects as go

from attnsite.figures.softmax_error import ratio
from attnsite.figures.toolkit import axes, measured_rows, style
from attnsite.records.quantity import Quantity
from attnsite.records.run_file import Run

EXPERIMENT = "softmax_error"
TITLE_COLUMNS = ("bfloat16", "float16", "float32")
STORED = {  # what was observed: the value's name, the label, the look
    "int8_cache": ("int8", "int8 cache", style.Look(style.OTHER, symbol="square")),
    "bf16": ("bf16", "bfloat16", style.Look(style.OURS_2)),
    "f16": ("f16", "float16", style.Look(style.OURS, symbol="diamond")),
    "cpu_simd": ("float32", "float32", style.Look(style.OTHER_2, symbol="triangle-up")),
}


def spreads(run: Run) -> tuple[int, list[float]]:
    """The number of keys at which the spread of the scores was varied, and the spreads."""
    by_tokens: dict[int, set[float]] = {}
    for row in run.where():
        by_tokens.setdefault(row.case["tokens"], set()).add(row.case["scale"])
    tokens = max(by_tokens, key=lambda n: len(by_tokens[n]), default=0)
    if len(by_tokens.get(tokens, ())) < 2:
        raise LookupError("not measured yet on this machine: the error at two spreads of the scores")
    return tokens, sorted(by_tokens[tokens])


def share(error: Quantity) -> Quantity:
    return Quantity(error.value, "%", error.low, error.high)


def values(run: Run) -> dict[str, Quantity]:
    tokens, scales = spreads(run)
    one = {"tokens": tokens, "scale": 1.0}
    found = {"tokens": Quantity(tokens, "count"), "widest": Quantity(scales[-1], "1")}
    for what, (name, _, _) in STORED.items():
        found[name] = share(measured_rows.over_seeds(run, what, **one))
        found[f"{name}_wide"] = share(measured_rows.over_seeds(run, what, tokens=tokens, scale=scales[-1]))
        found[f"{name}_growth"] = Quantity(found[f"{name}_wide"].value / found[name].value, "×")
        found[f"{name}_over_float32"] = ratio(run, what, "cpu_simd", **one)
    same = [row.values["same_bits"] for row in run.where()]
    return found | {
        "bf16_over_float32_wide": ratio(run, "bf16", "cpu_simd", tokens=tokens, scale=scales[-1]),
        "bf16_over_f16": ratio(run, "bf16", "f16", **one),
        "int8_over_bf16": ratio(run, "int8_cache", "bf16", **one),
        "bf16_inputs_share": ratio(run, "bf16_inputs", "bf16", **one),
        "bf16_arithmetic": share(measured_rows.over_seeds(run, "bf16_arithmetic", **one)),
        "same_bits": Quantity(sum(same) / len(same), "%"),
    }


def tabulate(runs: list[Run]) -> list[dict[str, Any]]:
    lines = []
    for run in runs:
        tokens, scales = spreads(run)
        for scale in scales:
            case = {"tokens": tokens, "scale": scale}
            lines.append(
                {"machine": run.machine, "keys": tokens, "spread of the scores": scale}
                | {label: share(measured_rows.over_seeds(run, what, **case)) for what, (_, label, _) in STORED.items()}
                | {"bfloat16, output in float32": share(measured_rows.over_seeds(run, "bf16_inputs", **case)),
                   "bfloat16, against its own inputs": share(measured_rows.over_seeds(run, "bf16_arithmetic", **case))}
            )  # fmt: skip
    return lines


def draw(runs: list[Run]) -> go.Figure:
    run = runs[0]
    tokens, scales = spreads(run)
    lines = {what: [measured_rows.over_seeds(run, what, tokens=tokens, scale=s) for s in scales] for what in STORED}
    shown = [q.value for those in lines.values() for q in those]
    on = style.chart(
        axes.cases_axis("spread of the scores, relative to random inputs", scales),
        axes.log_axis("error relative to the result", shown, pad=2),
    )
    for what, (_, label, look) in STORED.items():
        those = lines[what]
        style.line(
            on, scales, [q.value for q in those], look, label,
            hover=[f"{label}, spread {s:g}: {axes.small(q.value)}" for s, q in zip(scales, those, strict=True)],
            low=[q.low or q.value for q in those], high=[q.high or q.value for q in those],
        )  # fmt: skip
    return style.finish(on, run)
