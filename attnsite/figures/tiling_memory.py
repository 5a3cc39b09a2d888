"""Beyond {equal_at} tokens the scores are larger than inputs and output together

Increase in peak memory per call, by sequence length, next to the size of its queries, keys, values and output together.

The dotted line is the size of the scores, 4 H N² bytes; inputs and output are 16 H N d bytes, so the ratio is N / 4d
whatever the number of heads. Inputs and output exist before the call, and so does what a kernel reuses from an earlier
one. Small allocations often reuse memory that the process already holds, so short sequences can lie below the dotted
line. Increases of less than a page are below the resolution and are drawn at {least_shown}. Bands are interquartile
ranges; both axes are logarithmic.

A chart of two lines over sequences of {shortest} to {longest} tokens with a head dimension of {dim}. At {longest}
tokens the kernel that materialises its scores needs {written_longest} the size of its inputs and output,
{written_bytes}; the tiled one needs {tiled_bytes}.
"""

from typing import Any

import plotly.graph_objects as go

from attnsite.figures.toolkit import axes, style
from attnsite.formulas.attention import Attention
from attnsite.records.quantity import Quantity
from attnsite.records.run_file import Row, Run

EXPERIMENT = "tiling_memory"
TITLE_COLUMNS = ("increase in peak", "inputs and output")
PAGE = 4096  # bytes: memory is given in pages, so less than one cannot be seen
KERNELS = {
    "cpu_blas": ("scores materialised", style.KERNELS["cpu_blas"]),
    "cpu_simd": ("tiled", style.KERNELS["cpu_simd"]),
}


def given(row: Row) -> int:
    """The bytes of q, k, v and out."""
    case = row.case
    return Attention(1, case["heads"], case["dim"], case["kv_heads"]).input_bytes(case["queries"], case["keys"])


def over_given(row: Row) -> Quantity:
    low, high = row.middle_half()
    return Quantity(
        *(max(PAGE, row.median) / given(row), "×"), max(PAGE, low) / given(row), max(PAGE, high) / given(row)
    )


def rows_of(run: Run) -> dict[str, dict[int, Row]]:
    found = {kernel: {r.case["queries"]: r for r in run.where(kernel) if r.samples} for kernel in KERNELS}
    if not all(found.values()):
        raise LookupError(
            "not measured yet on this machine: the memory of a kernel that materialises its scores, and of a tiled one"
        )
    return {kernel: dict(sorted(rows.items())) for kernel, rows in found.items()}


def values(run: Run) -> dict[str, Quantity]:
    rows = rows_of(run)
    written, tiled = rows.values()
    longest = max(written.keys() & tiled)
    case = written[longest].case
    ratios = {n: over_given(row).value for n, row in written.items()}
    above = [n for n in written if all(ratios[m] > 1 for m in written if m >= n)]
    return {
        "shortest": Quantity(min(written), "count"),
        "longest": Quantity(longest, "count"),
        "dim": Quantity(case["dim"], "count"),
        "heads": Quantity(case["heads"], "count"),
        "written_longest": over_given(written[longest]),
        "written_bytes": written[longest].quantity("B"),
        "tiled_longest": over_given(tiled[longest]),
        "tiled_bytes": tiled[longest].quantity("B"),
        "tiled_most": Quantity(max(row.median for row in tiled.values()), "B"),
        "given_longest": Quantity(given(written[longest]), "B"),
        "larger_from": Quantity(above[0] if above else 0, "count"),
        "equal_at": Quantity(4 * case["dim"], "count"),
        "least_shown": Quantity(PAGE, "B"),
    }


def tabulate(runs: list[Run]) -> list[dict[str, Any]]:
    return [
        {"machine": run.machine, "kernel": kernel, "tokens": n, "inputs and output": Quantity(given(row), "B"),
         "increase in peak": row.quantity("B"), "increase / inputs and output": over_given(row)}
        for run in runs
        for kernel, rows in rows_of(run).items()
        for n, row in rows.items()
    ]  # fmt: skip


def draw(runs: list[Run]) -> go.Figure:
    run = runs[0]
    rows = rows_of(run)
    sizes = {n: given(row) for n, row in sorted({**rows["cpu_simd"], **rows["cpu_blas"]}.items())}
    lengths = list(sizes)
    dim = next(iter(rows["cpu_blas"].values())).case["dim"]
    scores = {n: size * n / (4 * dim) for n, size in sizes.items()}
    shown = {kernel: {n: max(PAGE, row.median) for n, row in those.items()} for kernel, those in rows.items()}
    every = [*sizes.values(), *scores.values(), *(v for those in shown.values() for v in those.values())]
    on = style.chart(
        axes.cases_axis("sequence length, in tokens", lengths, "tokens"),
        axes.log_axis("increase in peak memory", every, "B", base=2),
    )
    style.reference(on, lengths, list(sizes.values()), "inputs and output", dash="solid", end=True)
    style.reference(on, lengths, list(scores.values()), "scores")
    far = lengths[5 * len(lengths) // 8]
    style.note(on, far, scores[far], "scores, 4 H N²", style.MUTE, anchor="right", shift=(-10, 8))
    for kernel, (label, look) in KERNELS.items():
        halves = [row.middle_half() for row in rows[kernel].values()]
        style.line(
            on, list(shown[kernel]), list(shown[kernel].values()), look, label,
            low=[max(PAGE, low) for low, _ in halves], high=[max(PAGE, high) for _, high in halves],
            hover=[f"{label}, {axes.tokens(n)} tokens: {row.quantity('B')}<br>{over_given(row)} inputs and output"
                   for n, row in rows[kernel].items()],
        )  # fmt: skip
    return style.finish(on, run)
