"""The same kernel took another time on the same workload in another experiment of the machine.

The medians lie more than `APART` apart and neither's interquartile range reaches the other's. Kernels of other digests
are other kernels, and a library's backward pass is another call than its forward pass.
"""

from collections.abc import Iterator

from attnsite.doubts._doubt import Runs, named, same, timed
from attnsite.records.run_file import Row, Run

SHORT = "another time than in another experiment"
APART = 1.25


def find(runs: Runs) -> Iterator[tuple[Run, str, str]]:
    found: dict[tuple[str, str | None, bool], list[tuple[Run, Row]]] = {}
    for run in runs.values():
        backward = any("_backward" in name for name in run.kernels)
        for row in timed(run):
            if row.takes_part:
                found.setdefault((same(row, "seed"), row.kernel_digest, backward), []).append((run, row))
    for those in found.values():
        fast, slow = (choose(those, key=lambda pair: pair[1].median) for choose in (min, max))
        if fast[0] is slow[0] or slow[1].median <= APART * fast[1].median:
            continue
        if slow[1].middle_half()[0] > fast[1].middle_half()[1]:
            over = slow[1].median / fast[1].median
            yield slow[0], named(slow[1]), f"takes {over:.2f}× its time in {fast[0].experiment}"
