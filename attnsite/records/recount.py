"""Committed counts, counted again: they are the same on every machine, so a value that was changed is found by it.

What a compiler made of a kernel takes minutes to make again, and is the same only with that compiler: rows that name a
`toolchain` are left to the tests.
"""

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from attnsite.records import raised, registry, run_file
from attnsite.records.mistakes import Mistake
from attnsite.records.run_file import Run
from attnsite.records.workload import Count

ALIKE = 1e-9  # of a value: the last digits of a sum are a matter of the processor


def faults(run: Run, path: Path) -> Iterator[Mistake]:
    """The rows of a count whose values are others than its experiment counts here and now, at most one a row.

    Nothing is said of an experiment that cannot be imported
    here, or that refuses a case, as one whose library is not installed does; of code that has changed since, nothing of
    a case that it no longer knows.
    """
    try:
        experiment = registry.module("experiments", run.experiment, "experiment").experiment
    except BaseException as error:  # whatever its author wrote, which is told of its own file
        if not raised.own(error):
            raise
        return
    if not isinstance(experiment, Count):
        return
    for number, row in enumerate(run.rows, 1):
        if row.skipped is not None or "toolchain" in row.values:
            continue
        try:
            now = run_file.as_read(dict(experiment.observe(dict(row.case))))
        except (Exception, SystemExit):  # it refuses: what is not installed, or a case of other code
            continue
        if odd := next((name for name in sorted({*now, *row.values}) if not _same(now, row.values, name)), ""):
            said, counted = (json.dumps(held.get(odd), ensure_ascii=False)[:60] for held in (dict(row.values), now))
            what = f"is {said}, and counting again gives {counted}"
            yield Mistake(path, f"row {number}.values.{odd:.40}", what, "restore the file, or count it again")


def _same(now: dict[str, Any], said: Any, name: str) -> bool:
    return name in now and name in said and _alike(now[name], said[name])


def _alike(one: Any, other: Any) -> bool:
    """Whether two values are the same, numbers up to the last digits."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_alike(one[name], other[name]) for name in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_alike, one, other))
    if isinstance(one, bool) or isinstance(other, bool) or isinstance(one, str) or isinstance(other, str):
        return type(one) is type(other) and one == other
    if isinstance(one, int | float) and isinstance(other, int | float):
        return math.isclose(one, other, rel_tol=ALIKE, abs_tol=1e-12) or (math.isnan(one) and math.isnan(other))
    return one is None and other is None
