"""Blocks of 32 tokens are large enough; smaller ones leave registers partly empty

Speed over the pairs that are kept, by block size, for a causal prefill of {tokens} tokens. The dotted line has nothing
skipped.

All layouts keep 512 tokens up to the diagonal and an eighth of what lies before. The kernel works on panels of 32
queries where registers hold 16 elements. A smaller block leaves lanes empty, and its tile of keys is short for the work
of rescaling the output. Large blocks keep fewer pairs around the diagonal, which the speed allows for. The dotted line
is the same kernel with nothing skipped. The band is the interquartile range; the block size is on a logarithmic axis.

A chart of one line over blocks of {smallest} to {largest} tokens. It runs at {at_8} with blocks of 8 tokens, {at_32}
with 32 and {at_128} with 128, and at {dense_speed} with nothing skipped.
"""

from typing import Any

import plotly.graph_objects as go

from attnsite.figures.toolkit import axes, measured_rows, pairs, style
from attnsite.records.quantity import Quantity
from attnsite.records.run_file import Row, Run

EXPERIMENT = "sparse_block_size"
TITLE_COLUMNS = ("speed over kept pairs",)
KERNEL = "cpu_block_sparse"


def _rows(run: Run) -> tuple[Row, dict[int, Row]]:
    """The dense row, and the others by the size of their blocks."""
    rows = pairs.timed(run, KERNEL)
    dense = pairs.only([row for row in rows if not pairs.blocks(row)], f"{KERNEL} with nothing left out")
    sizes = {pairs.blocks(row)[0]: row for row in rows if pairs.blocks(row)}
    if len(sizes) < 2:
        raise LookupError(f"not measured yet on this machine: {KERNEL} with several sizes of blocks")
    return dense, dict(sorted(sizes.items()))


def values(run: Run) -> dict[str, Quantity]:
    dense, rows = _rows(run)
    whole = pairs.speed(dense)
    found = {
        "tokens": Quantity(dense.case["queries"], "count"),
        "smallest": Quantity(min(rows), "count"),
        "largest": Quantity(max(rows), "count"),
        "dense_speed": whole,
    }
    for size, row in rows.items():
        speed = pairs.speed(row)
        found[f"at_{size}"] = speed
        found[f"share_{size}"] = Quantity(speed.value / whole.value, "%")
    if {16, 64} <= set(rows):
        found["gain_64_over_16"] = Quantity(found["at_64"].value / found["at_16"].value, "×")
    return found


def tabulate(runs: list[Run]) -> list[dict[str, Any]]:
    lines = measured_rows.table(runs, {"queries": "tokens"})
    measured = [row for run in runs for row in run.rows if row.kernel]
    for line, row in zip(lines, measured, strict=True):
        line["block size"] = (pairs.blocks(row) or (None,))[0]
        line["pairs kept per head"] = Quantity(pairs.pairs(row), "count")
        line["speed over kept pairs"] = pairs.speed(row) if row.samples else None
    return [{"block size": line.pop("block size"), **line} for line in lines]


def draw(runs: list[Run]) -> go.Figure:
    dense, rows = _rows(runs[0])
    whole, rates = pairs.speed(dense), {size: pairs.speed(row) for size, row in rows.items()}
    tops = [q.high or q.value for q in (whole, *rates.values())]
    x = axes.cases_axis("block size, in tokens", list(rows), "count")
    on = style.chart(x, axes.linear_axis("speed over the kept pairs", [0, *tops], "FLOP/s"))
    style.reference(on, [x.low, x.high], [whole.value] * 2, "nothing skipped", at=0.28)
    style.line(
        on, list(rates), [q.value for q in rates.values()], style.Look(style.OURS), "block sparse",
        low=[q.low or q.value for q in rates.values()], high=[q.high or q.value for q in rates.values()],
        hover=[f"blocks of {size}: {rate}" for size, rate in rates.items()],
    )  # fmt: skip
    return style.finish(on, runs[0])
