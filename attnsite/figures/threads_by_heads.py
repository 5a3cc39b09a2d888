"""A kernel that splits its work by heads leaves threads idle when there is one head

Speed-up of {threads} threads over one, by number of heads, for kernels that split the work differently. With one head,
the kernel that splits by heads does not speed up.

The kernel with three loops ("naive") splits by whole heads, so one head cannot use a second thread. The one with an
online softmax splits by heads and blocks of queries, the one on BLAS leaves the division to that library. The dotted
line is what whole heads can reach at most, the smaller of heads and threads. Bands are the widest ratio of the two
quartile ranges; where calls fell into two groups they are wide, and the line lies between.

A chart of one line for each kernel. With one head, {threads} threads make the kernel that splits by whole heads
{one_head_whole_heads} as fast as one thread, and the kernel that also splits the queries {one_head_query_blocks}. With
{most_heads} heads it is {many_heads_whole_heads} and {many_heads_query_blocks}.
"""

from typing import Any

import plotly.graph_objects as go

from attnsite.figures.toolkit import axes, measured_rows, style
from attnsite.records.quantity import Quantity
from attnsite.records.run_file import Run

EXPERIMENT = "threads_by_heads"
TITLE_COLUMNS = ("time per call",)
WHOLE_HEADS, QUERY_BLOCKS = "cpu_naive", "cpu_online"
Speedups = dict[int, Quantity]


def speedups(run: Run, threads: int | None = None) -> tuple[int, dict[str, Speedups]]:
    """The most threads that were measured and, by kernel and number of heads, how much faster than one they were."""
    ran = [row for row in run.where() if row.samples]
    threads = threads or max((row.case["threads"] for row in ran), default=1)
    if threads < 2:
        raise LookupError("not measured yet on this machine: more than one thread")
    found: dict[str, Speedups] = {}
    for kernel in measured_rows.kernels(run):
        for many in run.where(kernel, threads=threads):
            one = run.where(kernel, **{**many.case, "threads": 1})
            if one:
                found.setdefault(kernel, {})[many.case["heads"]] = measured_rows.ratio(one[0], many)
    if not found:
        raise LookupError("not measured yet on this machine: one thread and several on the same work")
    return threads, {kernel: dict(sorted(those.items())) for kernel, those in found.items()}


def values(run: Run) -> dict[str, Quantity]:
    threads, found = speedups(run)
    if not {WHOLE_HEADS, QUERY_BLOCKS} <= set(found):
        raise LookupError(f"not measured yet on this machine: {WHOLE_HEADS} and {QUERY_BLOCKS} with several threads")
    both = set(found[WHOLE_HEADS]) & set(found[QUERY_BLOCKS])
    if 1 not in both:
        raise LookupError("not measured yet on this machine: one head with several threads")
    kernels = {"whole_heads": WHOLE_HEADS, "query_blocks": QUERY_BLOCKS}
    named = {"whole_heads": found[WHOLE_HEADS], "query_blocks": found[QUERY_BLOCKS]}
    values_ = {"threads": Quantity(threads, "count"), "most_heads": Quantity(max(both), "count")}
    for name, those in named.items():
        values_[f"one_head_{name}"], values_[f"many_heads_{name}"] = those[1], those[max(both)]
        values_ |= {f"{name}_{heads}_heads": those[heads] for heads in those if heads > 1}
        for heads in those:
            one, many = (run.where(kernels[name], heads=heads, threads=n)[0] for n in (1, threads))
            values_[f"{name}_{heads}_fastest"] = Quantity(min(one.samples) / min(many.samples), "×")
    return values_


def tabulate(runs: list[Run]) -> list[dict[str, Any]]:
    return measured_rows.table(runs, {"heads": "heads", "threads": "threads", "dim": "head dim", "queries": "tokens"})


def draw(runs: list[Run]) -> go.Figure:
    threads, found = speedups(runs[0])
    heads = sorted({h for those in found.values() for h in those})
    bound = [min(h, threads) for h in heads]
    tallest = max([*bound, *(q.high or q.value for those in found.values() for q in those.values())])
    x = axes.cases_axis("heads", heads, "count")
    on = style.chart(x, axes.linear_axis(f"speed-up from {threads} threads", [0, tallest], "×"))
    style.reference(on, heads, bound, "whole heads at most")
    style.note(on, heads[0], bound[0], "dotted: whole heads at most", style.MUTE, above=False, anchor="left",
                shift=(12, -12))  # fmt: skip
    for kernel, look in style.looks(list(found)).items():
        those = found[kernel]
        hover = [f"{style.call(kernel)}, {h} heads: {q}<br>{q.spread()}" for h, q in those.items()]
        style.line(on, list(those), [q.value for q in those.values()], look, style.call(kernel), hover=hover,
                    low=[q.low or q.value for q in those.values()],
                    high=[q.high or q.value for q in those.values()])  # fmt: skip
    return style.finish(on, runs[0])
