"""Which rows a number rests on, found by trying: a row whose times or counts are moved a little moves the number.

Nothing is asked of a figure: its `values` and `tabulate` are called with one run after another in which some rows are
larger by a part in a thousand. Halving the set finds the few that matter in a few dozen calls.
"""

import ast
import inspect
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

from attnsite.records.run_file import Row, Run
from attnsite.site import disk_cache
from attnsite.site.disk_cache import Cache

CALLS = 160  # of a figure's `values` for one run, at most
FEW = 12  # rows that a number is said to rest on; of more it says how many they are


def rows_behind(
    cache: Cache, module: ModuleType, run: Run, file: Path, names: Sequence[str]
) -> dict[str, list[dict[str, Any]]]:
    """For each of a figure's numbers the rows of its table that it moves with; `file` is the run's own."""

    def make() -> dict[str, list[dict[str, Any]]]:
        try:
            return _found(module, run, names)
        except (LookupError, ValueError, ZeroDivisionError, TypeError, AttributeError):
            return {}

    written = getattr(module, "__file__", None)
    if not written or not file.is_file():
        return make()
    made_from = ("grounds", _code(written), disk_cache.bytes_of(file), list(names))
    made: dict[str, list[dict[str, Any]]] = cache.kept(made_from, make)
    return made


def _code(written: str) -> tuple[str, str]:
    """What decides all that is found here: the figure's file, and this one."""
    return disk_cache.code_of(Path(written)), disk_cache.code_of(Path(__file__))


def _found(module: ModuleType, run: Run, names: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    before = module.values(run)
    behind: dict[str, list[int]] = {name: [] for name in names if name in before}
    calls = 0

    def search(rows: Sequence[int], wanted: Sequence[str]) -> None:
        nonlocal calls
        if not rows or not wanted or calls >= CALLS:
            return
        calls += 1
        try:
            after = module.values(_with(run, rows))
            moved = [name for name in wanted if name in after and after[name].value != before[name].value]
        except (LookupError, ValueError, ZeroDivisionError, TypeError, AttributeError):
            moved = list(wanted) if len(rows) > 1 else []
        if len(rows) == 1:
            for name in moved:
                behind[name].append(rows[0])
            return
        moved = [name for name in moved if len(behind[name]) <= FEW]
        half = len(rows) // 2
        search(rows[:half], moved)
        search(rows[half:], moved)

    search([at for at, row in enumerate(run.rows) if row.skipped is None], list(behind))
    table = module.tabulate([run])
    shown = [repr(row) for row in table]
    places = {}
    for at in {at for rows in behind.values() for at in rows if len(rows) <= FEW}:
        after = [repr(row) for row in module.tabulate([_with(run, [at])])]
        places[at] = [place for place, pair in enumerate(zip(shown, after, strict=False)) if pair[0] != pair[1]]
    return {
        name: [table[at] for at in sorted({place for at in rows for place in places[at]})] if len(rows) <= FEW else []
        for name, rows in behind.items()
    }


def _with(run: Run, rows: Sequence[int]) -> Run:
    """The run with these rows a little larger, each by a share of its own, so that a quotient of two moves as well."""
    changed = set(rows)
    return replace(run, rows=tuple(_larger(row, 1 + 2**-10 * (1 + at / len(run.rows))) if at in changed else row
                                   for at, row in enumerate(run.rows)))  # fmt: skip


def _larger(row: Row, by: float) -> Row:
    def scaled(value: Any) -> Any:
        if isinstance(value, list | tuple):
            return type(value)(scaled(inner) for inner in value)
        if isinstance(value, Mapping):
            return {name: scaled(inner) for name, inner in value.items()}
        return value * by if isinstance(value, int | float) and not isinstance(value, bool) else value

    error = row.max_error * by if row.max_error else row.max_error
    return replace(row, samples=scaled(row.samples), values=scaled(row.values), max_error=error)


def computed(cache: Cache, module: ModuleType, names: Sequence[str]) -> dict[str, str]:
    """The expression of each of a figure's numbers, as it stands in its code; empty where it is not written out."""

    def make() -> dict[str, str]:
        known = _expressions(module)
        return {name: _computed(known, name) for name in names}

    written = getattr(module, "__file__", None)
    made: dict[str, str] = cache.kept(("computed", _code(written), list(names)), make) if written else make()
    return made


def _expressions(module: ModuleType) -> list[tuple[ast.expr | None, str]]:
    """The keys of what a figure's `values` gives, and the expression of each, as they stand in its code."""
    try:
        source = inspect.getsource(module.values)
        tree = ast.parse(source)
    except (OSError, TypeError, SyntaxError):
        return []
    found: list[tuple[ast.expr | None, ast.expr]] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Dict):
            found += zip(node.keys, node.values, strict=True)
        elif isinstance(node, ast.DictComp):
            found.append((node.key, node.value))
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Subscript):
            found.append((node.targets[0].slice, node.value))
    return [(key, ast.get_source_segment(source, value) or "") for key, value in found]


def _computed(written: Sequence[tuple[ast.expr | None, str]], name: str) -> str:
    said, text = max(((_matches(key, name), text) for key, text in written), key=lambda one: one[0], default=(-1, ""))
    return inspect.cleandoc(" " * 4 + text) if said >= 0 and text else ""


def _matches(key: Any, name: str) -> int:
    """How many characters of a name a key spells out; -1 where it is not the key of that name."""
    if isinstance(key, ast.Constant):
        return len(name) if key.value == name else -1
    if isinstance(key, ast.JoinedStr):
        said = [part.value if isinstance(part, ast.Constant) else None for part in key.values]
        form = "".join(re.escape(str(part)) if part is not None else r"\w+" for part in said)
        return sum(len(str(part)) for part in said if part is not None) if re.fullmatch(form, name) else -1
    return -1
