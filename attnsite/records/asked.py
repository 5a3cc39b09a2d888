"""What an experiment asks, as JSON: its cases, seeds, variants and ceilings. With it a run's rows can be compared."""

import json
from collections.abc import Mapping
from typing import Any

from attnsite.records import registry, sweeps
from attnsite.records.workload import Count, Experiment, Memory, Study, Timing

KINDS: Mapping[type, str] = {Timing: "timing", Memory: "memory", Study: "study", Count: "count"}


def asked(name: str) -> dict[str, Any]:
    """Of the experiment of that name; imports it. Raises `ImportError` where what it needs is not installed."""
    return of(registry.module("experiments", name, "experiment").experiment)


def of(experiment: Experiment) -> dict[str, Any]:
    """`cases` of each sweep as texts in which equal cases are equal, and what else may stand in a row."""
    return {
        "kind": KINDS[type(experiment)],
        "cases": {sweep: sweeps.keys(experiment, sweep) for sweep in ("quick", "full")},
        "variants": [dict(variant) for variant in getattr(experiment, "variants", ())],
        "seeds": list(getattr(experiment, "seeds", ())),
        "kernels": list(getattr(experiment, "kernels", ())),
        "ceilings": list(getattr(experiment, "ceilings", ())),
        "stages": bool(getattr(experiment, "stages", False)),
    }


def key(case: Mapping[str, Any]) -> str:
    """A row's case as such a text: what a kernel was given beside it is no part of what was asked."""
    return json.dumps({name: value for name, value in case.items() if name != "variant"}, sort_keys=True)
