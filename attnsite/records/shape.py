"""The shape of a run's file: every way in which decoded JSON is not a run."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from attnsite.records.mistakes import Mistake
from attnsite.records.participant import SKIP_CODES, parse_participant

DEEPEST = 12  # lists and objects in one another, from the file down
KINDS = ("timing", "memory", "study", "count")
NOT_FINITE = ("nan", "inf", "-inf")  # what JSON has no numbers for
_HEAD = {"experiment": str, "kind": str, "machine": str, "sweep": str, "digest": str, "kernels": list,
         "provenance": dict, "rows": list, "complete": bool}  # fmt: skip
_LATER = {"rows_digest": str}  # what the first files of this format do not have
_PROVENANCE = {"machine": dict, "software": dict, "started": str, "seconds": int | float, "steadiness": dict}
_ROW = {"case": dict, "kernel": str, "kernel_digest": str, "stage": str, "seed": int, "samples": list, "warmups": list,
        "values": dict, "max_error": int | float | str, "bound": int | float | str,
        "skipped": str, "skip_code": str, "passes": list, "busy": list, "switched": list, "retaken": int}  # fmt: skip


def faults(path: Path, data: dict[str, Any], remedy: str) -> Iterable[Mistake]:
    """Every way in which decoded JSON is not a run."""

    def typed(where: str, value: dict[str, Any], shape: Mapping[str, Any], needed: Iterable[str]) -> Iterable[Mistake]:
        for name in needed:
            if name not in value:
                yield Mistake(path, where + name, "is missing", remedy)
        for name, got in value.items():
            if name not in shape and not (where == "" and name == "format"):
                yield Mistake(path, where + name, "is not a field of a run", remedy)
            elif name in shape and not isinstance(got, shape[name]):
                yield Mistake(path, where + name, f"is {type(got).__name__}, not what a run has there", remedy)

    found = list(typed("", data, _HEAD | _LATER, _HEAD))
    yield from found
    if found:
        return
    yield from typed("provenance.", data["provenance"], _PROVENANCE, _PROVENANCE)
    seconds = data["provenance"].get("seconds")
    if isinstance(seconds, int | float) and not _number(seconds):
        yield Mistake(path, "provenance.seconds", f"is {seconds!r:.40}, which is not a valid duration", remedy)
    if not all(isinstance(pattern, str) for pattern in data["kernels"]):
        yield Mistake(path, "kernels", "are not all strings", remedy)
    if _deeper(data, DEEPEST):
        yield Mistake(path, "", f"is nested more than {DEEPEST} levels deep", remedy)
    if data["kind"] not in KINDS:
        yield Mistake(path, "kind", f"is {data['kind']!r}, not one of {', '.join(KINDS)}", remedy)
    if data["sweep"] not in ("quick", "full"):
        yield Mistake(path, "sweep", f"is {data['sweep']!r}, not quick or full", remedy)
    if data["experiment"] != path.stem:
        yield Mistake(path, "experiment", f"is {data['experiment']!r}, but the file is called {path.name}", "rename it")
    if data["machine"] != path.parent.name:
        yield Mistake(path, "machine", f"is {data['machine']!r}, but the folder is {path.parent.name}", "move it")
    for number, row in enumerate(data["rows"], 1):
        where = f"row {number}."
        if not isinstance(row, dict):
            yield Mistake(path, where[:-1], "is not an object", remedy)
            continue
        yield from typed(where, row, _ROW, ("case",))
        for name in ("samples", "warmups", "busy"):
            for sample in row.get(name, []) if isinstance(row.get(name, []), list) else []:
                if not _number(sample):
                    yield Mistake(path, where + name, f"holds {sample!r:.40}, which is not a valid measurement", remedy)
        yield from _counts(path, where, row, remedy)
        for name in ("max_error", "bound"):
            if isinstance(row.get(name), str) and row[name] not in NOT_FINITE:
                yield Mistake(path, where + name, f"is {row[name]!r:.40}, not a number", remedy)
        if ("skipped" in row) != ("skip_code" in row) or str(row.get("skip_code", "refused")) not in SKIP_CODES:
            what = f"is {row.get('skip_code')!r:.40}; a row that was skipped, and no other, has one of"
            yield Mistake(path, where + "skip_code", f"{what} {', '.join(SKIP_CODES)}", remedy)
        if parse_participant(str(row.get("kernel"))).kind == "ceiling" and not row.get("skipped"):
            held = row.get("values", {})
            counts = [held[unit] for unit in ("bytes", "flops") if unit in held] if isinstance(held, dict) else []
            still = isinstance(row.get("samples"), list) and 0 in row["samples"]
            if still or not counts or not all(_number(count) and count > 0 for count in counts):
                yield Mistake(path, where + "values", "lack the bytes or flops of a call of this ceiling", remedy)


def _counts(path: Path, where: str, row: dict[str, Any], remedy: str) -> Iterable[Mistake]:
    """What goes with the samples of a row: how many each pass took, and what each had of the processors."""
    samples = row.get("samples", [])
    if not isinstance(samples, list):
        return
    for name in ("passes", "switched"):
        held = row.get(name, [])
        if not isinstance(held, list) or not all(type(one) is int and 0 <= one < 10**9 for one in held):
            yield Mistake(path, where + name, "holds something else than counts", remedy)
            return
    if row.get("passes") and sum(row["passes"]) != len(samples):
        yield Mistake(path, where + "passes", f"add up to {sum(row['passes'])} of {len(samples)} samples", remedy)
    for name in ("busy", "switched"):
        held = row.get(name, [])
        if isinstance(held, list) and held and len(held) != len(samples):
            yield Mistake(path, where + name, f"has {len(held)} numbers for {len(samples)} samples", remedy)
    if type(row.get("retaken", 0)) is not int or row.get("retaken", 0) < 0:
        yield Mistake(path, where + "retaken", f"is {row['retaken']!r:.40}, not a count", remedy)


def _deeper(value: Any, most: int) -> bool:
    """Whether lists and objects lie in one another more than so deep."""
    held = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return any(most <= 0 or _deeper(one, most - 1) for one in held if isinstance(one, dict | list))


def _number(value: Any) -> bool:
    """Is it a number that a machine measures: seconds, bytes, or operations of a call?"""
    return not isinstance(value, bool) and isinstance(value, int | float) and 0 <= value < 1e30
