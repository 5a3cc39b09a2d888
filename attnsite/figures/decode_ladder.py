"""With {heads} KV heads a decode step takes {times_reading} as long as reading its cache once

Time of a decode step over {context} tokens with {heads} query heads and as many KV heads. The short line on a bar is
the least time to read the cache.

The colour says how the cache is stored, in float32, bfloat16 or int8, as where the errors of these are compared. A bar
is the median, its whisker the interquartile range of the samples. The least time is the size of the keys and values as
the kernel stores them, over the bandwidth that was read in the same rounds; what a bar is longer than that is what a
better kernel could still win. bfloat16 and int8 are fewer bytes to read, but each element has to be widened before it
is used, and they answer for a cache that has been rounded.

A bar chart of {count} kernels. The slowest takes {slowest}, the fastest {fastest}. With float32 the best kernel reads
the cache at {share_of_read} of the measured bandwidth; bfloat16 is {gain_bf16} and int8 {gain_int8} as fast as that.
"""

from typing import Any

import plotly.graph_objects as go

from attnsite.figures.error_by_storage import STORED
from attnsite.figures.toolkit import axes, measured_rows, style
from attnsite.records.quantity import Quantity
from attnsite.records.run_file import Row, Run

EXPERIMENT = "decode_by_context"
TITLE_COLUMNS = ("time per step", "least time")
BEST = "cpu_simd_decode"


def ladder(run: Run) -> list[Row]:
    """The rows of the longest context with a KV head for each query head, slowest first."""
    rows = [r for r in run.where() if r.samples and r.case["kv_heads"] == r.case["heads"]]
    rows = [r for r in rows if r.who and (r.who.kind, r.who.device) == ("kernel", "cpu")]
    context = max((r.case["keys"] for r in rows if r.kernel == BEST), default=0)
    if not context:
        raise LookupError(f"not measured yet on this machine: {BEST} with a KV head for each query head")
    return sorted((r for r in rows if r.case["keys"] == context), key=lambda r: -r.median)


def _least(run: Run, row: Row) -> float:
    read = run.ceiling("read", row)
    if read is None:
        raise LookupError("not measured yet on this machine: how fast it reads memory")
    return measured_rows.cache_bytes(row) / read.value


def _look(row: Row) -> style.Look:
    """That of the dtype in which a kernel reads the cache."""
    kept = {"bf16": "bf16", "int8": "int8_cache", "f16": "f16"}
    return STORED[kept.get(str(row.kernel).rpartition("_")[2], "cpu_simd")][2]


def values(run: Run) -> dict[str, Quantity]:
    rows = ladder(run)
    by_kernel = {str(row.kernel): row for row in rows}
    best = by_kernel[BEST]
    found = {
        "context": Quantity(best.case["keys"], "count"),
        "heads": Quantity(best.case["heads"], "count"),
        "count": Quantity(len(rows), "count"),
        "slowest": rows[0].quantity("s"),
        "fastest": rows[-1].quantity("s"),
        "share_of_read": Quantity(_least(run, best) / best.median, "%"),
        "times_reading": Quantity(best.median / _least(run, best), "×"),
        **{f"time_{name}": row.quantity("s") for name, row in by_kernel.items()},
    }
    for name, kernel in (("bf16", "cpu_simd_decode_bf16"), ("int8", "cpu_simd_decode_int8")):
        if kernel not in by_kernel:
            raise LookupError(f"not measured yet on this machine: {kernel}")
        found[f"gain_{name}"] = measured_rows.ratio(best, by_kernel[kernel])
    return found


def tabulate(runs: list[Run]) -> list[dict[str, Any]]:
    return [
        {"machine": run.machine, "kernel": row.kernel, "time per step": row.quantity("s"),
         "cache": Quantity(measured_rows.cache_bytes(row), "B"), "least time": Quantity(_least(run, row), "s"),
         "samples": len(row.samples)}
        for run in runs
        for row in ladder(run)
    ]  # fmt: skip


def draw(runs: list[Run]) -> go.Figure:
    run = runs[0]
    rows = ladder(run)
    names = tuple(style.call(str(row.kernel)) for row in rows)
    most = max(row.middle_half()[1] for row in rows) * 1.32
    x = axes.linear_axis("time per decode step", [0, most, _least(run, rows[-1]) * 1.3], "s")
    on = style.chart(x, axes.Axis("kernel", -0.6, len(rows) - 0.4, tuple(map(float, range(len(rows)))), names))
    on.figure.update_yaxes(showgrid=False)
    for y, row in enumerate(rows):
        low, high = row.middle_half()
        time, least = row.quantity("s"), _least(run, row)
        on.figure.add_bar(
            x=[row.median], y=[y], orientation="h", width=0.56, marker={"color": _look(row).colour},
            hovertext=[f"{names[y]}: {time}<br>at least {Quantity(least, 's')}"], hoverinfo="text",
        )  # fmt: skip
        style.whiskers(on, [row.median], [y], [low], [high], level=True)
        style.tick(on, [least, least], [y - 0.36, y + 0.36])
        style.note(on, high, y, str(time), anchor="left", shift=(10, 0), name="fixed")
    style.note(on, _least(run, rows[-1]), len(rows) - 0.62, "| reading alone", style.MUTE, anchor="left", shift=(6, 0))
    return style.finish(on, run)
