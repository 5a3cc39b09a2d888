"""A doubt, and what its kinds share: how a row is named, what it computes, and which rows are the same question."""

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import ModuleType

from attnsite.formulas.attention import block_pairs, visible_pairs
from attnsite.records import registry
from attnsite.records.run_file import Row, Run

SIZES = ("heads", "kv_heads", "queries", "keys", "dim", "batch", "threads")
Runs = Mapping[str, Run]  # of one machine, by experiment
VARIED = (  # what experiments vary: fields that grow together, or of which one grows as the other falls
    ("queries", "keys"), ("keys",), ("queries",), ("heads", "kv_heads"), ("dim",), ("batch",), ("window",),
    ("dim", "-heads", "-kv_heads"),
)  # fmt: skip


@dataclass(frozen=True)
class Doubt:
    """`kind` is the file that found it; `row` names the row, or the case, of the run of `experiment`."""

    kind: str
    machine: str
    experiment: str
    row: str
    what: str


def kinds() -> dict[str, str]:
    """Every kind of doubt by its name, in a few words."""
    return {name: module.SHORT for name, module in _modules().items()}


def _modules() -> dict[str, ModuleType]:
    return registry.modules("doubts", "find", "SHORT")


def of_machine(runs: Runs) -> Iterator[Doubt]:
    """All doubts in the runs of one machine, kind by kind."""
    for kind, module in _modules().items():
        for run, row, what in module.find(runs):
            yield Doubt(kind, run.machine, run.experiment, row, what)


def timed(run: Run) -> list[Row]:
    """The rows of a full timing that have samples, of kernels, libraries and limits alike."""
    return [row for row in run.rows if row.samples] if run.kind == "timing" and not run.is_quick else []


def named(row: Row) -> str:
    """The row in words: who, and its sizes as far as they say something."""
    case = row.case
    parts = [f"{field}={case[field]}" for field in SIZES if case.get(field) not in (None, 0)]
    parts += [field for field in ("causal",) if case.get(field)]
    parts += [f"{field}={case[field]}" for field in ("window", "blocks", "variant") if case.get(field)]
    who = f"{row.kernel or ''}{f', {row.stage}' if row.stage else ''}"
    return f"{who} ({', '.join(parts)})"


def same(row: Row, *but: str) -> str:
    """What makes rows the same question when these fields of the case are left out."""
    left = {field: value for field, value in row.case.items() if field not in but}
    return json.dumps([row.kernel, row.stage, left], sort_keys=True)


def pairs(case: Mapping[str, object]) -> int | None:
    """Pairs of query and key that a head of a workload has to look at; None where the case is no workload."""
    queries, keys = case.get("queries"), case.get("keys")
    if not isinstance(queries, int) or not isinstance(keys, int):
        return None
    if isinstance(blocks := case.get("blocks"), list) and len(blocks) == 3:
        return block_pairs(queries, *blocks)
    window = case.get("window", 0)
    return visible_pairs(queries, keys, bool(case.get("causal")), window if isinstance(window, int) else 0)


def lines(run: Run, fields: tuple[str, ...]) -> list[list[Row]]:
    """The rows of kernels that differ in these fields alone, at least three, in the order of the first field.

    The others stay in proportion to the first; those with a minus to its reciprocal, as nearly as whole heads allow.
    """
    found: dict[str, list[Row]] = {}
    names = [field.removeprefix("-") for field in fields]
    for row in timed(run):
        values = [value for name in names if isinstance(value := row.case.get(name), int) and value > 0]
        if row.takes_part and len(values) == len(names):
            first, *others = values
            held = [round(math.log2(first * value)) if field.startswith("-") else value / first
                    for field, value in zip(fields[1:], others, strict=True)]  # fmt: skip
            found.setdefault(f"{same(row, *names)}{held}", []).append(row)
    ordered = (sorted(rows, key=lambda row: row.case[names[0]]) for rows in found.values())
    apart = ([row for at, row in enumerate(rows) if not at or rows[at - 1].case[names[0]] != row.case[names[0]]]
             for rows in ordered)  # fmt: skip
    return [rows for rows in apart if len(rows) > 2]
