"""Masking a window of {narrow} saves no time; skipping keys is {skip_slow} to {skip_fast} as fast as no window

Time of a causal prefill of {tokens} tokens, {heads} heads of dimension {dim}, by window length up to the whole
sequence, where it hides nothing. The masking kernel's line is flat.

The upper line computes every score and puts −inf where the window hides it; the lower one loops over the keys that the
window leaves. The dotted line is the closed form: the time without a window times the share of pairs that the window
leaves, N·W − W(W − 1)/2 of N(N + 1)/2. Bands are the interquartile range of the samples; both axes are logarithmic, and
the table has shorter sequences as well.

A chart of two lines. A window of {narrow} leaves one pair in {pairs_ratio}; the masked computation takes {mask_ratio}
of its time without a window, and the bounded one is {skip_speedup} as fast as without, {skip_slow} by the slower half
of its samples and {skip_fast} by the faster.
"""

from typing import Any

import plotly.graph_objects as go

from attnsite.figures.toolkit import axes, measured_rows, pairs, style
from attnsite.records.quantity import Quantity
from attnsite.records.run_file import Row, Run

EXPERIMENT = "window_prefill"
TITLE_COLUMNS = ("time per call",)
MASK, SKIP = "cpu_blas_masked", "cpu_simd"
LOOKS = {
    MASK: ("masks the scores", style.Look(style.OTHER, symbol="square")),
    SKIP: ("skips the keys", style.Look(style.OURS)),
}
NAMED = (64, 256, 1024)  # windows that sentences speak of


def by_window(run: Run, kernel: str) -> dict[int, dict[int, Row]]:
    """Rows by prompt and window; only prompts that were also measured without any key hidden."""
    found: dict[int, dict[int, Row]] = {}
    for row in pairs.timed(run, kernel):
        found.setdefault(row.case["queries"], {})[pairs.window(row)] = row
    return {tokens: rows for tokens, rows in found.items() if tokens in rows and len(rows) > 1}


def both(run: Run) -> dict[int, tuple[dict[int, Row], dict[int, Row]]]:
    """By prompt, the rows that mask and those that skip."""
    mask, skip = by_window(run, MASK), by_window(run, SKIP)
    found = {tokens: (mask[tokens], skip[tokens]) for tokens in sorted(set(mask) & set(skip))}
    if not found:
        raise LookupError(f"not measured yet on this machine: {MASK} and {SKIP} with several windows")
    return found


def values(run: Run) -> dict[str, Quantity]:
    every = both(run)
    tokens = max(every)
    mask, skip = every[tokens]
    narrow = min(set(mask) & set(skip))
    whole = pairs.pairs(skip[tokens])

    def left(window: int) -> float:
        return whole / pairs.pairs(skip[window])

    found = {
        "tokens": Quantity(tokens, "count"),
        "heads": Quantity(skip[tokens].case["heads"], "count"),
        "dim": Quantity(skip[tokens].case["dim"], "count"),
        "narrow": Quantity(narrow, "count"),
        "pairs_ratio": Quantity(left(narrow), "1"),
        "mask_ratio": measured_rows.ratio(mask[narrow], mask[tokens]),
        "skip_speedup": measured_rows.ratio(skip[tokens], skip[narrow]),
        "skip_fast": Quantity(skip[tokens].median / measured_rows.halves(skip[narrow])[0].value, "×", digits=2),
        "skip_slow": Quantity(skip[tokens].median / measured_rows.halves(skip[narrow])[1].value, "×", digits=2),
        "mask_time": mask[tokens].quantity(),
        "skip_time": skip[tokens].quantity(),
        "shortest_prompt": Quantity(min(every), "count"),
    }
    for window in sorted({narrow, *NAMED} & set(mask) & set(skip)):
        found[f"pairs_ratio_{window}"] = Quantity(left(window), "×")
        found[f"pairs_share_{window}"] = Quantity(1 / left(window), "%")
        found[f"mask_time_{window}"], found[f"skip_time_{window}"] = (rows[window].quantity() for rows in (mask, skip))
        found[f"mask_ratio_{window}"] = measured_rows.ratio(mask[window], mask[tokens])
        found[f"skip_speedup_{window}"] = measured_rows.ratio(skip[tokens], skip[window])
        found[f"mask_over_skip_{window}"] = measured_rows.ratio(mask[window], skip[window])
        gained = measured_rows.ratio(skip[tokens], skip[window])
        low, high = gained.low or gained.value, gained.high or gained.value
        found[f"gain_over_pairs_{window}"] = Quantity(
            gained.value / left(window), "%", low / left(window), high / left(window)
        )
    return found


def tabulate(runs: list[Run]) -> list[dict[str, Any]]:
    lines = measured_rows.table(runs, {"queries": "tokens", "window": "window"})
    measured = [row for run in runs for row in run.rows if row.kernel]
    for line, row in zip(lines, measured, strict=True):
        line["visible pairs a head"] = Quantity(pairs.pairs(row), "count")
        line["speed over visible pairs"] = pairs.speed(row) if row.samples else None
    return lines


def draw(runs: list[Run]) -> go.Figure:
    run = runs[0]
    tokens, (mask, skip) = max(both(run).items())
    whole, windows = pairs.pairs(skip[tokens]), sorted(skip)
    theory = [skip[tokens].median * pairs.pairs(skip[window]) / whole for window in windows]
    times = [time for row in (*mask.values(), *skip.values()) for time in row.middle_half()]
    on = style.chart(
        axes.log_axis("window, in tokens", windows, "tokens", base=2, pad=1.1),
        axes.log_axis("time of one prefill", [*times, *theory], "s", pad=1.6),
    )
    style.reference(on, windows, theory, "pairs left by the window")
    for kernel, rows in ((MASK, mask), (SKIP, skip)):
        label, look = LOOKS[kernel]
        measured_rows.curve(on, list(rows.values()), "window", label, look)
    if len(windows) > 2:
        style.note(on, windows[1], theory[1], "in proportion to the pairs", style.MUTE, above=False, anchor="left",
                    shift=(6, -6))  # fmt: skip
    return style.finish(on, run)
