"""Attention is {share_one} of a decode step for one sequence, {share_many} for a batch of {largest} (weights modelled)

Time per sequence of a decode step of one layer, at {context} tokens each and 8 KV heads, by batch size. The parameters'
part shrinks with the batch, attention's much less.

The lower part is attention, measured for the whole batch and divided by it. The upper part is the products with
parameters: modelled, as the longer of reading them once and of two FLOPs for each parameter and sequence, at the median
rates of reading and of a matrix product over all rounds of this run, and divided by the batch. Whiskers at the top are
the interquartile range of the samples of attention.

A bar chart of batches from 1 to {largest}. A step takes {one} for a single sequence and {many} for each of {largest}.
Attention for the batch of {largest} takes {attention_growth} as long as for one sequence, in rounds in which memory
could be read {read_growth} as fast, and its share of the step goes from {share_one} to {share_many}.
"""

import math
from typing import Any

import plotly.graph_objects as go

from attnsite.figures.time_per_token import KERNEL
from attnsite.figures.toolkit import axes, measured_rows, style
from attnsite.figures.toolkit.layer import plus, products, times
from attnsite.records.quantity import Quantity
from attnsite.records.run_file import Row, Run

EXPERIMENT = "time_per_token"
TITLE_COLUMNS = ("step per sequence", "weights per sequence")
KV_HEADS = 8
WEIGHTS, ATTENTION = ("weights, modelled", style.OURS_2), ("attention, measured", style.OURS)


def batches(run: Run) -> dict[int, Row]:
    """By the batch: the step at the longest context of several sequences."""
    rows = [row for row in run.where(KERNEL, kv_heads=KV_HEADS, queries=1) if row.samples]
    context = max((row.case["keys"] for row in rows if row.case["batch"] > 1), default=0)
    found = {row.case["batch"]: row for row in rows if row.case["keys"] == context}
    if len(found) < 2 or 1 not in found:
        raise LookupError("not measured yet on this machine: a decoding step of one and of several sequences")
    return dict(sorted(found.items()))


def parts(run: Run, batch: int, row: Row) -> tuple[Quantity, Quantity]:
    """Weights and attention, a sequence."""
    return times(products(run, KV_HEADS, batch), 1 / batch), times(row.quantity(), 1 / batch)


def values(run: Run) -> dict[str, Quantity]:
    rows = batches(run)
    largest = max(rows)
    (w1, a1), (wn, an) = parts(run, 1, rows[1]), parts(run, largest, rows[largest])
    return {
        "context": Quantity(rows[1].case["keys"], "count"),
        "largest": Quantity(largest, "count"),
        "one": plus(w1, a1),
        "many": plus(wn, an),
        "weights_one": w1,
        "weights_many": wn,
        "attention_one": a1,
        "attention_many": an,
        "attention_growth": measured_rows.ratio(rows[largest], rows[1]),
        "read_growth": _read_growth(run, rows[largest], rows[1]),
        "attention_growth_a_sequence": Quantity(an.value / a1.value, "×"),
        "share_one": Quantity(a1.value / (w1.value + a1.value), "%"),
        "share_many": Quantity(an.value / (wn.value + an.value), "%"),
    }


def _read_growth(run: Run, row: Row, other: Row) -> Quantity:
    """How many times as fast memory could be read in the one's rounds as in the other's."""
    mine, theirs = run.ceiling("read", row), run.ceiling("read", other)
    return Quantity(mine.value / theirs.value if mine and theirs else math.nan, "×")


def tabulate(runs: list[Run]) -> list[dict[str, Any]]:
    lines = []
    for run in runs:
        for batch, row in batches(run).items():
            weights, attention = parts(run, batch, row)
            lines.append(
                {"machine": run.machine, "batch": batch, "context length": row.case["keys"],
                 "attention, whole batch": row.quantity(), "attention per sequence": attention,
                 "weights per sequence": weights, "step per sequence": plus(weights, attention)}
            )  # fmt: skip
    return lines


def draw(runs: list[Run]) -> go.Figure:
    run = runs[0]
    rows = batches(run)
    split = [parts(run, batch, row) for batch, row in rows.items()]
    places = [float(i) for i in range(len(rows))]
    tallest = max(w.value + (a.high or a.value) for w, a in split)
    x = axes.Axis("sequences in the batch", -0.6, len(rows) - 0.4, tuple(places), tuple(map(str, rows)))
    on = style.chart(x, axes.linear_axis("decode step, per sequence", [0, tallest], "s", most=6))
    below = [0.0] * len(rows)
    for which, (label, colour) in ((1, ATTENTION), (0, WEIGHTS)):
        heights = [part[which].value for part in split]
        hover = [f"batch of {batch}, {label}: {part[which]} a sequence"
                 for batch, part in zip(rows, split, strict=True)]  # fmt: skip
        on.figure.add_bar(x=places, y=heights, base=list(below), name=label, marker={"color": colour},
                          hovertext=hover, hoverinfo="text", textposition="none")  # fmt: skip
        on.ends.append((len(rows) - 0.6, below[-1] + heights[-1] / 2, label, colour))
        below = [b + h for b, h in zip(below, heights, strict=True)]
    on.figure.update_layout(barmode="overlay")
    halves = [(below[i] + (a.low or a.value) - a.value, below[i] + (a.high or a.value) - a.value)
              for i, (_, a) in enumerate(split)]  # fmt: skip
    style.whiskers(on, places, below, [low for low, _ in halves], [high for _, high in halves])
    return style.finish(on, run)
