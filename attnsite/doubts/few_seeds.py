"""A study that differences are claimed of has fewer than `FEWEST` seeds for a case.

Five seeds leave intervals that hold a difference and none; with fewer, an interval says little.
"""

from collections import Counter
from collections.abc import Iterator

from attnsite.doubts._doubt import Runs
from attnsite.records.run_file import Run

SHORT = "fewer than five seeds"
FEWEST = 5


def find(runs: Runs) -> Iterator[tuple[Run, str, str]]:
    for run in runs.values():
        if run.kind != "study" or run.is_quick:
            continue
        seeds = Counter(repr(sorted(row.case.items(), key=str)) for row in run.rows if row.seed is not None)
        few = {case: count for case, count in seeds.items() if count < FEWEST}
        if few and max(seeds.values()) > 1:
            yield (
                run,
                f"{len(few)} of {len(seeds)} cases",
                f"have {min(few.values())} seeds, and {FEWEST} are the least",
            )
