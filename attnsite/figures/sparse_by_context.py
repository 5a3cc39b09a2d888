"""Sparse attention is faster as soon as it skips blocks

Time of a causal prefill by sequence length: dense, two block-sparse patterns, and sliding windows that keep as many
pairs. The band and its window grow linearly, dense attention and the columns quadratically.

Both patterns have blocks of 64 tokens. The band keeps eight blocks up to the diagonal, so its pairs grow with the
length. The one with columns keeps four and every eighth of those before, so they grow with its square, with a smaller
factor. Each dashed line is a window that keeps about as many pairs as the line of its colour. Number of lengths left
out, because a kernel ran at half its usual speed there in every sample: {left_out}. Bands are interquartile ranges;
both axes are logarithmic.

A chart of five lines over sequences of {shortest} to {tokens} tokens. At the longest, dense attention takes
{dense_time}, the band with columns {columns_time} for {columns_kept} of the pairs and the band alone {band_time} for
{band_kept}.
"""

from collections.abc import Collection
from typing import Any

import plotly.graph_objects as go

from attnsite.figures.toolkit import axes, measured_rows, pairs, style
from attnsite.formulas.attention import visible_pairs
from attnsite.records.quantity import Quantity
from attnsite.records.run_file import Row, Run

EXPERIMENT = "sparse_by_context"
TITLE_COLUMNS = ("time per call", "pairs kept")
DENSE, SPARSE = "cpu_simd", "cpu_block_sparse"
PATTERNS = {  # by whether blocks behind the band are kept: name, label, colour
    False: ("band", "band", style.OURS_2),
    True: ("columns", "band and columns", style.OURS),
}


def contests(run: Run, of: Collection[str] = ()) -> dict[int, dict[str, Row]]:
    """By prompt: `dense`, `dense_in_blocks`, and for each pattern its row and that of its window.

    Without the prompts at which one of them was disturbed, or one of those named, if any.
    """
    found: dict[int, dict[str, Row]] = {}
    dense, sparse = pairs.timed(run, DENSE), pairs.timed(run, SPARSE)
    for row in dense:
        if not pairs.window(row):
            found[row.case["keys"]] = {"dense": row}
    for row in sparse:
        mine = found.get(row.case["keys"])
        if mine is None:
            continue
        if not pairs.blocks(row):
            mine["dense_in_blocks"] = row
            continue
        name = PATTERNS[bool(pairs.blocks(row)[2])][0]
        mine[name] = row
        windows = [r for r in dense if r.case["keys"] == row.case["keys"] and pairs.window(r)]
        if windows:
            mine[f"{name}_window"] = min(windows, key=lambda r: abs(pairs.pairs(r) - pairs.pairs(row)))
    whole = {tokens: rows for tokens, rows in sorted(found.items()) if len(rows) == 6}
    if not whole:
        raise LookupError(f"not measured yet on this machine: {DENSE} and {SPARSE} on the same prompts")
    disturbed = _disturbed(whole, of or next(iter(whole.values())))
    return {tokens: rows for tokens, rows in whole.items() if tokens not in disturbed}


def _disturbed(rows: dict[int, dict[str, Row]], names: Collection[str]) -> set[int]:
    """The prompts at which one of these ran at half the speed of the same at both neighbouring lengths."""
    speeds = ({tokens: pairs.speed(those[name]).value for tokens, those in rows.items()} for name in names)
    return set().union(*map(measured_rows.half_speed, speeds))


def left_out(run: Run) -> list[int]:
    """The prompts that were measured, at which this machine gave one of the kernels half of its speed."""
    timed = {row.case["keys"] for row in pairs.timed(run, DENSE)}
    return sorted(timed - contests(run).keys())


def kept(row: Row) -> float:
    """The share of a causal prompt's pairs that the row keeps."""
    return pairs.pairs(row) / visible_pairs(row.case["queries"], row.case["keys"], True)


def faster_from(rows: dict[int, dict[str, Row]], name: str) -> int | None:
    """The shortest prompt from which on the pattern drops pairs and is always faster than dense attention."""
    slower = [tokens for tokens, those in rows.items()
              if kept(those[name]) == 1 or those[name].median >= those["dense"].median]  # fmt: skip
    later = [tokens for tokens in rows if tokens > max(slower, default=0)]
    return min(later, default=None)


