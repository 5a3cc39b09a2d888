"""Materialised scores take {mask_narrow} with a window of {narrow} tokens and {mask_whole} without one

Increase in peak memory per call, by window length, for a causal prefill of {tokens} tokens with {heads} heads. The
upper line does not move.

The dotted line is the size of all scores in float32, 4 · H · N² bytes. A window that is laid over them as a mask hides
most and frees none; a kernel that skips keys holds a tile at a time and has no score matrix to save. Increases of less
than a page are below the resolution and are drawn at {least_shown}. Both axes are logarithmic.

A chart of two flat lines over the window, from {narrow} tokens to the whole prefill. The masked computation needs
{mask_narrow} with the narrowest window and {mask_whole} without one, the bounded one {skip_narrow} and {skip_whole}.
"""

from typing import Any

import plotly.graph_objects as go

from attnsite.figures.score_memory import PAGE
from attnsite.figures.toolkit import axes, measured_rows, pairs, style
from attnsite.figures.window_prefill import LOOKS, MASK, SKIP, both
from attnsite.formulas.attention import Attention
from attnsite.records.quantity import Quantity
from attnsite.records.run_file import Row, Run

EXPERIMENT = "window_scores"
TITLE_COLUMNS = ("rise of the peak",)
WORDS = {MASK: "laid over<br>the scores", SKIP: "bounds<br>the loop"}


def _rows(run: Run) -> tuple[int, dict[str, dict[int, Row]]]:
    every = both(run)
    tokens = max(every)
    return tokens, dict(zip((MASK, SKIP), every[tokens], strict=True))


def _scores(row: Row) -> int:
    return Attention(1, row.case["heads"], row.case["dim"]).score_bytes(row.case["queries"], row.case["keys"])


def values(run: Run) -> dict[str, Quantity]:
    tokens, rows = _rows(run)
    narrow = min(rows[MASK])
    least = min(rows[SKIP])
    first = rows[MASK][tokens]
    return {
        "tokens": Quantity(tokens, "count"),
        "heads": Quantity(first.case["heads"], "count"),
        "narrow": Quantity(narrow, "count"),
        "least_shown": Quantity(PAGE, "B"),
        "score_bytes": Quantity(_scores(first), "B"),
        "mask_narrow": rows[MASK][narrow].quantity("B"),
        "mask_whole": first.quantity("B"),
        "mask_ratio": measured_rows.ratio(rows[MASK][narrow], first),
        "mask_over_scores": Quantity(rows[MASK][narrow].median / _scores(first), "×"),
        "skip_narrow": rows[SKIP][least].quantity("B"),
        "skip_whole": rows[SKIP][tokens].quantity("B"),
        "ratio": Quantity(rows[MASK][narrow].median / max(PAGE, rows[SKIP][least].median), "×"),
    }


def tabulate(runs: list[Run]) -> list[dict[str, Any]]:
    columns = {"queries": "tokens", "heads": "heads", "window": "window"}
    return measured_rows.table(runs, columns, "B", "rise of the peak")


def draw(runs: list[Run]) -> go.Figure:
    _, rows = _rows(runs[0])
    every = [row for those in rows.values() for row in those.values()]
    scores = _scores(every[0])
    shown = [max(PAGE, bytes_) for row in every for bytes_ in row.middle_half()]
    x = axes.log_axis("window, in tokens", [pairs.window(row) for row in every], "tokens", base=2, pad=1.1)
    on = style.chart(x, axes.log_axis("rise of the peak of memory", [*shown, scores], "B", base=2, pad=3))
    style.reference(on, [x.low, x.high], [scores, scores], "all scores, 4 H N²", at=0.3)
    for kernel, those in rows.items():
        windows, looks = sorted(those), LOOKS[kernel][1]
        halves = [those[w].middle_half() for w in windows]
        label = WORDS[kernel].replace("<br>", " ")
        style.line(
            on, windows, [max(PAGE, those[w].median) for w in windows], looks, WORDS[kernel],
            low=[max(PAGE, low) for low, _ in halves], high=[max(PAGE, high) for _, high in halves],
            hover=[f"{label}, window of {w}: {those[w].quantity('B')}" for w in windows],
        )  # fmt: skip
    return style.finish(on, runs[0])
