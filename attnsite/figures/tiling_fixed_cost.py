"""A short call is nearly all fixed cost; the cost per score shows only in long sequences

Time of a call divided by the number of its scores, by sequence length. A falling line means fixed cost, a flat one a
constant cost per score.

A rising line means a further cost. All kernels answer the same calls in the same rounds. The kernel on BLAS hands its
products to a library head by head; in its shortest call the three steps, timed separately, account for
{blas_steps_share}; the rest was not profiled. The compiled kernels check their arguments and wake their threads.
Vertical lines mark the length at which the scores of all heads fill that cache level. Bands are interquartile ranges of
the samples; that of the kernel on BLAS is widest at {widest_tokens} tokens, where the lower half of its calls take
about {widest_low} and the upper half about {widest_high}. Both axes are logarithmic.

A chart of four lines over sequences of {shortest} to {longest} tokens. At {shortest} tokens a call takes
{cpu_blas_call} on BLAS, {cpu_online_call} with the online kernel and {cpu_simd_call} with the fastest. At {longest}
tokens the time per score is {cpu_blas_score} on BLAS, {cpu_online_score} online, {cpu_simd_score} with the fastest and
{control_written_score} with the same products and the scores materialised.
"""

from typing import Any

import plotly.graph_objects as go

from attnsite.figures.tiling_by_length import WRITTEN, filled, mark_caches, times
from attnsite.figures.toolkit import axes, measured_rows, style
from attnsite.records.quantity import Quantity
from attnsite.records.run_file import Row, Run

EXPERIMENT = "tiling_by_length"
TITLE_COLUMNS = ("time per score",)
KERNELS = {
    "cpu_blas": ("BLAS, materialised", style.KERNELS["cpu_blas"]),
    "cpu_online": ("online", style.KERNELS["cpu_online"]),
    "cpu_simd": ("SIMD", style.KERNELS["cpu_simd"]),
    WRITTEN: ("SIMD, materialised", style.Look(style.OURS_2, "dash", "diamond")),
}
STAGES = ("scores", "softmax", "values")


def _scores(row: Row) -> int:
    return int(row.case["heads"] * row.case["queries"] * row.case["keys"])


def each(row: Row) -> Quantity:
    """The time of a score."""
    low, high = row.middle_half()
    return Quantity(row.median / _scores(row), "s", low / _scores(row), high / _scores(row))


def values(run: Run) -> dict[str, Quantity]:
    rows = times(run)
    lengths = sorted(rows["cpu_simd"])
    named = {"shortest": Quantity(lengths[0], "count"), "longest": Quantity(lengths[-1], "count")}
    short = [
        row.median for stage in STAGES for row in run.where("cpu_blas", stage=stage, queries=lengths[0], threads=0)
    ]
    named["blas_steps_share"] = Quantity(sum(short) / rows["cpu_blas"][lengths[0]].median, "%")
    for kernel in KERNELS:
        longest = rows[kernel][max(rows[kernel])]
        named |= {f"{kernel}_call": rows[kernel][lengths[0]].quantity(), f"{kernel}_score": each(longest),
                  f"{kernel}_longest": longest.quantity()}  # fmt: skip
        quickest = min(rows[kernel].values(), key=lambda row: each(row).value)
        named[f"{kernel}_least_score"] = each(quickest)
        named[f"{kernel}_rise"] = Quantity(each(longest).value / each(quickest).value, "×")
    widest = max(rows["cpu_blas"].values(), key=measured_rows.width)
    low, high = measured_rows.halves(widest)
    named |= {"widest_tokens": Quantity(widest.case["queries"], "count"), "widest_low": low, "widest_high": high}
    blas = max(rows["cpu_blas"])
    steps = [row for stage in STAGES for row in run.where("cpu_blas", stage=stage, queries=blas)]
    if len(steps) == len(STAGES):
        known = sum(row.median for row in steps)
        whole = rows["cpu_blas"][blas]
        named["new_memory"] = Quantity(max(0.0, 1 - known / whole.median), "%")
        named["softmax_share"] = Quantity(steps[1].median / known, "%")
    return named


def tabulate(runs: list[Run]) -> list[dict[str, Any]]:
    return [
        {"machine": run.machine, "kernel": kernel, "tokens": n, "time per call": row.quantity(),
         "time per score": each(row)}
        for run in runs
        for kernel in KERNELS
        for n, row in sorted(times(run)[kernel].items())
    ]  # fmt: skip


def draw(runs: list[Run]) -> go.Figure:
    run = runs[0]
    rows = times(run)
    every = [each(row) for kernel in KERNELS for row in rows[kernel].values()]
    on = style.chart(
        axes.cases_axis("sequence length, in tokens", rows["cpu_simd"], "tokens"),
        axes.log_axis("time of a call / number of scores", [v for q in every for v in (q.low or q.value, q.value)],
                       "s", pad=1.5),
    )  # fmt: skip
    mark_caches(on, filled(run))
    for kernel, (label, look) in KERNELS.items():
        those = {n: each(row) for n, row in sorted(rows[kernel].items())}
        style.line(
            on, list(those), [q.value for q in those.values()], look, label,
            low=[q.low or q.value for q in those.values()], high=[q.high or q.value for q in those.values()],
            hover=[f"{label}, {axes.tokens(n)} tokens: {q} per score<br>{rows[kernel][n].quantity()} per call"
                   for n, q in those.items()],
        )  # fmt: skip
    return style.finish(on, run)
