"""May a run be published? Complete provenance, nothing private, and only samples that a machine can reach.

What `results` refuses cannot be read at all; what is refused here can be read and should not be believed, or should not
be shown. Files of this build are not vetted: they stay on the machine that made them.
"""

import datetime
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from attnsite.accounting import Attention
from attnsite.errors import Mistake
from attnsite.results import EVERY_MACHINE, Row, Run

NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
DIGEST = re.compile(r"[0-9a-f]{12}")
MACHINE = ("cpu", "architecture", "threads", "system")
SOFTWARE = ("python", "numpy", "numba", "commit")
LIMITS = {"cpu": ("fma", "matmul"), "cuda": ("cuda_fma", "cuda_matmul")}
ABOVE = 1.25  # times the fastest sample of a limit: it is a sample too, of a processor whose clock moves
FEWEST = 3  # samples of a row that is timed
_PRIVATE = {
    "a path": re.compile(r"(?:^|[\s'\"(=:])(?:/(?:home|Users|root|mnt|work|tmp|var|private|opt)/|[A-Za-z]:\\)"),
    "an address": re.compile(r"(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![\d.-])|[\w.+-]+@[\w-]+\.\w+"),
    "a name in the network": re.compile(r"\b[\w-]+\.(?:local|lan|internal|localdomain|corp)\b"),
}
_AGAIN = "measure it again with `attnsite measure`"


def faults(run: Run, path: Path, limits: Mapping[str, float]) -> list[Mistake]:
    """What speaks against publishing a run that was read from `path`.

    `limits` are the machine's own, FLOP/s by the names in LIMITS, as `limits_of` finds them.
    """
    return [*_provenance(run, path), *_private(run, path), *_rows(run, path, limits)]


def limits_of(runs: Iterable[Run]) -> dict[str, float]:
    """The highest rate of arithmetic that a machine's runs saw it reach, by the limit's name."""
    found: dict[str, float] = {}
    for run in runs:
        for name in (limit for those in LIMITS.values() for limit in those):
            for row in run.where(f"ceiling:{name}"):
                if row.values.get("flops") and row.samples:
                    found[name] = max(found.get(name, 0.0), row.values["flops"] / min(row.samples))
    return found


def _provenance(run: Run, path: Path) -> Iterator[Mistake]:
    if not NAME.fullmatch(run.machine):
        remedy = "use lower-case words joined by underscores, such as epyc_2core, and never a host name"
        yield Mistake(path, "machine", f"is {run.machine!r}, which is no name for a machine", remedy)
    if not DIGEST.fullmatch(run.digest):
        yield Mistake(path, "digest", f"is {run.digest!r}, not twelve hexadecimal digits", _AGAIN)
    if not run.complete:
        yield Mistake(path, "complete", "is false: the run was interrupted", "let the same command go on to its end")
    known = run.provenance
    wanted = {"software": SOFTWARE} | ({} if run.machine == EVERY_MACHINE else {"machine": MACHINE})
    for part, names in wanted.items():
        for name in names:
            if name == "commit" and not known.software.get(name):
                what = "is missing: an installed package was measured, or a copy that is no clone"
                yield Mistake(
                    path, "provenance.software.commit", what, "measure in a clone, by `attnsite` of its .venv"
                )
            elif not getattr(known, part).get(name):
                yield Mistake(path, f"provenance.{part}.{name}", "is missing", _AGAIN)
    if known.software.get("clean") is not True:
        remedy = "commit what you changed in attnsite/, then measure again, so that the commit says what ran"
        yield Mistake(path, "provenance.software.clean", "is not true: the code had changes", remedy)
    try:
        started = datetime.datetime.fromisoformat(known.started)
        if started.tzinfo is None:
            raise ValueError
    except ValueError:
        yield Mistake(path, "provenance.started", f"is {known.started!r}, no time with its zone", _AGAIN)
    else:
        if started > datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=1):
            yield Mistake(path, "provenance.started", f"is {known.started}, in the future", "set the clock, " + _AGAIN)


def _private(run: Run, path: Path) -> Iterator[Mistake]:
    """Texts that tell of somebody's machine what nobody needs to know."""
    told: list[tuple[str, Any]] = [("provenance.machine", run.provenance.machine),
                                   ("provenance.software", run.provenance.software)]  # fmt: skip
    told += [(f"row {number}.skipped", row.skipped) for number, row in enumerate(run.rows, 1) if row.skipped]
    for where, value in told:
        for text in _texts(value):
            for what, pattern in _PRIVATE.items():
                if pattern.search(text):
                    yield Mistake(path, where, f"holds {what}: {text[:60]!r}", "take it out of what was measured")


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in (*value.keys(), *value.values()):
            yield from _texts(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _texts(inner)


def _rows(run: Run, path: Path, limits: Mapping[str, float]) -> Iterator[Mistake]:
    if not run.rows:
        yield Mistake(path, "rows", "are none", _AGAIN)
    for number, row in enumerate(run.rows, 1):
        where = f"row {number}"
        if row.skipped is not None:
            continue
        if row.max_error is not None and row.bound is not None and not row.max_error <= row.bound:
            what = f"has the error {row.max_error:g}, over its bound {row.bound:g}"
            yield Mistake(path, f"{where}.max_error", what, "mend the kernel; a wrong one is not timed")
        if run.kind != "timing":
            continue
        if len(row.samples) < FEWEST or not all(0 < sample < math.inf for sample in row.samples):
            what = f"are {len(row.samples)}, or not all above zero; a timed row has at least {FEWEST}"
            yield Mistake(path, f"{where}.samples", what, _AGAIN)
        elif (reached := speed(row)) and (top := limit(row, limits)) and reached > ABOVE * top:
            what = f"say {reached:.3g} FLOP/s, and this machine's own limit was measured at {top:.3g}"
            yield Mistake(path, f"{where}.samples", what, _AGAIN)


def speed(row: Row) -> float | None:
    """FLOP/s of a call's fastest sample, visible pairs only; None for what is no whole call of attention."""
    case = row.case
    sizes = ("batch", "heads", "queries", "keys", "dim")
    if not row.kernel or row.kernel.startswith("ceiling:") or row.stage or case.get("blocks"):
        return None
    if not all(isinstance(case.get(size), int) for size in sizes):
        return None
    layer = Attention(1, case["heads"], case["dim"])
    flops = layer.core_flops(case["queries"], case["keys"], bool(case.get("causal")), case.get("window", 0))
    return float(case["batch"] * flops / min(row.samples))


def limit(row: Row, limits: Mapping[str, float]) -> float | None:
    """The highest of the limits of the row's device that are known."""
    device = "cuda" if (row.kernel or "").removeprefix("peer_").startswith("cuda_") else "cpu"
    return max((limits[name] for name in LIMITS[device] if name in limits), default=None)
