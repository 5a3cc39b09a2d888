"""Two of three bugs can pass a tolerance of 0.001; all exceed float32 rounding {least_of_all}

Largest error of three mistakes and of rounding, against float64, by number of keys. The dotted line is a tolerance of
0.001; with many keys two of the three bugs fall below it.

Each mark is a seed, the lines join the medians: a running sum that is not rescaled when a larger score turns up, a
causal mask that hides a query's own token, and one key that is forgotten; then bfloat16 for all arrays, against float64
over the rounded numbers, and float32 kernels. The dotted line is 0.001, a tolerance that tests often state. With more
keys each of them weighs less, so that all errors shrink, those of mistakes as well. Both axes are logarithmic.

A chart of five falling lines over {fewest} to {most} keys, mistakes above, rounding below. With {most} keys a forgotten
key makes an error of {key_forgotten}, a mask that is off by one {mask_off_by_one}, a sum that is not rescaled
{sum_not_rescaled}; bfloat16 makes {bf16}, plain float32 {plain} and the kernel {cpu_simd}.
"""

from typing import Any

import plotly.graph_objects as go

from attnsite.figures.softmax_error import ratio
from attnsite.figures.toolkit import axes, measured_rows, style
from attnsite.records.quantity import Quantity
from attnsite.records.run_file import Run

EXPERIMENT = "bugs_and_rounding"
TITLE_COLUMNS = ("sum not rescaled", "float32")
LINES = {  # what was observed: the value's name, the label, the look
    "sum_not_rescaled": ("sum_not_rescaled", "sum not rescaled", style.Look(style.OTHER, symbol="square")),
    "mask_off_by_one": ("mask_off_by_one", "mask off by one", style.Look(style.OTHER_2, symbol="diamond")),
    "key_forgotten": ("key_forgotten", "a key forgotten", style.Look(style.OTHER, "dash", "triangle-up")),
    "cpu_simd_stored_bf16": ("bf16", "bfloat16", style.Look(style.OURS_2, symbol="diamond")),
    "cpu_simd": ("cpu_simd", "float32", style.Look(style.OURS)),
}
MISTAKES = ("sum_not_rescaled", "mask_off_by_one", "key_forgotten")
TOLERANCE = 1e-3
FLOOR = 4 * 2.0**-23  # as the check before each timing adds it, times the largest value


def lengths(run: Run) -> list[int]:
    found = sorted({row.case["tokens"] for row in run.where()})
    if len(found) < 2:
        raise LookupError("not measured yet on this machine: mistakes and rounding at two lengths")
    return found


def size(error: Quantity) -> Quantity:
    """An error in a unit that can be read; the values that are mixed have a spread of one."""
    if error.value >= 1e-4:
        return Quantity(error.value, "1", error.low, error.high, digits=2)
    low, high = error.low or error.value, error.high or error.value
    return Quantity(error.value * 1e6, "millionths", low * 1e6, high * 1e6, digits=2)


def bounds(run: Run, tokens: int, what: str) -> list[float]:
    """For each seed, an error over what the check allows: twice plain NumPy's and a floor."""
    return [row.values[what] / (2 * row.values["plain"] + FLOOR * row.values["largest_value"])
            for row in run.where(tokens=tokens)]  # fmt: skip


def values(run: Run) -> dict[str, Quantity]:
    tokens = lengths(run)
    last: dict[str, Any] = {"tokens": tokens[-1]}
    found = {"fewest": Quantity(tokens[0], "count"), "most": Quantity(tokens[-1], "count")}
    for what, name in (*((what, name) for what, (name, _, _) in LINES.items()), ("plain", "plain"),
                       ("cpu_online", "cpu_online"), ("plain_bf16", "plain_bf16")):  # fmt: skip
        found[name] = size(measured_rows.over_seeds(run, what, **last))
        found[f"{name}_fewest"] = size(measured_rows.over_seeds(run, what, tokens=tokens[0]))
    over_kernels = [row.values[what] / max(row.values[kernel] for kernel in ("plain", "cpu_simd", "cpu_online"))
                    for row in run.where() for what in MISTAKES]  # fmt: skip
    over_twice = [
        row.values[what] / row.values["plain"] / 2 for row in run.where() for what in ("cpu_simd", "cpu_online")
    ]
    floors = [FLOOR * row.values["largest_value"] / (2 * row.values["plain"]) for row in run.where(**last)]
    small = ("mask_off_by_one", "key_forgotten")
    hidden = [row.values[what] < TOLERANCE for row in run.where(**last) for what in small]
    mistakes = [bound for n in tokens for what in MISTAKES for bound in bounds(run, n, what)]
    kernels = [bound for n in tokens for what in ("cpu_simd", "cpu_online") for bound in bounds(run, n, what)]
    return found | {
        "least_of_all": Quantity(min(over_kernels), "×"),
        "kernels_most_over_twice_plain": Quantity(max(over_twice), "×"),
        "floor_over_twice_plain": measured_rows.quartiles(floors, "×"),
        "floor_over_twice_plain_least": Quantity(
            min(FLOOR * row.values["largest_value"] / (2 * row.values["plain"]) for row in run.where()), "×"
        ),
        "kernel_over_plain": ratio(run, "cpu_simd", "plain", **last),
        "online_over_plain": ratio(run, "cpu_online", "plain", **last),
        "bf16_over_plain_bf16": ratio(run, "cpu_simd_stored_bf16", "plain_bf16", **last),
        "forgotten_over_plain_bf16": ratio(run, "key_forgotten", "plain_bf16", **last),
        "hidden": Quantity(sum(hidden) / len(hidden), "%"),
        "hidden_runs": Quantity(sum(hidden), "count"),
        "small_runs": Quantity(len(hidden), "count"),
        "mistakes_least_over_bound": Quantity(min(mistakes), "×"),
        "kernels_most_over_bound": Quantity(max(kernels), "×"),
    }


def tabulate(runs: list[Run]) -> list[dict[str, Any]]:
    labels = {what: label for what, (_, label, _) in LINES.items()} | {
        "plain": "plain NumPy, float32",
        "cpu_online": "online, key by key",
        "plain_bf16": "NumPy, bfloat16",
    }
    return [
        {"machine": run.machine, "keys": n}
        | {label: size(measured_rows.over_seeds(run, what, tokens=n)) for what, label in labels.items()}
        for run in runs
        for n in lengths(run)
    ]  # fmt: skip


def draw(runs: list[Run]) -> go.Figure:
    run = runs[0]
    tokens = lengths(run)
    shown = [row.values[what] for row in run.where() for what in LINES]
    x = axes.cases_axis("keys", tokens, "tokens")
    on = style.chart(x, axes.log_axis("largest error relative to the spread of the values", shown, pad=3))
    style.reference(on, [x.low, x.high], [TOLERANCE] * 2, "a tolerance of 0.001", at=0.25)
    for what, (_, label, look) in LINES.items():
        rows = run.where()
        style.points(
            on, [row.case["tokens"] for row in rows], [row.values[what] for row in rows], look, f"{label}, seeds",
            [f"{label}, seed {row.seed}: {size(Quantity(row.values[what]))}" for row in rows], size=5,
        )  # fmt: skip
        medians = [measured_rows.over_seeds(run, what, tokens=n) for n in tokens]
        style.line(on, tokens, [q.value for q in medians], look, label, markers=False,
                    hover=[f"{label}, {n} keys: {size(q)}" for n, q in zip(tokens, medians, strict=True)])  # fmt: skip
    return style.finish(on, run)
