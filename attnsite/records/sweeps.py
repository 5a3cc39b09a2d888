"""The two sweeps of an experiment: the quick one is a part of the full one, so that what it gives can be compared."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from attnsite.records import registry
from attnsite.records.mistakes import Mistake
from attnsite.records.workload import Case, Count, Experiment, Study, Workload

_FILE = "attnsite/experiments/{}.py"


def asked(case: Workload | Case) -> dict[str, Any]:
    """A workload or case as JSON values."""
    return case.case() if isinstance(case, Workload) else dict(case)


def keys(experiment: Experiment, sweep: str) -> list[str]:
    """The cases of a sweep as texts that are equal where what is asked is, in order."""
    return [json.dumps(asked(case), sort_keys=True) for case in getattr(experiment, sweep)]


def faults(name: str, experiment: Experiment) -> Iterator[Mistake]:
    """What is wrong with an experiment's sweeps.

    A full sweep asks something, no sweep asks a case twice, and every quick case is one of the full ones. A `Study`
    whose cases all take minutes has no quick sweep: `quick=()`.
    """
    path, full, quick = _FILE.format(name), keys(experiment, "full"), keys(experiment, "quick")
    if not full:
        yield Mistake(path, "full", "asks nothing", "name the cases of the full sweep")
    elif not quick and not isinstance(experiment, Study):
        yield Mistake(path, "quick", "asks nothing", "choose small cases of the full sweep")
    for sweep, cases in {"quick": quick, "full": full}.items():
        if twice := next((case for case in cases if cases.count(case) > 1), None):
            yield Mistake(path, sweep, f"asks twice for {twice}", "take one of them out")
        if isinstance(experiment, Count):
            break  # one list, which is both
    if alien := next((case for case in quick if case not in set(full)), None):
        remedy = "choose cases of the full sweep, so that a quick run compares with a full one row by row"
        yield Mistake(path, "quick", f"asks for {alien}, which the full sweep does not", remedy)


def find_faults() -> list[Mistake]:
    """What is wrong with the sweeps of all experiments that can be imported here; Numba may not be installed."""
    found: list[Mistake] = []
    for name in registry.names("experiments"):
        try:
            experiment = registry.module("experiments", name, "experiment").experiment
        except ImportError:
            continue
        except Exception as error:  # whatever its author wrote
            found.append(Mistake(_FILE.format(name), _line(error, name), _first_line(error), "fix it"))
            continue
        found += faults(name, experiment)
    return found


def _first_line(error: Exception) -> str:
    told = next(iter(str(error).strip().splitlines()), "")
    return f"cannot be imported ({type(error).__name__}: {told})"


def _line(error: Exception, name: str) -> str:
    """The line of the experiment's file at which importing it failed, where one is known."""
    if isinstance(error, SyntaxError) and Path(error.filename or "").stem == name:
        return str(error.lineno or "")
    trace, line = error.__traceback__, ""
    while trace:
        if Path(trace.tb_frame.f_code.co_filename).name == f"{name}.py":
            line = str(trace.tb_lineno)
        trace = trace.tb_next
    return line
