"""What the figures of trained models share: last losses over the seeds, their gaps within a seed, lines over a size."""

import dataclasses
import functools
import math
import statistics
from collections.abc import Mapping
from typing import Any

from attnsite.figures.toolkit import axes, measured_rows, style
from attnsite.records.quantity import Quantity
from attnsite.records.run_file import Row, Run

DIGITS, GAP_DIGITS = 4, 2  # of a loss, in which the seeds differ in the third digit, and of a difference
Sized = Mapping[int, list[Row]]  # the runs of each size, one a seed


def trained(rows: list[Row], what: str = "no model was trained to the end") -> list[Row]:
    """The runs that did not diverge. Raises `LookupError`, which says what is missing, where there is none."""
    found = [row for row in rows if row.values["diverged_at"] is None]
    if not found:
        raise LookupError(f"not measured yet on this machine: {what}")
    return found


def sized(rows: list[Row], by: str) -> dict[int, list[Row]]:
    """The runs that did not diverge, by that field of the case, least first. `LookupError` where there is none."""
    found: dict[int, list[Row]] = {}
    for row in sorted(trained(rows), key=lambda row: (row.case[by], row.seed or 0)):
        found.setdefault(row.case[by], []).append(row)
    return found


def last(rows: list[Row]) -> Quantity:
    """The last validation loss: the median over the seeds and their interquartile range."""
    made = measured_rows.quartiles([row.values["validation"] for row in rows], "nats")
    return Quantity(made.value, made.unit, made.low, made.high, DIGITS)


def gap(rows: list[Row], others: list[Row]) -> Quantity:
    """How much higher the first's median loss is than the others': what the table's medians say.

    The bounds are the interquartile range of the differences between any seed of the one and any of the other. Raises
    `LookupError` where one has no run.
    """
    if not rows or not others:
        raise LookupError("not measured yet on this machine: both of two models")
    mine, theirs = ([row.values["validation"] for row in side] for side in (rows, others))
    spread = measured_rows.quartiles([one - other for one in mine for other in theirs], "nats")
    difference = statistics.median(mine) - statistics.median(theirs)
    low, high = (min(spread.low or difference, difference), max(spread.high or difference, difference))
    return Quantity(difference, "nats", low, high, GAP_DIGITS)


def interval(rows: list[Row], others: list[Row], paired: bool = False) -> tuple[Quantity, Quantity] | None:
    """The ends of a 95 % confidence interval of the difference of the mean losses, by Welch's t; None for single runs.

    It says which differences so few seeds can tell from none: those whose interval does not hold 0. `paired` takes the
    differences seed by seed, by Student's t: for models that start from the same numbers and see the same batches.
    """
    mine, theirs = ([row.values["validation"] for row in side] for side in (rows, others))
    if min(len(mine), len(theirs)) < 2:
        return None
    if paired:
        beside = {row.seed: row.values["validation"] for row in others}
        each = [row.values["validation"] - beside[row.seed] for row in rows if row.seed in beside]
        if len(each) < 2:
            return None
        middle = statistics.fmean(each)
        reach = _t(0.975, len(each) - 1) * statistics.stdev(each) / math.sqrt(len(each))
        return Quantity(middle - reach, "nats", digits=GAP_DIGITS), Quantity(middle + reach, "nats", digits=GAP_DIGITS)
    parts = [statistics.variance(side) / len(side) for side in (mine, theirs)]
    error = math.sqrt(sum(parts))
    degrees = sum(parts) ** 2 / sum(part**2 / (len(side) - 1) for part, side in zip(parts, (mine, theirs), strict=True))
    middle, reach = statistics.fmean(mine) - statistics.fmean(theirs), _t(0.975, degrees) * error
    low, high = (Quantity(end, "nats", digits=GAP_DIGITS) for end in (middle - reach, middle + reach))
    return low, high


def with_interval(name: str, rows: list[Row], others: list[Row], paired: bool = False) -> dict[str, Quantity]:
    """The gap under its name, and the ends of its interval as `name_low` and `name_high`."""
    ends = interval(rows, others, paired)
    return {name: gap(rows, others)} | ({f"{name}_low": ends[0], f"{name}_high": ends[1]} if ends else {})


