"""A mask, a window, blocks, shared KV heads or threads gain more time than counting allows.

Leaving pairs out cannot gain more than the ratio of the pairs, sharing KV heads no more than the size of the group,
threads no more than their number. `NOISE` is what samples of separate rounds differ by.
"""

from collections.abc import Iterator

from attnsite.doubts._doubt import Runs, named, pairs, same, timed
from attnsite.records.run_file import Row, Run

SHORT = "gains more than counting allows"
NOISE = 1.05
LEFT_OUT = ("causal", "window", "blocks")


def find(runs: Runs) -> Iterator[tuple[Run, str, str]]:
    for run in runs.values():
        rows = [row for row in timed(run) if row.takes_part and not row.stage]
        for less, whole, most, by in [*masked(rows), *shared(rows), *threaded(rows)]:
            gain = whole.median / less.median
            if gain > NOISE * most:
                yield run, named(less), f"gains {gain:.2f}× by {by}, and {most:.2f}× is the most"


def masked(rows: list[Row]) -> Iterator[tuple[Row, Row, float, str]]:
    """Each row that leaves pairs out, beside the one of the same kernel and sizes that leaves out least."""
    for those in grouped(rows, *LEFT_OUT):
        counted = [(count, row) for row in those if (count := pairs(row.case))]
        if counted:
            most, whole = max(counted, key=lambda pair: pair[0])
            for count, row in counted:
                if count < most:
                    yield row, whole, most / count, "leaving pairs out"


def shared(rows: list[Row]) -> Iterator[tuple[Row, Row, float, str]]:
    for those in grouped(rows, "kv_heads"):
        whole = max(those, key=lambda row: row.case["kv_heads"])
        for row in those:
            if row.case["kv_heads"] < whole.case["kv_heads"]:
                yield row, whole, whole.case["kv_heads"] / row.case["kv_heads"], "sharing KV heads"


def threaded(rows: list[Row]) -> Iterator[tuple[Row, Row, float, str]]:
    for those in grouped([row for row in rows if row.case.get("threads")], "threads"):
        alone = min(those, key=lambda row: row.case["threads"])
        for row in those:
            if row is not alone:
                yield row, alone, row.case["threads"] / alone.case["threads"], "threads"


def grouped(rows: list[Row], *fields: str) -> list[list[Row]]:
    """Rows that differ in these fields alone."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        if "queries" in row.case and "kv_heads" in row.case:
            found.setdefault(same(row, *fields), []).append(row)
    return [those for those in found.values() if len(those) > 1]
