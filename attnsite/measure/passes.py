"""A run in passes: several processes, minutes apart, each measure the whole sweep, and one file holds them all.

What disturbs a machine for minutes is in one pass and not in the next, so that passes that agree say more than one of
three times as many samples. Each pass lies in the cache until all are there, so a measurement that was interrupted, by
Ctrl-C or a reboot, goes on with the pass that it was in.
"""

import dataclasses
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from attnsite.measure import clock, shards
from attnsite.records import run_file
from attnsite.records.mistakes import Mistake, raise_all
from attnsite.records.run_file import Row, Run

FOLDER = Path(".cache/attnsite/passes")
APART_S = 120.0  # from the end of one pass of an experiment to the beginning of its next


def path_of(root: Path, machine: str, number: int, experiment: str) -> Path:
    """Where a pass lies until it is joined with the others."""
    return root / FOLDER / machine / str(number) / machine / f"{experiment}.json"


def kept(path: Path) -> Run | None:
    """The pass, if it is there and was made by the code as it is now."""
    try:
        found = run_file.read(path)
    except (Mistake, ExceptionGroup):
        return None
    return found if run_file.state(found) == "fresh" else None


def wait(path: Path, pause: Callable[[float], None] = time.sleep, now: Callable[[], float] = time.time) -> None:
    """Let some time pass since a pass was written, so that the next does not meet the same minute."""
    while (left := path.stat().st_mtime + APART_S - now()) > 0:
        print(f"the next pass of {path.stem} begins in {left:.0f} s", flush=True)
        pause(min(left, 30.0))


def measure(root: Path, name: str, machine: str, number: int, device: str | None) -> bool:
    """One pass in a process of its own. True once its file is there; the process has said why if it is not."""
    path = path_of(root, machine, number, name)
    words = [
        sys.executable,
        "-m",
        "attnsite.cli",
        "measure",
        name,
        "--full",
        "--machine",
        machine,
        "--pass",
        str(number),
    ]
    subprocess.run([*words, *(["--device", device] if device else [])], cwd=root, check=False)
    return path.is_file()


def join(runs: Sequence[Run], paths: Sequence[Path]) -> Run:
    """The run that holds all passes: of each row the samples of one after the other.

    A row that one pass left out, and another did not, has the samples of those that took some. Raises `Mistake`s where
    the passes are of different code, machines or versions.
    """
    raise_all(list(shards.strangers(list(runs), dict(enumerate(paths, 1)), "pass")))
    by_key = [{row.key: row for row in run.rows} for run in runs]
    keys = dict.fromkeys(key for rows in by_key for key in rows)
    rows = tuple(_joined([rows[key] for rows in by_key if key in rows], len(runs)) for key in keys)
    return dataclasses.replace(runs[0], provenance=shards.provenance(runs, steadiness(runs, rows)), rows=rows)


def _joined(rows: list[Row], passes: int) -> Row:
    ran = [row for row in rows if row.skipped is None]
    if not ran or not any(row.samples for row in ran):
        return (ran or rows)[0]
    errors = [row.max_error for row in ran if row.max_error is not None]
    return dataclasses.replace(
        ran[0],
        samples=tuple(sample for row in ran for sample in row.samples),
        warmups=tuple(sample for row in ran for sample in row.warmups),
        passes=tuple(len(row.samples) for row in ran) if passes > 1 else (),
        busy=_all(ran, "busy"), switched=_all(ran, "switched"), retaken=sum(row.retaken for row in ran),
        max_error=max(errors, default=None),
    )  # fmt: skip


def _all(rows: list[Row], name: str) -> tuple:
    """What the rows say of their samples, one after the other; nothing where one of them does not say it of all.

    Switches are left out of a row where none was, which is a 0 for each of its samples.
    """
    held = [getattr(row, name) or ((0,) * len(row.samples) if name == "switched" else ()) for row in rows]
    whole = all(len(part) == len(row.samples) for part, row in zip(held, rows, strict=True))
    joined = tuple(one for part in held for one in part) if whole else ()
    return joined if any(joined) else ()


def steadiness(runs: Sequence[Run], rows: Sequence[Row]) -> dict[str, float | str]:
    """The verdict over all passes: of the spread within them, of what others took, and of whether they agree."""
    timed = [row for row in rows if len(row.samples) > 2 and row.median > 0]
    spreads = [(row.middle_half()[1] - row.middle_half()[0]) / row.median for row in timed]
    known = [run.provenance.steadiness for run in runs]

    def each(what: str) -> list[float]:
        return [float(one[what]) for one in known if isinstance(one.get(what), int | float)]

    found = clock.verdict(
        spreads, each("foreign_load"), each("throttled"), each("stolen"), [row.passes_apart for row in timed]
    )
    return found | {"passes": len(runs)}
