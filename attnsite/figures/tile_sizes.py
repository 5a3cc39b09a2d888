"""Small tiles lose, the others differ little; the one in use is at {chosen} of the best

Prefill speed by tile size as a share of the best size, over {shapes} shapes. Look for where the lines are level.

Each line is a number of queries that are kept together, in panels; along the axis runs the number of keys in a tile. A
point is the geometric mean over the shapes of the best time over this time, in the same rounds; the band holds the
interquartile range of the shapes. The kernel uses {chosen_panels} panels and {chosen_keys} keys.

A chart of one line for each number of panels. The size in use is at {chosen} of the best one for each shape, the worst
size at {worst}.
"""

import math
import statistics
from typing import Any

import plotly.graph_objects as go

from attnsite.figures.toolkit import axes, style
from attnsite.records.quantity import Quantity
from attnsite.records.run_file import Row, Run

EXPERIMENT = "tile_sizes"
TITLE_COLUMNS = ("share of the best",)
CHOSEN = (6, 128)  # panels of queries and keys that `cpu_simd` uses; a test compares them
Sizes = dict[tuple[int, int], list[float]]


def shares(run: Run) -> Sizes:
    """For each (panels, keys), over all shapes: the best time of the shape over the time with this size."""
    shapes: dict[str, list[Row]] = {}
    for row in run.where("cpu_simd"):
        if row.samples and row.case.get("variant"):
            key = repr(sorted((name, value) for name, value in row.case.items() if name != "variant"))
            shapes.setdefault(key, []).append(row)
    found: Sizes = {}
    for rows in shapes.values():
        best = min(row.median for row in rows)
        for row in rows:
            panels, keys = row.case["variant"]["tiles"]
            found.setdefault((panels, keys), []).append(best / row.median)
    if CHOSEN not in found:
        raise LookupError("not measured yet on this machine: the sizes of tiles")
    return found


def _mean(shares_: list[float]) -> Quantity:
    mean = math.exp(statistics.fmean(map(math.log, shares_)))
    if len(shares_) < 2:
        return Quantity(mean, "%")
    low, _, high = statistics.quantiles(shares_, n=4, method="inclusive")
    return Quantity(mean, "%", min(low, mean), max(high, mean))


def values(run: Run) -> dict[str, Quantity]:
    means = {size: _mean(those) for size, those in shares(run).items()}
    return {
        "chosen": means[CHOSEN],
        "best": max(means.values(), key=lambda q: q.value),
        "worst": min(means.values(), key=lambda q: q.value),
        "shapes": Quantity(len(shares(run)[CHOSEN]), "count"),
        "chosen_panels": Quantity(CHOSEN[0], "count"),
        "chosen_keys": Quantity(CHOSEN[1], "count"),
    }


def tabulate(runs: list[Run]) -> list[dict[str, Any]]:
    return [
        {"machine": run.machine, "panels of queries": panels, "keys": keys, "share of the best": _mean(those),
         "shapes": len(those)}
        for run in runs
        for (panels, keys), those in sorted(shares(run).items())
    ]  # fmt: skip


def draw(runs: list[Run]) -> go.Figure:
    means = {size: _mean(those) for size, those in shares(runs[0]).items()}
    columns = sorted({keys for _, keys in means})
    lows = [q.low or q.value for q in means.values()]
    x = axes.cases_axis("keys in a tile", columns, "count")
    on = style.chart(x, axes.linear_axis("share of the best size’s speed", [min(lows), 1.0], "%", zero=False, pad=0.1))
    looks = (style.Look(style.OTHER, symbol="square"), style.Look(style.OURS), style.Look(style.OURS_2))
    for panels, look in zip(sorted({panels for panels, _ in means}), looks, strict=False):
        line = [means[panels, keys] for keys in columns]
        style.line(
            on, columns, [q.value for q in line], look, f"{panels} panels",
            low=[q.low or q.value for q in line], high=[q.high or q.value for q in line],
            hover=[f"{panels} panels, {keys} keys: {q}" for keys, q in zip(columns, line, strict=True)],
        )  # fmt: skip
    return style.finish(on, runs[0])
