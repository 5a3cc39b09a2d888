"""Memory is quadratic in the sequence length only if the score matrix is materialised

Increase in the peak memory of the process per call, with {heads} heads. Kernels with an online softmax stay flat.

The grey line is the size of all scores in float32, 4 · H · N² bytes. A kernel that materialises them follows it; one
that keeps a running maximum and a running sum for each query holds a block at a time. Increases of less than a page are
below the resolution and are drawn at {least_shown}. Queries, keys, values and the output exist before the call and are
not counted. Bands are interquartile ranges; both axes are logarithmic.

A chart of one line for each kernel over the sequence length. At {tokens} tokens the kernel that materialises the score
matrix raises the peak by {materialised_peak}, the one with an online softmax by {online_peak}; the scores alone are
{score_bytes}.
"""

from typing import Any

import plotly.graph_objects as go

from attnsite.figures.toolkit import axes, measured_rows, style
from attnsite.formulas.attention import Attention
from attnsite.records.quantity import Quantity
from attnsite.records.run_file import Row, Run

EXPERIMENT = "score_memory"
TITLE_COLUMNS = ("rise of the peak",)
WRITTEN_OUT, ONLINE = "cpu_blas", "cpu_online"
PAGE = 4096  # bytes: memory is given in pages, so less than one cannot be seen


def _scores(row: Row) -> int:
    case = row.case
    return Attention(1, case["heads"], case["dim"]).score_bytes(case["queries"], case["keys"])


def _at(rows: list[Row], tokens: int) -> Row:
    return next(row for row in rows if row.case["queries"] == tokens)


def _rows(run: Run) -> dict[str, list[Row]]:
    """By kernel, the rows with the fewest heads, from the shortest context to the longest."""
    ran = [row for row in run.where() if row.samples]
    if not ran:
        raise LookupError("not measured yet on this machine: the memory of a call of attention")
    heads = min(row.case["heads"] for row in ran)
    found = {
        kernel: sorted(run.where(kernel, heads=heads), key=lambda row: row.case["queries"])
        for kernel in measured_rows.kernels(run)
    }
    return {kernel: rows for kernel, rows in found.items() if rows}


def values(run: Run) -> dict[str, Quantity]:
    rows = _rows(run)
    if not {WRITTEN_OUT, ONLINE} <= set(rows):
        raise LookupError(f"not measured yet on this machine: the memory of {WRITTEN_OUT} and of {ONLINE}")
    common = {row.case["queries"] for row in rows[WRITTEN_OUT]} & {row.case["queries"] for row in rows[ONLINE]}
    if not common:
        raise LookupError("not measured yet on this machine: no context that both kernels finished")
    written, online = (_at(rows[kernel], max(common)) for kernel in (WRITTEN_OUT, ONLINE))
    least = max(online.median, PAGE)
    low, high = written.middle_half()
    return {
        "materialised_peak": written.quantity("B"),
        "online_peak": online.quantity("B"),
        "ratio": Quantity(written.median / least, "×", low / max(PAGE, online.middle_half()[1]), high / least),
        "online_over_materialised": Quantity(online.median / written.median, "%"),
        "materialised_over_scores": Quantity(written.median / _scores(written), "×"),
        "score_bytes": Quantity(_scores(written), "B"),
        "tokens": Quantity(max(common), "count"),
        "heads": Quantity(written.case["heads"], "count"),
        "least_shown": Quantity(PAGE, "B"),
    }


def tabulate(runs: list[Run]) -> list[dict[str, Any]]:
    return measured_rows.table(
        runs, {"heads": "heads", "dim": "head dim", "queries": "tokens"}, "B", "rise of the peak"
    )


def draw(runs: list[Run]) -> go.Figure:
    rows = _rows(runs[0])
    every = [row for those in rows.values() for row in those]
    tokens = sorted({row.case["queries"] for row in every})
    scores = [_scores(_at(every, n)) for n in tokens]
    shown = [max(PAGE, bytes_) for row in every for bytes_ in row.middle_half()]
    x = axes.cases_axis("sequence length, in tokens", tokens, "tokens")
    on = style.chart(x, axes.log_axis("rise of the peak of memory", [*shown, *scores], "B", base=2, pad=2.5))
    middle = (len(tokens) - 1) // 2 or len(tokens) - 1
    style.reference(on, tokens, scores, "scores, 4 H N²", behind=True)
    style.note(
        on, tokens[middle], scores[middle], "grey: all scores, 4 H N²", style.MUTE, anchor="right", shift=(-12, 12)
    )
    for kernel, look in style.looks(list(rows)).items():
        those = rows[kernel]
        halves = [row.middle_half() for row in those]
        style.line(
            on, [r.case["queries"] for r in those], [max(PAGE, r.median) for r in those], look, style.call(kernel),
            low=[max(PAGE, low) for low, _ in halves], high=[max(PAGE, high) for _, high in halves],
            hover=[f"{style.call(kernel)}, {r.case['queries']} tokens: {r.quantity('B')}" for r in those],
        )  # fmt: skip
    return style.finish(on, runs[0])
