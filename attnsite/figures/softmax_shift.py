"""Without subtracting the maximum, float32 overflows once {overflow_from} is added to the scores

Error of attention when every score is raised or lowered by the same amount, which should change nothing. Lines end
where results become inf or NaN.

The lines without max subtraction take the exponentials of the scores as they are; a gap means that at least one row was
inf or NaN in every seed. Squares mark the ends in float32. Above, an exponential or a sum of them overflows; below, all
of them vanish, and the line climbs on the way to {underflow_from} as their digits run out. Amounts were tried in steps
of four, with 256 keys; more keys overflow earlier. The dotted vertical lines are the logarithms of the largest and of
the smallest float32. The kernel subtracts the running maximum and never leaves the range; its error grows on both sides
too, since a large score is rounded more coarsely before anything is subtracted. The error is the root mean square over
that of the result, on a logarithmic axis; lines join medians over the seeds.

A chart of three lines over amounts from {least} to {most}. The kernel's error is smallest around zero, {kernel_zero},
and {kernel_far} at the ends. Without max subtraction the error in float32 is {unshifted_zero} at zero and the line ends
on both sides; with exponentials in float16 it ends at {f16_overflow_from} already.
"""

import math
from typing import Any

import plotly.graph_objects as go

from attnsite.figures.toolkit import axes, measured_rows, style
from attnsite.records.quantity import Quantity
from attnsite.records.run_file import Run

EXPERIMENT = "softmax_shift"
TITLE_COLUMNS = ("no max subtraction, float32", "online, in blocks")
LINES = {
    "unshifted_f16": ("no max subtraction,<br>float16", style.Look(style.OTHER_2, "dash", "diamond")),
    "unshifted": ("no max subtraction, float32", style.Look(style.OTHER, symbol="square")),
    "cpu_simd": ("online, in blocks", style.Look(style.OURS)),
}
LIMITS = (math.log(3.4028234663852886e38), -149 * math.log(2))  # exp leaves float32 here; 2⁻¹⁴⁹ is its smallest number


def medians(run: Run, name: str) -> dict[int, Quantity]:
    """By what was added: the error; infinite where most seeds gave no number."""
    amounts = sorted({row.case["added"] for row in run.where()})
    if not amounts:
        raise LookupError("not measured yet on this machine: softmax of shifted scores")
    return {added: measured_rows.over_seeds(run, name, added=added) for added in amounts}


def works(run: Run, name: str) -> list[int]:
    """The amounts at which every seed gave numbers, and the error is not tens of times that in the middle."""
    middle = medians(run, name)[0].value
    return [added for added in medians(run, name)
            if all(row.values[name] < 20 * middle for row in run.where(added=added))]  # fmt: skip


def values(run: Run) -> dict[str, Quantity]:
    kernel, unshifted, half = medians(run, "cpu_simd"), works(run, "unshifted"), works(run, "unshifted_f16")
    amounts = list(kernel)
    above, below = [a for a in amounts if a > max(unshifted)], [a for a in amounts if a < min(unshifted)]
    half_above = [a for a in amounts if a > max(half)]
    if not above or not below or not half_above:
        raise LookupError("not measured yet on this machine: scores so large that they overflow")
    least = min(kernel.values(), key=lambda q: q.value)
    millionths = {name: Quantity(q.value * 1e6, "millionths") for name, q in
                  (("kernel_zero", kernel[0]), ("kernel_far", kernel[amounts[-1]]),
                   ("unshifted_zero", medians(run, "unshifted")[0]))}  # fmt: skip
    return millionths | {
        "least": Quantity(amounts[0], "1"),
        "most": Quantity(amounts[-1], "1"),
        "overflow_from": Quantity(min(above), "1"),
        "underflow_from": Quantity(max(below), "1"),
        "f16_overflow_from": Quantity(min(half_above), "1"),
        "kernel_growth": Quantity(kernel[amounts[-1]].value / least.value, "×"),
        "kernel_lost": Quantity(sum(not math.isfinite(q.value) for q in kernel.values()), "count"),
        "limit_above": Quantity(LIMITS[0], "1"),
        "limit_below": Quantity(LIMITS[1], "1"),
        "unshifted_over_kernel": Quantity(
            medians(run, "unshifted")[max(unshifted)].value / kernel[max(unshifted)].value, "×"),
    }  # fmt: skip


def tabulate(runs: list[Run]) -> list[dict[str, Any]]:
    def cell(error: Quantity) -> Quantity:
        return Quantity(error.value * 1e6, "millionths")

    return [
        {"machine": run.machine, "added to each score": added}
        | {label.replace("<br>", " "): cell(medians(run, name)[added]) for name, (label, _) in LINES.items()}
        for run in runs
        for added in medians(run, "cpu_simd")
    ]  # fmt: skip


def draw(runs: list[Run]) -> go.Figure:
    run = runs[0]
    lines = {name: {a: q.value for a, q in medians(run, name).items() if math.isfinite(q.value)} for name in LINES}
    amounts = list(medians(run, "cpu_simd"))
    shown = [error for those in lines.values() for error in those.values()]
    edge = max(map(abs, amounts))
    ticks = tuple(float(t) for t in range(-edge // 40 * 40, edge + 1, 40) if abs(t) <= edge)
    texts = tuple(f"{t:g}".replace("-", "−") for t in ticks)
    x = axes.Axis("added to every score", -edge * 1.05, edge * 1.05, ticks, texts)
    on = style.chart(x, axes.log_axis("error relative to the result", shown, pad=2.5))
    for limit, text, anchor in (
        (LIMITS[0], "ln(largest float32)", "right"),
        (LIMITS[1], "ln(smallest)", "left"),
    ):
        if abs(limit) < edge:
            style.reference(on, [limit, limit], [on.y.low, on.y.high], text)
            style.note(on, limit, on.y.high, text, style.MUTE, above=False, anchor=anchor,
                        shift=(-5 if anchor == "right" else 5, -16))  # fmt: skip
    for name, (label, look) in LINES.items():
        those = lines[name]
        hover = [f"{label.replace('<br>', ' ')}, {a:+d}: error: {axes.small(e)}" for a, e in those.items()]
        at_end = name == "cpu_simd"
        style.line(on, list(those), list(those.values()), look, label.replace("<br>", " "), hover=hover,
                    label_end=at_end, markers=len(those) < 20)  # fmt: skip
        if name == "unshifted":  # under the kernel's line on the right: its ends are marked
            ends = [min(those), max(those)]
            said = [f"last amount with numbers, {a:+d}: {axes.small(those[a])}" for a in ends]
            style.points(on, ends, [those[a] for a in ends], look, f"{label}, ends", said)
        if not at_end and those:
            near = min(those, key=abs)
            style.note(on, near, those[near], label, look.colour, anchor="center",
                        shift=(0, 33) if name == "unshifted" else (48, 12))  # fmt: skip
    return style.finish(on, run)
