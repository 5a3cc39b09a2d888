"""From three loops to {share_of_fma} of the FMA peak: the same prefill {gain} as fast

GFLOP/s of each kernel for prefill with {heads} heads of head_dim {dim} over {tokens} tokens. The right-hand line is the
measured FMA peak, the left-hand one a large BLAS matrix product.

A bar is the median, its whisker the interquartile range. The second number is the speed-up over the bar below; it is
left out where samples fell into two groups. All kernels were timed in turn in the same rounds. The lines are what a
large matrix product through BLAS reached in these rounds, and a loop of nothing but multiply-adds. The FLOPs are those
of the two products alone: time spent on exponentials counts against a kernel.

A bar chart of {count} kernels, from {slowest} to {fastest}. The fastest is at {share_of_fma} of a loop of fused
multiply-adds, {fma}, and at {share_of_matmul} of a large matrix product.
"""

import itertools
from typing import Any

import plotly.graph_objects as go

from attnsite.figures.roofline import speed
from attnsite.figures.toolkit import axes, measured_rows, style
from attnsite.records.quantity import Quantity
from attnsite.records.run_file import Row, Run

EXPERIMENT = "roofline"
TITLE_COLUMNS = ("speed", "over the one before")
HEADS, DIM, FEWEST = 8, 64, 3
ROOFS = {"matmul": "matrix product", "fma": "FMA peak"}
REACH = 0.4  # of the fastest: as long as the words beside a bar are on a phone; a line within is left before them


def ladder(run: Run) -> list[Row]:
    """The rows of the largest prefill that nearly all kernels could do, slowest first."""
    rows = [r for r in run.where(heads=HEADS, dim=DIM) if r.case["queries"] > 1 and r.samples and not r.stage]
    by_size: dict[int, list[Row]] = {}
    for row in rows:
        if row.who and (row.who.kind, row.who.device) == ("kernel", "cpu"):
            by_size.setdefault(row.case["queries"], []).append(row)
    most = max((len(those) for those in by_size.values()), default=0)
    if most < FEWEST:
        raise LookupError("not measured yet on this machine: at least three kernels on the same prefill")
    size = max(size for size, those in by_size.items() if len(those) == most)
    return sorted(by_size[size], key=lambda row: speed(row).value)


def step(below: Row, above: Row) -> Quantity | None:
    """How many times as fast; nothing where the samples of one fell into groups, so that a median lies between them."""
    steady = max(map(measured_rows.width, (below, above))) <= measured_rows.WIDE
    return measured_rows.ratio(below, above) if steady else None


def values(run: Run) -> dict[str, Quantity]:
    rows = ladder(run)
    best = rows[-1]
    roofs = {name: roof for name in ("fma", "matmul") if (roof := run.ceiling(name, best))}
    if len(roofs) < 2:
        raise LookupError("not measured yet on this machine: what it can compute at most")
    found = {
        "gain": measured_rows.ratio(rows[0], best),
        "slowest": speed(rows[0]),
        "fastest": speed(best),
        "fma": roofs["fma"],
        "matmul": roofs["matmul"],
        "count": Quantity(len(rows), "count"),
        **{name: Quantity(best.case[field], "count") for name, field in
           (("heads", "heads"), ("dim", "dim"), ("tokens", "queries"))},
    }  # fmt: skip
    for name, roof in roofs.items():
        found[f"share_of_{name}"] = Quantity(speed(best).value / roof.value, "%")
    for below, above in itertools.pairwise(rows):
        if gain := step(below, above):
            found[f"step_to_{above.kernel}"] = gain
    for row in rows:
        reached = found[str(row.kernel)] = speed(row)
        found[f"{row.kernel}_high"] = Quantity(reached.high or reached.value, "FLOP/s")  # a quarter of the samples
    return found


def tabulate(runs: list[Run]) -> list[dict[str, Any]]:
    lines: list[dict[str, Any]] = []
    for run in runs:
        rows = ladder(run)
        for i, row in enumerate(rows):
            lines.append(
                {"machine": run.machine, "kernel": row.kernel, "speed": speed(row),
                 "time per call": row.quantity("s"),
                 "over the one before": step(rows[i - 1], row) if i else None,
                 "samples": len(row.samples)}
            )  # fmt: skip
    return lines


def draw(runs: list[Run]) -> go.Figure:
    run = runs[0]
    rows, named = ladder(run), values(run)
    names = tuple(style.call(str(row.kernel)) for row in rows)
    ys = [float(i) for i in range(len(rows))]
    most = max(named["fma"].value, *(reached.high or reached.value for reached in map(speed, rows)))
    x = axes.linear_axis("speed", [0, most * 1.42], "FLOP/s", most=4)
    on = style.chart(x, axes.Axis("kernel", -0.6, len(rows) - 0.25, tuple(ys), names))
    on.figure.update_yaxes(showgrid=False)
    for name, label in ROOFS.items():
        level = named[name].value
        style.reference(on, [level, level], [on.y.low, on.y.high], label, dash="solid", rim=True)
        style.note(on, level, -0.42 if name == "fma" else len(rows) - 0.42, label, style.MUTE, anchor="right",
                    shift=(-5, 0))  # fmt: skip
    looks = style.looks([str(row.kernel) for row in rows])
    for y, row in zip(ys, rows, strict=True):
        reached = speed(row)
        gain = step(rows[int(y) - 1], row) if y else None
        on.figure.add_bar(
            x=[reached.value], y=[y], orientation="h", width=0.56, marker={"color": looks[str(row.kernel)].colour},
            hovertext=[f"{names[int(y)]}: {reached}<br>IQR {reached.spread()}"], hoverinfo="text",
        )  # fmt: skip
        low, high = reached.low or reached.value, reached.high or reached.value
        style.whiskers(on, [reached.value], [y], [low], [high], level=True)
        behind = max(
            (named[roof].value for roof in ROOFS if high < named[roof].value < high + REACH * most), default=high
        )
        style.note(
            on, behind, y, str(reached) + (f"<br>{gain}" if gain else ""), anchor="left", shift=(8, 0), name="fixed",
            ground=False,
        )  # fmt: skip
    return style.finish(on, run)