def values(run: Run) -> dict[str, Quantity]:
    rows = contests(run)
    shortest, longest = min(rows), max(rows)
    last = rows[longest]
    dense = pairs.speed(last["dense"])
    found = {
        "shortest": Quantity(shortest, "count"),
        "tokens": Quantity(longest, "count"),
        "left_out": Quantity(len(left_out(run)), "count"),
        "dense_time": last["dense"].quantity(),
        "dense_speed": dense,
        "in_blocks_over_dense": measured_rows.ratio(last["dense_in_blocks"], last["dense"]),
    }
    for name, _, _ in PATTERNS.values():
        row, window = last[name], last[f"{name}_window"]
        found |= {
            f"{name}_time": row.quantity(),
            f"{name}_kept": Quantity(kept(row), "%"),
            f"{name}_dropped": Quantity(1 - kept(row), "%"),
            f"{name}_pairs_ratio": Quantity(1 / kept(row), "×"),
            f"{name}_speedup": measured_rows.ratio(last["dense"], row),
            f"{name}_saved": saved(last["dense"], row),
            f"{name}_speed": pairs.speed(row),
            f"{name}_over_dense_speed": Quantity(pairs.speed(row).value / dense.value, "%"),
            f"{name}_window_tokens": Quantity(pairs.window(window), "count"),
            f"{name}_over_window": measured_rows.ratio(row, window),
            f"{name}_overhead_a_block": _overhead(last["dense"], row),
        }
        both = contests(run, ("dense", name))
        if start := faster_from(both, name):
            found[f"{name}_faster_from"] = Quantity(start, "count")
            whole = max((tokens for tokens in both if kept(both[tokens][name]) == 1), default=None)
            if whole:
                found[f"{name}_whole_tokens"] = Quantity(whole, "count")
                found[f"{name}_speedup_whole"] = measured_rows.ratio(both[whole]["dense"], both[whole][name])
            found[f"{name}_kept_there"] = Quantity(kept(both[start][name]), "%")
            found[f"{name}_speedup_there"] = measured_rows.ratio(both[start]["dense"], both[start][name])
    return found


def saved(dense: Row, sparse: Row) -> Quantity:
    """The share of the dense time that is saved; negative where it took longer."""
    over = measured_rows.ratio(sparse, dense)
    return Quantity(1 - over.value, "%", 1 - (over.high or over.value), 1 - (over.low or over.value))


def _overhead(dense: Row, sparse: Row) -> Quantity:
    """What a kept block takes beyond its pairs at the dense kernel's pace: time that passes, over all heads' blocks."""
    size = pairs.blocks(sparse)[0]
    blocks = sparse.case["heads"] * pairs.pairs(sparse) / size**2
    pace = dense.median / pairs.pairs(dense)
    beyond = [(time - pace * pairs.pairs(sparse)) / blocks for time in (sparse.median, *sparse.middle_half())]
    return Quantity(beyond[0], "s", min(beyond), max(beyond))


def tabulate(runs: list[Run]) -> list[dict[str, Any]]:
    lines = measured_rows.table(runs, {"queries": "tokens", "window": "window"})
    measured = [row for run in runs for row in run.rows if row.kernel]
    for line, row in zip(lines, measured, strict=True):
        line |= zip(("block size", "near blocks", "every"), pairs.blocks(row) or (None,) * 3, strict=True)
        line["pairs kept"] = Quantity(kept(row), "%")
        line["speed over kept pairs"] = pairs.speed(row) if row.samples else None
    return lines


def draw(runs: list[Run]) -> go.Figure:
    rows = contests(runs[0])
    every = [row for those in rows.values() for row in those.values()]
    x = axes.cases_axis("sequence length, in tokens", list(rows), "tokens")
    on = style.chart(x, axes.log_axis("time of one prefill", [t for r in every for t in r.middle_half()], "s", pad=1.5))
    measured_rows.curve(on, [those["dense"] for those in rows.values()], "keys", "dense",
                    style.Look(style.OTHER, symbol="square"))  # fmt: skip
    for name, label, colour in reversed(PATTERNS.values()):
        measured_rows.curve(on, [those[f"{name}_window"] for those in rows.values()], "keys", f"window like {name}",
                        style.Look(colour, "dash", "diamond"))  # fmt: skip
        measured_rows.curve(on, [those[name] for those in rows.values()], "keys", label, style.Look(colour))
    return style.finish(on, runs[0])
