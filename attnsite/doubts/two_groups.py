"""Samples of one row fall into two groups, so that their median lies between two speeds or tells of one alone.

The widest gap between neighbouring samples is more than `GAP` of the median and more than `OVER` times the IQR of
either side, and at least `SIDE` of the samples lie on each side.
"""

import statistics
from collections.abc import Iterator, Sequence

from attnsite.doubts._doubt import Runs, named, timed
from attnsite.records.run_file import Run

SHORT = "samples in two groups"
GAP = 0.15  # a tenth is what a shared processor's clock does by itself
SIDE = 0.2
OVER = 1.0
FEWEST = 9  # samples of a row


def find(runs: Runs) -> Iterator[tuple[Run, str, str]]:
    for run in runs.values():
        for row in timed(run):
            if ends := split(row.samples):
                low, high = ends
                yield run, named(row), f"samples in two groups, about {low:.3g} s and {high:.3g} s"


def split(samples: Sequence[float]) -> tuple[float, float] | None:
    """The medians of the two groups, if there are two."""
    ordered = sorted(samples)
    if len(ordered) < FEWEST:
        return None
    least = max(2, round(SIDE * len(ordered)))
    gaps = [(ordered[at] - ordered[at - 1], at) for at in range(least, len(ordered) - least + 1)]
    gap, at = max(gaps)
    low, high = ordered[:at], ordered[at:]
    if gap <= GAP * statistics.median(ordered) or gap <= OVER * max(inner(low), inner(high)):
        return None
    return statistics.median(low), statistics.median(high)


def inner(samples: Sequence[float]) -> float:
    """The interquartile range."""
    first, _, third = statistics.quantiles(samples, n=4, method="inclusive")
    return third - first
