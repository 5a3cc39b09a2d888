"""The samples of a row grow or fall steadily with time, so that their median is of no one state of the machine.

The last third of the samples, in their order, differs from the first by more than `MOVED` of the median, and no sample
of the one lies among those of the other.
"""

import statistics
from collections.abc import Iterator, Sequence

from attnsite.doubts._doubt import Runs, named, timed
from attnsite.records.run_file import Run

SHORT = "samples that drift with time"
MOVED = 0.15
FEWEST = 9  # samples of a pass


def find(runs: Runs) -> Iterator[tuple[Run, str, str]]:
    for run in runs.values():
        for row in timed(run):
            for samples in row.by_pass:
                if by := moved(samples):
                    yield run, named(row), f"the last third of its samples is at {by:.2f}× the first"
                    break


def moved(samples: Sequence[float]) -> float | None:
    """The last third over the first, if they lie apart."""
    third = len(samples) // 3
    if len(samples) < FEWEST:
        return None
    first, last = samples[:third], samples[-third:]
    apart = max(first) < min(last) or max(last) < min(first)
    by = statistics.median(last) / statistics.median(first)
    return by if apart and abs(by - 1) > MOVED else None
