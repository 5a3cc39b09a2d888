"""At the longest context decode attention takes {whole_time} with a window, {none_time} without

Time of one decode step by context length, {heads} query heads on {kv_heads} KV heads: without a window, and with one of
{window} tokens over the full cache and over a rolling buffer.

Up to the window all three do the same. From there on the step without a window reads more and more, the other two read
the last {window} tokens and no others. The line at the bottom is the writing of one token into the ring. Bands are the
interquartile range of the samples; both axes are logarithmic.

A chart of three lines over contexts up to {context} tokens. Without a window the step takes {none_time} at the longest,
with one {whole_time} over the full cache and {rolled_time} over the ring; appending a token to the ring takes
{append_time}.
"""

from typing import Any

import plotly.graph_objects as go

from attnsite.figures.toolkit import axes, measured_rows, pairs, style
from attnsite.formulas.attention import Attention
from attnsite.records.quantity import Quantity
from attnsite.records.run_file import Row, Run

EXPERIMENT = "window_decode"
TITLE_COLUMNS = ("time per step",)
WHOLE, ROLLED = "cpu_simd_decode", "cpu_simd_decode_rolled"
LINES = {  # kernel, whether with a window: the value's name, the label, the look
    (WHOLE, False): ("none", "no window", style.Look(style.OTHER, symbol="square")),
    (WHOLE, True): ("whole", "window, whole cache", style.Look(style.OURS_2, "dash", "triangle-up")),
    (ROLLED, True): ("rolled", "window, rolling buffer", style.Look(style.OURS)),
}


def lines(run: Run) -> dict[str, dict[int, Row]]:
    """By the value's name: rows by context."""
    found = {
        name: {row.case["keys"]: row for row in pairs.timed(run, kernel) if bool(pairs.window(row)) == windowed}
        for (kernel, windowed), (name, _, _) in LINES.items()
    }
    if not set.intersection(*(set(rows) for rows in found.values())):
        raise LookupError("not measured yet on this machine: a context without a window, with one, and rolled")
    return found


def appending(run: Run) -> dict[int, Row]:
    """The time of writing one token into the ring, by context."""
    rows = [row for row in run.where(ROLLED, "append") if row.samples and pairs.window(row)]
    return {row.case["keys"]: row for row in rows}


def values(run: Run) -> dict[str, Quantity]:
    rows, appends = lines(run), appending(run)
    last = max(set.intersection(*(set(those) for those in rows.values())))
    row = rows["rolled"][last]
    layer = Attention(1, row.case["heads"], row.case["dim"], row.case["kv_heads"])
    window, token = pairs.window(row), 4 * layer.kv_cache_elements()
    found = {
        "context": Quantity(last, "count"),
        "window": Quantity(window, "count"),
        "heads": Quantity(row.case["heads"], "count"),
        "kv_heads": Quantity(row.case["kv_heads"], "count"),
        "whole_bytes": Quantity(token * last, "B"),
        "rolled_bytes": Quantity(token * min(last, window), "B"),
        "token_bytes": Quantity(token, "B"),
        "none_over_rolled": measured_rows.ratio(rows["none"][last], row),
        "none_over_whole": measured_rows.ratio(rows["none"][last], rows["whole"][last]),
        "whole_over_rolled": measured_rows.ratio(rows["whole"][last], row),
        "context_over_window": Quantity(last / window, "×"),
    }
    for name, those in rows.items():
        found[f"{name}_time"] = those[last].quantity()
    append = pairs.only([appends[n] for n in sorted(appends, reverse=True)], "the time of appending a token")
    return found | {
        "append_time": append.quantity(),
        "append_share": measured_rows.ratio(append, row, "%"),
    }


def tabulate(runs: list[Run]) -> list[dict[str, Any]]:
    table = measured_rows.table(runs, {"keys": "context length", "window": "window"}, head="time per step")
    measured = [row for run in runs for row in run.rows if row.takes_part]
    for line, row in zip(table, measured, strict=True):
        case = row.case
        kept = min(case["keys"], pairs.window(row) or case["keys"]) if row.kernel == ROLLED else case["keys"]
        elements = Attention(1, case["heads"], case["dim"], case["kv_heads"]).kv_cache_elements()
        line["cache"] = Quantity(4 * elements * kept, "B")
    return table


def draw(runs: list[Run]) -> go.Figure:
    run = runs[0]
    rows, appends = lines(run), appending(run)
    every = [row for those in (*rows.values(), appends) for row in those.values()]
    x = axes.cases_axis("context length, in tokens", [row.case["keys"] for row in every], "tokens")
    on = style.chart(
        x, axes.log_axis("time of one decode step", [t for r in every for t in r.middle_half()], "s", pad=2)
    )
    contexts = sorted(appends)
    if contexts:
        times = [appends[context].median for context in contexts]
        style.reference(on, contexts, times, "append a token", at=0.3)
    for name, label, look in LINES.values():
        measured_rows.curve(on, list(rows[name].values()), "keys", label, look)
    return style.finish(on, run)
