"""What the machine can do at most, timed in the rounds of each workload, differs between workloads of one run.

Reading, multiply-adds and a large matrix product are the same loop each time. Where their rates lie more than `APART`
apart, times of those workloads were taken on a machine that changed, and a ratio across them is not of the kernels.
"""

from collections.abc import Iterator

from attnsite.doubts._doubt import Runs, timed
from attnsite.records.run_file import Run

SHORT = "the machine’s own rates moved during the run"
APART = 1.35  # between the slowest and the fastest workload of a run


def find(runs: Runs) -> Iterator[tuple[Run, str, str]]:
    for run in runs.values():
        rates: dict[tuple[str, int], list[float]] = {}
        for row in timed(run):
            if row.who and row.who.kind == "ceiling":
                work = row.values.get("bytes") or row.values.get("flops") or 0
                rates.setdefault((str(row.kernel), row.case.get("threads", 0)), []).append(work / row.median)
        for (name, threads), those in rates.items():
            if max(those) > APART * min(those):
                who = f"{name}{f', {threads} threads' if threads else ''}"
                yield run, who, f"from {min(those):.3g} to {max(those):.3g} per second, workload by workload"
