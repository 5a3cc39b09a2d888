"""How much the number of heads costs at fixed width depends on the kernel

The time of one call for each kernel as a width of 1024 is cut into more heads. Compare how far each line rises from
eight heads on.

The FLOPs of the matrix products are the same all along every line, so a flat line would be a kernel that takes no
notice of softmax and of thinner matrices. Bands hold the interquartile range of the samples; both axes are logarithmic.

A chart of one line for each kernel over the number of heads, at {tokens} tokens. From 8 heads to 128 the time changes
by {least_growth} in the kernel that notices least and by {most_growth} in the one that notices most.
"""

from typing import Any

import plotly.graph_objects as go

from attnsite.figures.toolkit import axes, measured_rows, style
from attnsite.records.quantity import Quantity
from attnsite.records.run_file import Row, Run

EXPERIMENT = "heads_at_fixed_width"
TITLE_COLUMNS = ("time per call",)
FEW, MANY = 8, 128


def _rows(run: Run) -> dict[str, list[Row]]:
    """By kernel, at the largest context at which some kernel has both ends."""
    tokens = measured_rows.largest(
        (row for row in run.where() if row.kernel in run.kernel_names()), "queries", [("heads", FEW), ("heads", MANY)]
    )
    found = {kernel: run.where(kernel, queries=tokens) for kernel in measured_rows.kernels(run)}
    return {kernel: rows for kernel, rows in found.items() if len(rows) > 1}


def values(run: Run) -> dict[str, Quantity]:
    found: dict[str, Quantity] = {}
    for kernel, rows in _rows(run).items():
        at = {row.case["heads"]: row for row in rows}
        found["tokens"] = Quantity(rows[0].case["queries"], "count")
        found[f"{kernel}_fastest_heads"] = Quantity(min(rows, key=lambda row: row.median).case["heads"], "count")
        if FEW in at and MANY in at:
            found[f"{kernel}_growth"] = measured_rows.ratio(at[MANY], at[FEW])
            found[f"{kernel}_time_8"], found[f"{kernel}_time_128"] = at[FEW].quantity(), at[MANY].quantity()
    growths = [quantity for name, quantity in found.items() if name.endswith("_growth")]
    if not growths:
        raise LookupError("not measured yet on this machine: no kernel has run with both 8 and 128 heads")
    least, most = (pick(growths, key=lambda quantity: quantity.value) for pick in (min, max))
    return found | {"least_growth": least, "most_growth": most}


def tabulate(runs: list[Run]) -> list[dict[str, Any]]:
    return measured_rows.table(runs, {"heads": "heads", "dim": "head dim", "queries": "tokens"})


def draw(runs: list[Run]) -> go.Figure:
    rows = _rows(runs[0])
    every = [row for those in rows.values() for row in those]
    on = style.chart(
        axes.cases_axis("heads, of head_dim 1024 / heads", [row.case["heads"] for row in every], "count"),
        axes.log_axis("time of one call", [time for row in every for time in row.middle_half()], "s"),
    )
    for kernel, look in style.looks(list(rows)).items():
        measured_rows.curve(on, rows[kernel], "heads", style.call(kernel), look)
    return style.finish(on, runs[0])
