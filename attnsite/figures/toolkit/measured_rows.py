"""What figures ask of measured rows: ratios with their spread, fitted exponents, the largest size that all have."""

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from attnsite.figures.toolkit import style
from attnsite.records.quantity import Quantity
from attnsite.records.run_file import Row, Run


def quartiles(samples: Sequence[float], unit: str) -> Quantity:
    """The median of the samples with their interquartile range."""
    if len(samples) < 2:
        return Quantity(samples[0], unit)
    low, _, high = statistics.quantiles(samples, n=4, method="inclusive")
    return Quantity(statistics.median(samples), unit, low, high)


def counted(run: Run, what: str, **case: Any) -> Row:
    """The first row of a case. Raises `LookupError` with a sentence where `what` it says has not been counted."""
    rows = run.where(**case)
    if not rows:
        raise LookupError(f"{what} has not been counted yet")
    return rows[0]


def ratio(above: Row, below: Row, unit: str = "×") -> Quantity:
    """Median over median; the bounds pair the quartiles that are farthest apart, so they are cautious."""
    (low, high), (least, most) = above.middle_half(), below.middle_half()
    if not below.median or not least:
        return Quantity(math.nan, unit)
    return Quantity(above.median / below.median, unit, low / most, high / least)


def exponent(rows: Sequence[Row], varied: str) -> Quantity:
    """The slope of log time over log of what varied, by least squares; bounds from the same fit to the samples.

    The k-th samples of all rows make one fit, for every k that all rows have; the bounds are the IQR of these.
    Raises `LookupError` with fewer than two rows.
    """
    if len({row.case[varied] for row in rows}) < 2:
        raise LookupError("not measured yet: a growth needs at least two sizes")
    xs = [math.log(row.case[varied]) for row in rows]

    def slope(times: Iterable[float]) -> float:
        return statistics.linear_regression(xs, [math.log(time) for time in times]).slope

    fits = [slope(times) for times in zip(*(row.samples for row in rows), strict=False)]
    value, (low, _, high) = slope(row.median for row in rows), statistics.quantiles([*fits] * 2, n=4)
    return Quantity(value, "1", min(low, value), max(high, value))


BYTES = {"cpu_simd_decode_bf16": 2, "cpu_simd_decode_int8": 1}  # of a cached number; int8 has a factor a row besides
WIDE = 0.19  # of the median: where an IQR is wider, rounds were disturbed, and figures quote nothing of it
FULL = 0.7  # of both neighbours' rates: below it a size was not measured at the speed of the others


def width(row: Row) -> float:
    """The width of the interquartile range of a row's samples, as a share of their median."""
    low, high = row.middle_half()
    return (high - low) / row.median


def cache_bytes(row: Row) -> int:
    """The bytes of keys and values that a row's kernel reads, as it stores them."""
    case = row.case
    rows = 2 * case["batch"] * case["kv_heads"] * case["keys"]
    factor = 4 if row.kernel == "cpu_simd_decode_int8" else 0
    return int(rows * (BYTES.get(str(row.kernel), 4) * case["dim"] + factor))


def halves(row: Row) -> tuple[Quantity, Quantity]:
    """The medians of the lower and of the upper half of a row's samples, for one whose samples fall into two groups."""
    ordered = sorted(row.samples)
    half = (len(ordered) + 1) // 2
    return Quantity(statistics.median(ordered[:half]), "s"), Quantity(statistics.median(ordered[-half:]), "s")


def half_speed(rates: Mapping[int, float]) -> set[int]:
    """The sizes whose rate is less than `FULL` of that at the next smaller and at the next larger size.

    On a machine of a few virtual cores one of them may be gone for all rounds of a workload: then all samples agree,
    and only the neighbours tell. The first and the last size have one neighbour and are not judged.
    """
    sizes = sorted(rates)
    triples = zip(sizes, sizes[1:], sizes[2:], strict=False)
    return {at for before, at, after in triples if rates[at] < FULL * min(rates[before], rates[after])}


def kernels(run: Run) -> list[str]:
    """The kernels that have a time somewhere, those of the first ladder first."""
    ladder = list(style.KERNELS)
    return sorted(run.kernel_names(), key=lambda name: (ladder.index(name) if name in ladder else len(ladder), name))


def largest(rows: Iterable[Row], by: str, needed: Iterable[tuple[str, object]] = ()) -> int:
    """The largest value of `by` for which, for each (name, value) needed, some row has it. `LookupError` if none."""
    sizes: dict[int, list[Row]] = {}
    for row in rows:
        sizes.setdefault(row.case[by], []).append(row)
    whole = [
        size for size, those in sizes.items() if all(any(r.case.get(n) == value for r in those) for n, value in needed)
    ]
    if not whole:
        raise LookupError("not measured yet on this machine: no size has all that this figure compares")
    return max(whole)


def table(
    runs: Sequence[Run], columns: dict[str, str], unit: str = "s", head: str = "time per call"
) -> list[dict[str, Any]]:
    """One line for each row that ran or was skipped; `columns` gives the fields of the case and their heads."""
    lines = []
    for run in runs:
        for row in run.rows:
            if not row.takes_part:
                continue
            line: dict[str, Any] = {"machine": run.machine, "kernel": row.kernel}
            line |= {name: row.case.get(field) for field, name in columns.items()}
            if any(other.stage for other in run.rows):
                line["step"] = row.stage or "whole call"
            line[head] = row.quantity(unit) if row.samples else None
            line["samples"] = len(row.samples)
            line["largest error"] = Quantity(row.max_error, "small") if row.max_error is not None else None
            line["not run because"] = row.skipped
            lines.append(line)
    return lines


def curve(on: style.Chart, rows: Sequence[Row], varied: str, label: str, look: style.Look, unit: str = "s") -> None:
    """A line of medians with the band of the interquartile range."""
    rows = sorted(rows, key=lambda row: row.case[varied])
    halves = [row.middle_half() for row in rows]
    style.line(
        on, [r.case[varied] for r in rows], [r.median for r in rows], look, label,
        low=[low for low, _ in halves], high=[high for _, high in halves],
        hover=[f"{label}, {r.case[varied]}: {q}<br>IQR {q.spread()}"
               for r, q in zip(rows, (row.quantity(unit) for row in rows), strict=True)],
    )  # fmt: skip


def over_seeds(run: Run, name: str, **case: Any) -> Quantity:
    """The median over the seeds of what a study observed, with their interquartile range."""
    samples = [row.values[name] for row in run.where(**case)]
    if not samples:
        raise LookupError("not measured yet on this machine: this study")
    low, _, high = statistics.quantiles(samples, n=4, method="inclusive") if len(samples) > 1 else samples * 3
    return Quantity(statistics.median(samples), "1", low, high)


def reads(run: Run, row: Row) -> float:
    """A row's time as the bytes that could be read in it, at the bandwidth of its own rounds; NaN without one."""
    read = run.ceiling("read", row)
    return row.median * read.value if read else math.nan
