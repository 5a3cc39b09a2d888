"""A size is far slower than the next smaller and the next larger one, measured on a straight line between the two.

One of a virtual machine's processors can be gone for all rounds of a workload; then all of its samples agree, and only
its neighbours tell. Between two sizes of a straight line on logarithmic axes a call takes less than `SLOWER` times what
the line says; a cache that ends there costs at most the square root of its step.
"""

import math
from collections.abc import Iterator

from attnsite.doubts._doubt import VARIED, Runs, lines, named
from attnsite.records.run_file import Row, Run

SHORT = "slower than both neighbouring sizes"
SLOWER = 1.43  # 1 / 0.7, the share of both neighbours' rates below which figures leave a size out


def find(runs: Runs) -> Iterator[tuple[Run, str, str]]:
    for run in runs.values():
        told = set()
        for fields in VARIED:
            for line in lines(run, fields):
                for before, at, after in zip(line, line[1:], line[2:], strict=False):
                    over = at.median / between(before, at, after, fields[0])
                    if over > SLOWER and at.key not in told:
                        told.add(at.key)
                        yield run, named(at), f"takes {over:.2f}× the time that both neighbours by {fields[0]} imply"


def between(before: Row, at: Row, after: Row, field: str) -> float:
    """The time on the straight line between two rows, on logarithmic axes."""
    low, size, high = (math.log(row.case[field]) for row in (before, at, after))
    share = (size - low) / (high - low)
    return math.exp((1 - share) * math.log(before.median) + share * math.log(after.median))
