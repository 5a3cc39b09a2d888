"""Over long contexts adding key by key loses accuracy, with an online softmax or without

Error of four kernels against float64, by number of keys, eight seeds each. The upper pair adds key by key, the lower
pair in blocks; one of each is online.

The error is the root mean square of the differences over that of the result. Solid lines have an online softmax, dashed
ones none; keys come in random order. In the upper pair the plain loops add one key at a time and the online kernel four
at a time, which by itself makes a difference between them. Their rounding errors grow towards the square root of the
number of keys. The lower pair adds up blocks first, as BLAS matrix products do. Each mark is a seed, the lines join the
medians, and the thin line is the float32 unit roundoff, 2⁻²⁴. Both axes are logarithmic.

A chart of four lines over {fewest} to {most} keys. With {most} keys the kernels that add block by block have errors of
{cpu_blas_most} without and {cpu_simd_most} with an online softmax, those that add key by key {cpu_naive_most} and
{cpu_online_most}. The same blocks in NumPy in one pass have {online_over_two_passes} the error of two passes.
"""

from typing import Any

import plotly.graph_objects as go

from attnsite.figures.toolkit import axes, measured_rows, style
from attnsite.records.quantity import Quantity
from attnsite.records.run_file import Run

EXPERIMENT = "softmax_error"
TITLE_COLUMNS = ("online", "BLAS")
KERNELS = {
    "cpu_naive": ("three loops, two-pass", style.Look(style.OTHER, "dash", "square")),
    "cpu_online": ("online, key by key", style.Look(style.OURS)),
    "cpu_blas": ("BLAS, two-pass", style.Look(style.OTHER_2, "dash", "diamond")),
    "cpu_simd": ("online, in blocks", style.Look(style.OURS_2)),
}
WAYS = ("plain", "unshifted", "two_passes", "online")
UNIT_ROUNDOFF = 2.0**-24


def lengths(run: Run) -> list[int]:
    found = sorted({row.case["tokens"] for row in run.where(scale=1.0)})
    if len(found) < 2:
        raise LookupError("not measured yet on this machine: the error at two lengths")
    return found


def parts_in_a_million(error: Quantity) -> Quantity:
    """An error of float32 in a unit that can be read."""
    return Quantity(
        error.value * 1e6, "millionths", (error.low or error.value) * 1e6, (error.high or error.value) * 1e6
    )


def ratio(run: Run, above: str, below: str, **case: Any) -> Quantity:
    """The median of the seeds' ratios: both saw the same numbers."""
    pairs = sorted(row.values[above] / row.values[below] for row in run.where(**case))
    return measured_rows.quartiles(pairs, "×")


def values(run: Run) -> dict[str, Quantity]:
    tokens = lengths(run)
    found = {"fewest": Quantity(tokens[0], "count"), "most": Quantity(tokens[-1], "count"),
             "seeds": Quantity(len({row.seed for row in run.where()}), "count")}  # fmt: skip
    for name in (*KERNELS, *WAYS):
        for end, n in (("fewest", tokens[0]), ("most", tokens[-1])):
            found[f"{name}_{end}"] = parts_in_a_million(measured_rows.over_seeds(run, name, tokens=n, scale=1.0))
        found[f"{name}_growth"] = Quantity(found[f"{name}_most"].value / found[f"{name}_fewest"].value, "×")
    most = {"tokens": tokens[-1], "scale": 1.0}
    return found | {
        "online_over_two_passes": ratio(run, "online", "two_passes", **most),
        "unshifted_over_plain": ratio(run, "unshifted", "plain", **most),
        "online_over_naive": ratio(run, "cpu_online", "cpu_naive", **most),
        "simd_over_blas": ratio(run, "cpu_simd", "cpu_blas", **most),
        "naive_over_blas": ratio(run, "cpu_naive", "cpu_blas", **most),
        "length_growth": Quantity(tokens[-1] / tokens[0], "×"),
    }


def tabulate(runs: list[Run]) -> list[dict[str, Any]]:
    names = {name: style.call(name) for name in KERNELS} | {
        "plain": "plain NumPy", "unshifted": "NumPy without a shift", "two_passes": "NumPy, blocks, two passes",
        "online": "NumPy, blocks, online"}  # fmt: skip
    return [
        {"machine": run.machine, "keys": n, "spread of the scores": 1.0}
        | {label: parts_in_a_million(measured_rows.over_seeds(run, name, tokens=n, scale=1.0))
           for name, label in names.items()}
        for run in runs
        for n in lengths(run)
    ]  # fmt: skip


def draw(runs: list[Run]) -> go.Figure:
    run = runs[0]
    tokens = lengths(run)
    shown = [row.values[name] for row in run.where(scale=1.0) for name in KERNELS]
    x = axes.cases_axis("keys", tokens, "tokens")
    on = style.chart(x, axes.log_axis("error relative to the result", [*shown, UNIT_ROUNDOFF], pad=1.4))
    style.reference(on, [x.low, x.high], [UNIT_ROUNDOFF] * 2, "half a step of float32", at=0.25)
    for name, (label, look) in KERNELS.items():
        rows = [row for row in run.where(scale=1.0) if row.case["tokens"] in tokens]
        style.points(
            on, [row.case["tokens"] for row in rows], [row.values[name] for row in rows], look,
            f"{label}, seeds",
            [f"{label}, seed {row.seed}: {axes.small(row.values[name])}" for row in rows], size=5,
        )  # fmt: skip
        medians = [parts_in_a_million(measured_rows.over_seeds(run, name, tokens=n, scale=1.0)) for n in tokens]
        style.line(on, tokens, [q.value / 1e6 for q in medians], look, label, markers=False,
                    hover=[f"{label}, {n} keys: {axes.small(q.value / 1e6)}"
                           for n, q in zip(tokens, medians, strict=True)])  # fmt: skip
    return style.finish(on, run)
