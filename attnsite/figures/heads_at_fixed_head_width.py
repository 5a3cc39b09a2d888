"""At fixed head_dim 64, an online softmax's time grows linearly with the heads (exponent {exponent})

Time of one call of each kernel, by the number of heads with head_dim 64.

The grey line is exact proportion, twice the heads, twice the time, drawn through the first point of the kernel with an
online softmax; the exponent in the title is that kernel's. A line that is less steep at the left has a cost that does
not depend on heads, or leaves threads idle while there are few. Bands are interquartile ranges; both axes are
logarithmic.

A chart of one line for each kernel, rising over the number of heads at {tokens} tokens. The slope on logarithmic axes
is {exponent} for the kernel with an online softmax, where 1 would be proportional: while the number of heads grows
{growth_of_heads}, the time goes from {time_fewest} to {time_most}.
"""

import math
from typing import Any

import plotly.graph_objects as go

from attnsite.figures.toolkit import axes, measured_rows, style
from attnsite.records.quantity import Quantity
from attnsite.records.run_file import Row, Run

EXPERIMENT = "heads_at_fixed_head_width"
TITLE_COLUMNS = ("time per call",)
KERNEL = "cpu_online"


def _rows(run: Run) -> dict[str, list[Row]]:
    """By kernel, the rows at the context with the most numbers of heads, where there are at least two."""
    heads: dict[int, set[int]] = {}
    for row in run.where():
        if row.kernel in run.kernel_names():
            heads.setdefault(row.case["queries"], set()).add(row.case["heads"])
    tokens = max(heads, key=lambda tokens: (len(heads[tokens]), tokens), default=0)
    found = {
        kernel: sorted(run.where(kernel, queries=tokens), key=lambda row: row.case["heads"])
        for kernel in measured_rows.kernels(run)
    }
    found = {kernel: rows for kernel, rows in found.items() if len(rows) > 1}
    if not found:
        raise LookupError("not measured yet on this machine: no kernel has run with two numbers of heads")
    return found


def values(run: Run) -> dict[str, Quantity]:
    rows = _rows(run)
    found = {f"{kernel}_exponent": measured_rows.exponent(those, "heads") for kernel, those in rows.items()}
    shown = rows.get(KERNEL) or next(iter(rows.values()))
    first, last = shown[0], shown[-1]
    return found | {
        "exponent": measured_rows.exponent(shown, "heads"),
        "tokens": Quantity(first.case["queries"], "count"),
        "least_heads": Quantity(first.case["heads"], "count"),
        "most_heads": Quantity(last.case["heads"], "count"),
        "time_fewest": first.quantity(),
        "time_most": last.quantity(),
        "growth": measured_rows.ratio(last, first),
        "growth_of_heads": Quantity(last.case["heads"] / first.case["heads"], "×"),
    }


def tabulate(runs: list[Run]) -> list[dict[str, Any]]:
    return measured_rows.table(runs, {"heads": "heads", "dim": "head dim", "queries": "tokens"})


def draw(runs: list[Run]) -> go.Figure:
    rows = _rows(runs[0])
    every = [row for those in rows.values() for row in those]
    shown = rows.get(KERNEL) or next(iter(rows.values()))
    heads = sorted({row.case["heads"] for row in every})
    x = axes.cases_axis("heads, each of dimension 64", heads, "count")
    on = style.chart(x, axes.log_axis("time of one call", [time for row in every for time in row.middle_half()], "s"))
    top = min(shown[-1].case["heads"], shown[0].case["heads"] * on.y.high / shown[0].median)
    ends = [shown[0].case["heads"], top]
    style.reference(on, ends, [shown[0].median * h / ends[0] for h in ends], "proportional", behind=True)
    middle = math.sqrt(ends[0] * ends[1])
    style.note(on, middle, shown[0].median * middle / ends[0], "grey: proportional", style.MUTE, above=True,
                anchor="right", shift=(-8, 14))  # fmt: skip
    for kernel, look in style.looks(list(rows)).items():
        measured_rows.curve(on, rows[kernel], "heads", style.call(kernel), look)
    return style.finish(on, runs[0])
