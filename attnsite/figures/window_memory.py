"""At {context} tokens a layer with a window keeps {whole_resident}; a rolling buffer keeps {rolled_resident}

Memory added by the KV cache of one layer, by context length: {kv_heads} KV heads, head dimension {dim}, float32, window
{window}. Only the rolling buffer stops growing.

Resident memory after a decode step, less what there was before the cache. The dotted lines, where they can be seen at
all, are the closed forms, 8 · H_kv · d_head bytes for each token that is kept: N of them in the full cache, min(N, W)
in the ring. What lies above them is the step's workspace and its output. Both kernels give the same result for the same
step. Both axes are logarithmic.

A chart of two lines over contexts up to {context} tokens. The full cache takes {whole_resident} there, the rolling
buffer {rolled_resident}; the closed forms are {whole_bytes} and {rolled_bytes}.
"""

from typing import Any

import plotly.graph_objects as go

from attnsite.figures.toolkit import axes, measured_rows, pairs, style
from attnsite.figures.window_decode import ROLLED, WHOLE
from attnsite.formulas.attention import Attention
from attnsite.records.quantity import Quantity
from attnsite.records.run_file import Row, Run

EXPERIMENT = "window_memory"
TITLE_COLUMNS = ("resident memory",)
LOOKS = {
    WHOLE: ("whole", "whole cache", style.Look(style.OTHER, symbol="square")),
    ROLLED: ("rolled", "rolling buffer", style.Look(style.OURS)),
}


def _rows(run: Run) -> dict[str, dict[int, Row]]:
    found = {kernel: {row.case["keys"]: row for row in pairs.timed(run, kernel)} for kernel in LOOKS}
    if not set.intersection(*(set(rows) for rows in found.values())):
        raise LookupError("not measured yet on this machine: the memory of a cache kept whole and rolled")
    return found


def _kept(row: Row) -> int:
    """The closed form, in bytes."""
    case = row.case
    tokens = min(case["keys"], pairs.window(row)) if row.kernel == ROLLED else case["keys"]
    return 4 * tokens * Attention(1, case["heads"], case["dim"], case["kv_heads"]).kv_cache_elements()


def values(run: Run) -> dict[str, Quantity]:
    rows = _rows(run)
    contexts = sorted(set(rows[WHOLE]) & set(rows[ROLLED]))
    first, last = contexts[0], contexts[-1]
    case = rows[WHOLE][last].case
    found = {
        "context": Quantity(last, "count"),
        "window": Quantity(pairs.window(rows[WHOLE][last]), "count"),
        "kv_heads": Quantity(case["kv_heads"], "count"),
        "dim": Quantity(case["dim"], "count"),
        "ratio": measured_rows.ratio(rows[WHOLE][last], rows[ROLLED][last]),
    }
    for kernel, (name, _, _) in LOOKS.items():
        found[f"{name}_resident"] = rows[kernel][last].quantity("B")
        found[f"{name}_bytes"] = Quantity(_kept(rows[kernel][last]), "B")
        found[f"{name}_growth"] = measured_rows.ratio(rows[kernel][last], rows[kernel][first])
        found[f"{name}_over_closed_form"] = Quantity(rows[kernel][last].median / _kept(rows[kernel][last]), "×")
    return found


def tabulate(runs: list[Run]) -> list[dict[str, Any]]:
    lines = measured_rows.table(runs, {"keys": "context length", "window": "window"}, "B", "resident memory")
    measured = [row for run in runs for row in run.rows if row.kernel]
    for line, row in zip(lines, measured, strict=True):
        line["closed form"] = Quantity(_kept(row), "B")
    return lines


def draw(runs: list[Run]) -> go.Figure:
    rows = _rows(runs[0])
    every = [row for those in rows.values() for row in those.values()]
    shown = [bytes_ for row in every for bytes_ in (*row.middle_half(), _kept(row))]
    x = axes.cases_axis("context length, in tokens", [row.case["keys"] for row in every], "tokens")
    on = style.chart(x, axes.log_axis("memory of the KV cache, one layer", shown, "B", base=2, pad=1.8))
    for kernel, (_, label, look) in LOOKS.items():
        contexts = sorted(rows[kernel])
        closed = [_kept(rows[kernel][n]) for n in contexts]
        style.reference(on, contexts, closed, f"{label}, closed form", colour=look.colour)
        measured_rows.curve(on, list(rows[kernel].values()), "keys", label, look, "B")
    return style.finish(on, runs[0])