@functools.cache
def _t(share: float, degrees: float) -> float:
    """The quantile of Student's t: below it lies that share, above one half, of the distribution."""
    steps = 200  # of Simpson's rule, from 0 on, for a density that is smooth

    def below(t: float) -> float:
        density = [(1 + (n * t / steps) ** 2 / degrees) ** (-(degrees + 1) / 2) for n in range(steps + 1)]
        total = density[0] + density[-1] + 4 * sum(density[1:-1:2]) + 2 * sum(density[2:-1:2])
        scale = math.exp(math.lgamma((degrees + 1) / 2) - math.lgamma(degrees / 2)) / math.sqrt(degrees * math.pi)
        return 0.5 + scale * total * t / steps / 3

    low, high = 0.0, 1.0
    while below(high) < share:
        high *= 2
    for _ in range(30):
        middle = (low + high) / 2
        low, high = (middle, high) if below(middle) < share else (low, middle)
    return (low + high) / 2


def parameters(row: Row) -> int:
    """How many numbers the model of a row has."""
    return int(row.values["parameters"])


def tabulate(runs: list[Run], columns: Mapping[str, str]) -> list[dict[str, Any]]:
    """One line for each shape of a model; `columns` gives the fields of the case and their heads."""
    lines = []
    for run in runs:
        shapes: dict[tuple[Any, ...], list[Row]] = {}
        for row in run.where():
            shapes.setdefault(tuple(row.case[field] for field in columns), []).append(row)
        for shape, rows in shapes.items():
            kept = [row for row in rows if row.values["diverged_at"] is None]
            loss = last(kept) if kept else None
            lines.append({"machine": run.machine, **dict(zip(columns.values(), shape, strict=True)),
                          "parameters": Quantity(parameters(rows[0]), "count"), "steps": rows[0].case["steps"],
                          "validation loss": loss, "seeds": len(rows),
                          "diverged": len(rows) - len(kept)})  # fmt: skip
    return lines


def axis(*lines: Sized, room: float = 0.0) -> axes.Axis:
    """A linear axis around all losses, not from zero: the differences are small. `room` is a share kept free below."""
    seen = [row.values["validation"] for line in lines for rows in line.values() for row in rows]
    seen.append(min(seen) - room * (max(seen) - min(seen)))
    made = axes.linear_axis("final validation loss per byte (axis not from zero)", seen, "nats", zero=False, most=6)
    return dataclasses.replace(made, texts=tuple(str(Quantity(round(t, 9), "nats", digits=DIGITS)) for t in made.ticks))


def lowest(line: Sized, *sizes: int) -> float:
    """The least loss of any seed, of these sizes or of all."""
    return min(row.values["validation"] for size in sizes or line for row in line[size])


def draw(on: style.Chart, line: Sized, look: style.Look, label: str, what: str, *, label_end: bool = True) -> None:
    """Medians with the band of the IQR, and a small mark for every seed. `what` names the size in hovers."""
    losses = [last(rows) for rows in line.values()]
    seeds = [(size, row) for size, rows in line.items() for row in rows]
    style.points(on, [size for size, _ in seeds], [row.values["validation"] for _, row in seeds],
                  style.Look(style.faint(look.colour, 0.5), symbol=look.symbol), f"{label}, every seed",
                  [f"{size} {what}, seed {row.seed}: {row.values['validation']:.4f} nats" for size, row in seeds],
                  size=5)  # fmt: skip
    style.line(
        on, list(line), [loss.value for loss in losses], look, label, label_end=label_end,
        low=[loss.value if loss.low is None else loss.low for loss in losses],
        high=[loss.value if loss.high is None else loss.high for loss in losses],
        hover=[f"{label}, {size} {what if size > 1 else what.removesuffix('s')}: {loss}<br>IQR {loss.spread()}"
               for size, loss in zip(line, losses, strict=True)],
    )  # fmt: skip
