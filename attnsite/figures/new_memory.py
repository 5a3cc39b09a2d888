"""Page faults on a newly allocated score matrix cost more than leaving the cache

Time of a call divided by the number of its scores, by the size of all scores, with memory allocated in every call and
with memory reused.

{fewest} to {most} heads of dimension {dim} over {tokens} tokens, so that only the number of the scores varies and not
the work for each. From 32 MiB on the C library of Linux maps new memory in every call, and the system clears it; the
vertical line marks that size. If the last-level cache has the same size, the rise of the “reused” line is the cost of
no longer fitting it. Bands are interquartile ranges; the lower axis is logarithmic, and the other one does not begin at
zero.

A chart of two lines. With new memory a call takes {inside} the time with reused memory while the scores are smaller
than 32 MiB, and {outside} from there on, in the geometric mean. With reused memory, the time of a score at the largest
size is {kept_rise} that at the largest size below 32 MiB.
"""

from typing import Any

import plotly.graph_objects as go

from attnsite.figures.toolkit import axes, peers, style
from attnsite.formulas.attention import Attention
from attnsite.records.quantity import Quantity
from attnsite.records.run_file import Row, Run

EXPERIMENT = "new_memory"
TITLE_COLUMNS = ("time per score", "size of the scores")
NEW, KEPT = "cpu_blas", "control_kept"
MAPPED = 32 << 20  # bytes from which glibc maps a block anew for every allocation [@manpages2024mallopt]
KERNELS = {
    NEW: ("allocated in every call", style.Look(style.OTHER, symbol="square")),
    KEPT: ("reused", style.Look(style.OURS)),
}


def score_bytes(row: Row) -> int:
    case = row.case
    return Attention(1, case["heads"], case["dim"]).score_bytes(case["queries"], case["keys"])


def rows_of(run: Run) -> dict[str, dict[int, Row]]:
    """By kernel and size of the scores."""
    found = {kernel: {score_bytes(row): row for row in run.where(kernel) if row.samples} for kernel in KERNELS}
    if not found[NEW].keys() & found[KEPT].keys():
        raise LookupError("not measured yet on this machine: a kernel with new memory and with memory that is kept")
    return {kernel: dict(sorted(rows.items())) for kernel, rows in found.items()}


def each(row: Row) -> Quantity:
    """The time of a score."""
    scores = score_bytes(row) / 4
    low, high = row.middle_half()
    return Quantity(row.median / scores, "s", low / scores, high / scores)


def values(run: Run) -> dict[str, Quantity]:
    rows = rows_of(run)
    sizes = [size for size in rows[NEW] if size in rows[KEPT]]
    ratios = {size: peers.paired(rows[NEW][size], rows[KEPT][size]) for size in sizes}
    small = [size for size in sizes if size < MAPPED] or sizes
    large = [size for size in sizes if size >= MAPPED] or sizes
    case = rows[KEPT][sizes[-1]].case
    return {
        "mapped_from": Quantity(MAPPED, "B"),
        "dim": Quantity(case["dim"], "count"),
        "tokens": Quantity(case["queries"], "count"),
        "fewest": Quantity(rows[KEPT][sizes[0]].case["heads"], "count"),
        "most": Quantity(case["heads"], "count"),
        "inside": peers.geomean([ratios[size] for size in small]),
        "outside": peers.geomean([ratios[size] for size in large]),
        "largest": ratios[sizes[-1]],
        "kept_rise": Quantity(each(rows[KEPT][large[-1]]).value / each(rows[KEPT][small[-1]]).value, "×"),
        "new_rise": Quantity(each(rows[NEW][large[-1]]).value / each(rows[NEW][small[-1]]).value, "×"),
    }


def tabulate(runs: list[Run]) -> list[dict[str, Any]]:
    return [
        {"machine": run.machine, "memory of the scores": KERNELS[kernel][0], "heads": row.case["heads"],
         "size of the scores": Quantity(size, "B"), "time per call": row.quantity(), "time per score": each(row)}
        for run in runs
        for kernel, rows in rows_of(run).items()
        for size, row in rows.items()
    ]  # fmt: skip


def draw(runs: list[Run]) -> go.Figure:
    run = runs[0]
    rows = rows_of(run)
    every = [v for those in rows.values() for row in those.values() for v in (each(row).low, each(row).high) if v]
    on = style.chart(
        axes.log_axis("size of all scores", [size for those in rows.values() for size in those], "B", base=2, most=4),
        axes.linear_axis("time of a call / number of scores", every, "s", zero=False, pad=0.15),
    )
    if on.x.low < MAPPED < on.x.high:
        style.reference(on, [MAPPED, MAPPED], [on.y.low, on.y.high], "mmap threshold, 32 MiB", dash="solid")
        style.note(on, MAPPED, on.y.high, "mmap threshold", style.MUTE, above=False, anchor="left", shift=(4, -2))
    for kernel, (label, look) in KERNELS.items():
        those = {size: each(row) for size, row in rows[kernel].items()}
        style.line(
            on, list(those), [q.value for q in those.values()], look, label,
            low=[q.low or q.value for q in those.values()], high=[q.high or q.value for q in those.values()],
            hover=[f"{label}, {Quantity(size, 'B')}: {q} per score" for size, q in those.items()],
        )  # fmt: skip
    return style.finish(on, run)
