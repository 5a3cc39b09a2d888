"""The two sweeps of an experiment: the quick one is a part of the full one, so that what it gives can be compared."""

import json
from collections.abc import Iterator
from typing import Any

from attnsite.records import raised, registry
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
        except BaseException as error:  # whatever its author wrote
            file = registry.path_of("experiments", name)
            at, line = raised.imported(error, file)
            if not raised.own(error):
                raise
            shown = at.relative_to(registry.ROOT.parent)
            found.append(Mistake(shown, line, f"cannot be imported ({raised.told(error)})", "fix it"))
            continue
        if not isinstance(experiment, Experiment):
            what = f"its experiment is {experiment!r:.60}, no Timing, Memory, Study or Count"
            found.append(Mistake(_FILE.format(name), "experiment", what, "declare it as the others do"))
            continue
        try:
            found += faults(name, experiment)
        except (TypeError, ValueError, AttributeError, KeyError) as error:  # what stands in it is of other kinds
            what = f"asks what cannot be asked ({raised.told(error)})"
            found.append(Mistake(_FILE.format(name), "experiment", what, "give workloads, or cases by name"))
    return list(dict.fromkeys(found))
