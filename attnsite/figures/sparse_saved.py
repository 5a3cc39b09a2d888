"""Skipping pairs saves almost the same share of time

Share of the dense time that a sparse prefill saves, by the share of pairs that it skips. On the line nothing is lost.

Each point is one pattern at one sequence length, {shortest} to {tokens} tokens; longer sequences skip more and stand
further to the right. Filled marks are layouts of blocks, open diamonds are windows that keep about as many pairs. The
distance from the line also holds the speed of the dense call, which differs from length to length. Short sequences skip
nothing and show how far apart two calls of equal work can lie. Number of lengths left out, because a kernel ran at half
its usual speed there in every sample: {left_out}.

A chart of points near the diagonal. At the longest sequence the band with columns skips {columns_dropped} of the pairs
and saves {columns_saved} of the time; the band alone skips {band_dropped} and saves {band_saved}.
"""

from typing import Any

import plotly.graph_objects as go

from attnsite.figures.sparse_by_context import PATTERNS, contests, kept, left_out, saved
from attnsite.figures.toolkit import axes, measured_rows, style
from attnsite.records.quantity import Quantity
from attnsite.records.run_file import Run

EXPERIMENT = "sparse_by_context"
TITLE_COLUMNS = ("time saved", "pairs skipped")


def _points(run: Run, name: str) -> dict[int, tuple[float, Quantity]]:
    """By prompt: the share of pairs dropped, and that of time saved."""
    return {tokens: (1 - kept(rows[name]), saved(rows["dense"], rows[name])) for tokens, rows in contests(run).items()}


def values(run: Run) -> dict[str, Quantity]:
    every = contests(run)
    prompts = list(every)
    found = {"shortest": Quantity(prompts[0], "count"), "tokens": Quantity(prompts[-1], "count"),
             "left_out": Quantity(len(left_out(run)), "count")}  # fmt: skip
    missed = []
    for name, _, _ in PATTERNS.values():
        for kind in (name, f"{name}_window"):
            dropped, time = _points(run, kind)[prompts[-1]]
            found[f"{kind}_dropped"], found[f"{kind}_saved"] = Quantity(dropped, "%"), time
        for n, rows in every.items():
            found[f"{name}_speedup_at_{n}"] = measured_rows.ratio(rows["dense"], rows[name])
            found[f"{name}_pairs_at_{n}"] = Quantity(1 / kept(rows[name]), "×")
        missed += [dropped - time.value for dropped, time in _points(run, name).values()]
    return found | {"most_missed": Quantity(max(0.0, *missed), "%")}


def tabulate(runs: list[Run]) -> list[dict[str, Any]]:
    return [
        {"machine": run.machine, "pattern": label if kind == name else f"window like {name}",
         "tokens": tokens, "pairs skipped": Quantity(dropped, "%"), "time saved": time}
        for run in runs
        for name, label, _ in PATTERNS.values()
        for kind in (name, f"{name}_window")
        for tokens, (dropped, time) in _points(run, kind).items()
    ]  # fmt: skip


def draw(runs: list[Run]) -> go.Figure:
    run = runs[0]
    every = {kind: _points(run, kind) for name, _, _ in PATTERNS.values() for kind in (f"{name}_window", name)}
    least = min(0.0, *(time.low or time.value for those in every.values() for _, time in those.values()))
    ticks = tuple(n / 5 for n in range(6))
    texts = tuple(axes.text(t, "%") for t in ticks)
    x = axes.Axis("pairs skipped, share of the causal ones", -0.04, 1.04, ticks, texts)
    on = style.chart(x, axes.Axis("time saved, share of dense", min(-0.06, 1.15 * least), 1.04, ticks, texts))
    style.reference(on, [0, 1], [0, 1], "all that is skipped is saved")
    style.note(on, 0.5, 0.5, "all that is skipped is saved", style.MUTE, anchor="right", shift=(-8, 8))
    # The label of the band stands above the line, the other below it: their last points are neighbours.
    places: dict[str, dict[str, Any]] = {
        "band": {"anchor": "right", "shift": (-10, 12)}, "columns": {"anchor": "left", "shift": (-6, -26)}
    }  # fmt: skip
    for name, label, colour in PATTERNS.values():
        for kind, symbol, call in ((f"{name}_window", "diamond-open", f"window like {name}"), (name, "circle", label)):
            points = every[kind]
            hover = [f"{call}, {axes.tokens(n)} tokens<br>{Quantity(d, '%')} dropped, {t} saved"
                     for n, (d, t) in points.items()]  # fmt: skip
            style.points(on, [d for d, _ in points.values()], [t.value for _, t in points.values()],
                          style.Look(colour, symbol=symbol), call, hover, size=10)  # fmt: skip
        last = max(every[name])
        at, time = every[name][last]
        style.note(on, at, time.value, f"{name}, {axes.tokens(last)}", colour, **places[name])
    return style.finish(on, run)
