"""Above a head dimension of 32 little is gained: 128 is {gain_128_over_32} as fast as 32

FLOP/s of prefill by head dimension, at about equal columns in all. The rise flattens at 32, and sizes between powers of
two are no slower.

Every point does the two products of about 1024 columns over {tokens} tokens. Small heads are slow because a score costs
an exponential whatever the head dimension, and because a product over few columns is short. The dotted line is the rate
of multiply-adds alone in the same rounds; bands hold the interquartile range of the samples. The head dimension is on a
logarithmic axis.

A chart of one line for each kernel over head dimensions from {narrowest} to {widest}. The fastest kernel reaches
{at_narrowest} with the smallest heads, {at_32} at 32, {at_64} at 64 and {at_128} at 128. From 64 on, the slowest
dimension has {least_from_64} of the speed of the fastest.
"""

from typing import Any

import plotly.graph_objects as go

from attnsite.figures.roofline import speed
from attnsite.figures.toolkit import axes, measured_rows, style
from attnsite.records.quantity import Quantity
from attnsite.records.run_file import Row, Run

EXPERIMENT = "speed_by_head_width"
TITLE_COLUMNS = ("speed", "head dim")
FASTEST = {"cpu_": "cpu_simd", "cuda_": "cuda_mma"}  # of a processor, and of a GPU where no processor was measured
NAMED = (8, 16, 32, 40, 64, 80, 96, 128, 256)


def by_width(run: Run, kernel: str) -> dict[int, Row]:
    return {row.case["dim"]: row for row in sorted(run.where(kernel), key=lambda row: row.case["dim"]) if row.samples}


def device(run: Run) -> str:
    """The device that the picture shows, as the beginning of its kernels' names."""
    for beginning, kernel in FASTEST.items():
        if by_width(run, kernel):
            return beginning
    raise LookupError(f"not measured yet on this machine: {' or '.join(FASTEST.values())}")


def limit(run: Run) -> Quantity | None:
    """The rate of multiply-adds that bounds the fastest kernel there."""
    return run.ceiling({"cpu_": "fma", "cuda_": "cuda_matmul"}[device(run)])


def ratio(above: Row, below: Row) -> Quantity:
    """How many times as fast the first is, FLOP for FLOP; the bounds are cautious."""
    first, second = speed(above), speed(below)
    low, high = (
        (first.low or first.value) / (second.high or second.value),
        (first.high or first.value) / (second.low or second.value),
    )
    return Quantity(first.value / second.value, "×", low, high)


def values(run: Run) -> dict[str, Quantity]:
    kernel = FASTEST[device(run)]
    rows = by_width(run, kernel)
    if not {32, 40, 64, 128} <= set(rows):
        raise LookupError(f"not measured yet on this machine: {kernel} at head dimensions of 32, 40, 64 and 128")
    found = {
        "tokens": Quantity(rows[64].case["queries"], "count"),
        "narrowest": Quantity(min(rows), "count"),
        "widest": Quantity(max(rows), "count"),
        "at_narrowest": speed(rows[min(rows)]),
        "gain_32_over_narrowest": ratio(rows[32], rows[min(rows)]),
        "gain_128_over_64": ratio(rows[128], rows[64]),
        "gain_64_over_32": ratio(rows[64], rows[32]),
        "gain_128_over_32": ratio(rows[128], rows[32]),
        "ratio_80_over_64": ratio(rows.get(80, rows[40]), rows[64]),
    }
    found |= {f"at_{dim}": speed(rows[dim]) for dim in NAMED if dim in rows}
    wide = [speed(row).value for dim, row in rows.items() if dim >= 64]
    found["least_from_64"] = Quantity(min(wide) / max(wide), "%")
    # Heads of 40 against what the widths on both sides would lead one to expect.
    expected = (speed(rows[32]).value + speed(rows.get(48, rows[64])).value) / 2
    found["loss_at_40"] = Quantity(max(0.0, 1 - speed(rows[40]).value / expected), "%")
    fma = limit(run)
    if fma:
        found |= {f"share_{dim}_of_fma": Quantity(speed(rows[dim]).value / fma.value, "%")
                  for dim in NAMED if dim in rows}  # fmt: skip
        found |= {f"beyond_fma_{dim}": Quantity(max(0.0, 1 - speed(rows[dim]).value / fma.value), "%")
                  for dim in NAMED if dim in rows}  # fmt: skip
    return found


def tabulate(runs: list[Run]) -> list[dict[str, Any]]:
    lines = measured_rows.table(runs, {"dim": "head dim", "heads": "heads", "queries": "tokens"})
    measured = [row for run in runs for row in run.rows if row.takes_part]
    for line, row in zip(lines, measured, strict=True):
        line["speed"] = speed(row) if row.samples else None
    return lines


def draw(runs: list[Run]) -> go.Figure:
    run = runs[0]
    shown = device(run)
    lines = {kernel: by_width(run, kernel) for kernel in measured_rows.kernels(run) if kernel.startswith(shown)}
    lines = {kernel: rows for kernel, rows in lines.items() if rows}
    rates = {kernel: [speed(row) for row in rows.values()] for kernel, rows in lines.items()}
    fma = limit(run)
    tops = [q.high or q.value for those in rates.values() for q in those] + ([fma.value] if fma else [])
    widths = [dim for rows in lines.values() for dim in rows]
    x = axes.log_axis("head dimension", widths, "count", base=2, pad=1.08)
    on = style.chart(x, axes.linear_axis("speed of the two products", [0, *tops], "FLOP/s"))
    if fma:
        style.reference(on, [x.low, x.high], [fma.value] * 2, f"multiply-adds, {fma}")
        style.note(on, x.low, fma.value, "multiply-adds", style.MUTE, above=True, anchor="left", shift=(6, 2))
    for kernel, look in style.looks(list(lines)).items():
        name = style.call(kernel)
        hover = [
            f"{name}, head dimension {dim}: {rate}<br>{row.case['heads']} heads"
            for (dim, row), rate in zip(lines[kernel].items(), rates[kernel], strict=True)
        ]
        style.line(
            on, list(lines[kernel]), [q.value for q in rates[kernel]], look, name, hover=hover,
            low=[q.low or q.value for q in rates[kernel]], high=[q.high or q.value for q in rates[kernel]],
        )  # fmt: skip
    return style.finish(on, run)
