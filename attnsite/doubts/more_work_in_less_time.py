"""A longer sequence, context or window, more heads or a larger batch took far less time than a smaller one.

A call that has more to do takes at least `LEAST` of the time of one that has less; somewhat less may be a larger block,
or a better fill of registers.
"""

import itertools
from collections.abc import Iterator

from attnsite.doubts._doubt import VARIED, Runs, lines, named
from attnsite.records.run_file import Run

SHORT = "more work in less time"
LEAST = 0.6


def find(runs: Runs) -> Iterator[tuple[Run, str, str]]:
    for run in runs.values():
        told = set()
        for fields in VARIED:
            for line in lines(run, fields) if not any(field.startswith("-") for field in fields) else ():
                for less, more in itertools.pairwise(line):
                    if more.median < LEAST * less.median and more.key not in told:
                        told.add(more.key)
                        share = more.median / less.median
                        yield run, named(more), f"takes {share:.2f}× the time of a smaller {fields[0]}"
