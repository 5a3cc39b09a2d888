"""What a quick sweep gives beside a published run: how many of its rows, and about how long it takes."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass

from attnsite.records import registry, sweeps
from attnsite.records.run_file import Run
from attnsite.site import disk_cache
from attnsite.site.answers import Answers


@dataclass(frozen=True)
class Quick:
    """Rows of a published run that a quick sweep gives too, of how many, and at most how many seconds they took."""

    rows: int
    of: int
    seconds: float


def has_quick(answers: Answers, experiment: str) -> bool:
    """Has an experiment a quick sweep? Taken for granted where it cannot be asked."""
    cases = quick_cases(answers, experiment)
    return cases is None or bool(cases)


def quick_cases(answers: Answers, experiment: str) -> list[str] | None:
    """The quick cases of an experiment, as `sweeps.keys` writes them; None where it cannot be imported here."""
    path = registry.ROOT / "experiments" / f"{experiment}.py"
    if not path.is_file():
        return None

    def ask() -> list[str] | None:
        try:
            return sweeps.keys(registry.module("experiments", experiment, "experiment").experiment, "quick")
        except ImportError:  # such as Numba's absence
            return None

    made_from = ("quick cases", disk_cache.code_of(path))
    found: list[str] | None = answers.checkout.cache.kept(made_from, ask)
    return found


def beside(answers: Answers, run: Run) -> Quick | None:
    """What a quick sweep gives of a published run; None where nobody can say, or the run is quick itself."""
    cases = quick_cases(answers, run.experiment)
    if cases is None or run.is_quick:
        return None
    asked = set(cases)
    every: set[str] = set()
    rows = [row for row in run.rows if row.skipped is None]
    shared = 0
    for row in rows:
        key = json.dumps({name: value for name, value in row.case.items() if name != "variant"}, sort_keys=True)
        every.add(key)
        shared += key in asked
    share = len(every & asked) / len(every) if every else 0.0
    return Quick(shared, len(rows), run.provenance.seconds * share)


def told(found: Sequence[Quick]) -> str:
    """In words, of one run or of several together: rows in common, and the time."""
    rows, of = sum(one.rows for one in found), sum(one.of for one in found)
    seconds = sum(one.seconds for one in found)
    bound = "a minute" if seconds <= 60 else f"{math.ceil(seconds / 60)} minutes"
    if rows == of:
        return f"all {of} rows of the run, in less than {bound}"
    return f"{rows} of the {of} rows of the run, in less than {bound}"
