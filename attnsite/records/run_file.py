"""Runs: one machine's answers to one experiment, as one JSON file. The only reader and writer of these files."""

import dataclasses
import hashlib
import itertools
import json
import math
import os
import re
import statistics
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from functools import cache
from pathlib import Path
from typing import Any

from attnsite.records import fingerprint, ordinary, registry, shape
from attnsite.records.mistakes import Mistake, raise_all
from attnsite.records.participant import Participant, parse_participant
from attnsite.records.quantity import Quantity

FORMAT = 3
# What each format brought, oldest first. A change adds a line, a step in UPGRADES and an old file as a fixture.
#   1  the first
#   2  `skip_code` beside `skipped`
#   3  samples by pass; of each sample, what its threads had of the processors; rounds that were taken again

RENAMED = registry.ROOT / "records" / "renamed_digests.csv"
COMMITTED = Path("docs/results")
BUILT = Path(".cache/attnsite/results")
LISTS = ("samples", "warmups", "passes", "busy", "switched")  # of a row
THIS_BUILD = "this_build"  # the machine that runs the build
EVERY_MACHINE = "every_machine"  # counts: the same wherever they are made


@dataclass(frozen=True)
class Row:
    """One kernel on one workload, one ceiling, or one observation of a case.

    `case` says what was asked (a workload's fields, or a study's case), `kernel` who answered: a kernel's name,
    `ceiling:read` and the like, or None for studies and counts. Times are seconds, memory is bytes. `values` holds
    what a study or count observed, and for a ceiling its `flops` or `bytes` a call. `skipped` says in a sentence why
    there are no samples, and `skip_code` the same as one of `participant.SKIP_CODES`.

    `passes` are how many of the samples each pass took, in their order; none: one pass took all. The k-th samples of
    all rows of a case are of one round. `busy` is each sample's processors' worth of time of the process, `switched`
    its involuntary switches where there were any, and `retaken` counts the rounds that were taken again since threads
    had too little of the processors.
    """

    case: Mapping[str, Any]
    kernel: str | None = None
    kernel_digest: str | None = None
    stage: str | None = None
    seed: int | None = None
    samples: tuple[float, ...] = ()  # seconds (timing) or bytes (memory): every one that was taken
    warmups: tuple[float, ...] = ()
    values: Mapping[str, Any] = field(default_factory=dict)
    max_error: float | None = None
    bound: float | None = None
    skipped: str | None = None
    skip_code: str | None = None
    passes: tuple[int, ...] = ()
    busy: tuple[float, ...] = ()
    switched: tuple[int, ...] = ()
    retaken: int = 0

    @property
    def who(self) -> Participant | None:
        """Who answered; None for studies and counts."""
        return parse_participant(self.kernel) if self.kernel else None

    @property
    def takes_part(self) -> bool:
        """Whether the row is of somebody who answers the workload, and no limit of the machine."""
        return self.who is not None and self.who.kind != "ceiling"

    @property
    def key(self) -> str:
        """What makes a row the same question: used to resume a run."""
        return json.dumps([self.case, self.kernel, self.stage, self.seed], sort_keys=True)

    @property
    def by_pass(self) -> list[tuple[float, ...]]:
        """The samples of each pass that took some."""
        rest = iter(self.samples)
        parts = (tuple(itertools.islice(rest, size)) for size in self.passes or (len(self.samples),))
        return [part for part in parts if part]

    @property
    def median(self) -> float:
        """The median of the passes' medians, which is that of the samples where one pass took all."""
        return statistics.median(map(statistics.median, self.by_pass)) if self.samples else math.nan

    @property
    def passes_apart(self) -> float:
        """How far the medians of the passes lie apart, as a share of the least; 0 with one pass."""
        medians = [statistics.median(part) for part in self.by_pass]
        return max(medians) / min(medians) - 1 if medians and min(medians) > 0 else 0.0

    def middle_half(self) -> tuple[float, float]:
        """The first and third quartile of the samples."""
        if len(self.samples) < 2:
            return self.median, self.median
        low, _, high = statistics.quantiles(self.samples, n=4, method="inclusive")
        return low, high

    def quantity(self, unit: str = "s") -> Quantity:
        return Quantity(self.median, unit, *self.middle_half())


@dataclass(frozen=True)
class Provenance:
    """Where, with what, when, how long, and how steady.

    `machine`: cpu, cores, threads, threading_layer, caches, memory_bytes, os, gpu, driver … as far as known.
    `software`: python, numpy, numba, …, commit (short hash or None), clean (False when the checkout had changes).
    `started`: UTC, ISO 8601. `seconds`: how long the sweep took. `steadiness`: a verdict and what it rests on.
    """

    machine: Mapping[str, Any]
    software: Mapping[str, Any]
    started: str
    seconds: float
    steadiness: Mapping[str, Any]  # {"verdict": "steady" | "noisy" | "not timed", "spread": …, …}


@dataclass(frozen=True)
class Run:
    experiment: str
    kind: str
    machine: str  # the folder's name
    sweep: str  # quick or full
    digest: str  # of the experiment, as it was
    kernels: tuple[str, ...]  # the patterns it asks for
    provenance: Provenance
    rows: tuple[Row, ...]
    complete: bool = True
    rows_digest: str = field(default="", compare=False)  # as the file says it; see `rows_digest` below

    @property
    def is_quick(self) -> bool:
        """Is it a quick check of a machine, a few points of a full sweep? Counts are whole, whichever was asked for."""
        return self.sweep == "quick" and self.kind != "count"

    def where(self, kernel: str | None = None, stage: str | None = None, **case: Any) -> list[Row]:
        """The rows that were not skipped, of that kernel and stage, whose case has these values."""
        found = [
            row
            for row in self.rows
            if row.skipped is None and row.stage == stage and (kernel is None or row.kernel == kernel)
        ]
        for name, value in case.items():
            found = [row for row in found if row.case.get(name) == value]
        return found

    def kernel_names(self) -> list[str]:
        """The kernels with at least one row that ran, without ceilings."""
        ran = {row.kernel for row in self.rows if row.kernel and row.skipped is None}
        return sorted(name for name in ran if parse_participant(name).kind != "ceiling")

    def ceiling(self, name: str, beside: Row | None = None) -> Quantity | None:
        """The measured limit of this run, in FLOP/s or B/s; None where it was not measured.

        A machine may be faster at one time than at another: what is compared with the limit is compared with that of
        its own rounds, if the row is given, `beside`.
        """
        rows = [row for row in self.where(f"ceiling:{name}") if row.samples]
        if beside is not None:
            case = {field: value for field, value in beside.case.items() if field != "variant"}
            rows = [row for row in rows if row.case == case] or rows
        if not rows:
            return None
        unit = "bytes" if "bytes" in rows[0].values else "flops"
        rates = sorted(row.values[unit] / sample for row in rows for sample in row.samples)
        low, _, high = statistics.quantiles(rates, n=4, method="inclusive") if len(rates) > 1 else rates * 3
        return Quantity(statistics.median(rates), "B/s" if unit == "bytes" else "FLOP/s", low, high)


# --- freshness -------------------------------------------------------------------------------------------------


def experiment_digest(experiment: str, sweep: str) -> str:
    """The hash of what a sweep of an experiment computes: which of its cases are quick is nothing to a full one."""
    path = registry.ROOT / "experiments" / f"{experiment}.py"
    return fingerprint.of_module(path, without="quick" if sweep == "full" else "")


def is_current(run: Run) -> bool:
    """Is the run's experiment still there, and would its sweep compute the same now?"""
    if run.experiment not in registry.names("experiments"):
        return False
    now = experiment_digest(run.experiment, run.sweep)
    return run.digest == now or (run.sweep == "full" and _renamed().get((run.experiment, run.digest)) == now)


@cache
def _renamed() -> dict[tuple[str, str], str]:
    """Digests of full sweeps as they were made until November 2026, of the quick cases too, and as they are made now.

    Every line was found with the old code and checked against it: the same cases, kernels, options, seeds and code.
    """
    text = RENAMED.read_text(encoding="utf-8", errors="replace")
    lines = (line.split(",") for line in text.split()[1:])
    return {(line[0], line[1]): line[2] for line in lines if len(line) == 3}  # of others `renamed_faults` tells


def renamed_faults() -> list[Mistake]:
    """The lines of that table that are no digests of experiments, with their lines."""
    found, seen = [], set()
    shown = Path("attnsite/records") / RENAMED.name
    for number, line in enumerate(RENAMED.read_bytes().decode("utf-8", "replace").split("\n"), 1):
        if number == 1 or not line.strip():
            continue
        if not re.fullmatch(r"[a-z][a-z0-9_]*,[0-9a-f]{12},[0-9a-f]{12}", line.rstrip("\r")):
            found.append(Mistake(shown, number, f"is {line[:60]!r}", "write experiment,old,new with two digests"))
        elif line.rpartition(",")[0] in seen:
            found.append(Mistake(shown, number, f"renames {line.rpartition(',')[0]} again", "keep one of them"))
        seen.add(line.rpartition(",")[0])
    return found


def kernel_digest(kernel: str) -> str:
    who = parse_participant(kernel)
    return fingerprint.of_module(registry.path_of(who.folder, who.stem))


def state(run: Run | None) -> str:
    """`fresh`, `stale` (the experiment or a kernel has changed since, or a kernel has joined) or `missing`."""
    if run is None:
        return "missing"
    try:
        return _state(run)
    except SyntaxError:  # code that cannot be read is other code; `attnsite check` names it
        return "stale"


def _state(run: Run) -> str:
    if not is_current(run):
        return "stale"
    known = {row.kernel: row.kernel_digest for row in run.rows if row.kernel and row.kernel_digest}
    wanted = set(registry.matching("kernels", run.kernels))
    if not run.complete or not wanted <= {row.kernel for row in run.rows}:
        return "stale"
    here = {*registry.names("kernels"), *(f"peer_{name}" for name in registry.names("peers"))}
    return "fresh" if all(k in here and kernel_digest(k) == d for k, d in known.items()) else "stale"


# --- files -----------------------------------------------------------------------------------------------------


def write(run: Run, path: Path) -> None:
    """Write a run whole or not at all: one row a line, to a temporary name, then renamed."""
    head = {"format": FORMAT} | {f.name: getattr(run, f.name) for f in fields(run) if f.name != "rows"}
    head |= {"provenance": asdict(run.provenance), "rows_digest": rows_digest(run)}
    lines = [f"{json.dumps(name)}: {_json(value)}" for name, value in head.items()]
    rows = ",\n".join(map(_line, run.rows))
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_text(
            "{\n" + ",\n".join(lines) + ',\n"rows": [\n' + rows + "\n]\n}\n", encoding="utf-8", newline="\n"
        )
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def rows_digest(run: Run, written: int = FORMAT) -> str:
    """The hash of a run's rows, which its file says of them: a number that changed by a slip is noticed by it.

    It guards against slips and not against intent: whoever edits a row can work it out anew. Of an older format, it is
    the hash of the rows as they were `written` then.
    """
    lines = (_line(row, written) for row in run.rows)
    return hashlib.sha256("\n".join(lines).encode("utf-8", "replace")).hexdigest()[:16]


def _line(row: Row, written: int = FORMAT) -> str:
    """A row as its line of the file, without what is empty and what a format did not have."""
    held = {f.name: getattr(row, f.name) for f in fields(row)}  # `asdict` would copy every sample
    if written < 2:
        del held["skip_code"]
    if not held["retaken"]:
        del held["retaken"]
    return _json({k: v for k, v in held.items() if k == "case" or v not in (None, (), {}, [])})


def _json(value: Any) -> str:
    """JSON without NaN and infinity, which JSON has not: they become the strings "nan", "inf" and "-inf"."""
    return json.dumps(_plain(value), ensure_ascii=False, allow_nan=False)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if hasattr(value, "item") and getattr(value, "shape", None) == ():  # a NumPy scalar
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


def as_read(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a row as they are once they were written and read."""
    read: dict[str, Any] = _numbers(json.loads(_json(values)))
    return read


def _numbers(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _numbers(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_numbers(v) for v in value]
    return float(value) if value in shape.NOT_FINITE else value


def read(path: Path) -> Run:
    """Read one run file, upgrading an older format. Raises `Mistake` (or a group of them) when it is broken."""
    remedy = "measure it again with `attnsite measure`, or restore the file"
    try:
        text = path.read_text(encoding="utf-8")
        data = json.loads(text, parse_constant=_no_constant, object_pairs_hook=unique_keys)
        if "\\ud" in text or "\\uD" in text:
            json.dumps(data, ensure_ascii=False).encode("utf-8")  # fails on an unpaired surrogate
    except OSError as error:
        raise Mistake(path, "", f"cannot be read ({error.strerror})", remedy) from None
    except UnicodeDecodeError as error:
        raise Mistake(path, f"byte {error.start}", "is not UTF-8", remedy) from None
    except UnicodeEncodeError:
        raise Mistake(path, "", "contains an unpaired surrogate", remedy) from None
    except json.JSONDecodeError as error:
        raise Mistake(path, error.lineno, f"is not valid JSON ({error.msg})", remedy) from None
    except (ValueError, RecursionError) as error:  # a constant, a number of thousands of digits, lists within lists
        raise Mistake(path, "", f"is not valid JSON ({error})", remedy) from None
    if not isinstance(data, dict) or type(data.get("format")) is not int:
        raise Mistake(path, "", "is not a run: it has no format number", remedy)
    if data["format"] > FORMAT:
        what = f"has format {data['format']}, newer than the {FORMAT} that this version reads"
        raise Mistake(path, "format", what, "update attnsite")
    written = data["format"]
    while data["format"] < FORMAT:
        if data["format"] not in UPGRADES:
            raise Mistake(path, "format", f"has the unknown format {data['format']}", remedy)
        data = UPGRADES[data["format"]](data) | {"format": data["format"] + 1}
    raise_all(list(shape.faults(path, data, remedy)))
    rows = tuple(_row(row) for row in data["rows"])
    provenance = Provenance(**{f.name: _numbers(data["provenance"][f.name]) for f in fields(Provenance)})
    names = [f.name for f in fields(Run) if f.name not in ("rows", "provenance", "kernels")]
    run = Run(
        **{n: data[n] for n in names if n in data}, kernels=tuple(data["kernels"]), provenance=provenance, rows=rows
    )
    if written < FORMAT and run.rows_digest == rows_digest(run, written):  # they are as they were written then
        run = dataclasses.replace(run, rows_digest=rows_digest(run))
    return run


def _coded(data: dict[str, Any]) -> dict[str, Any]:
    """Format 2: what the sentences of skipped rows said until then, as codes."""
    rows = data.get("rows")
    if not isinstance(rows, list):
        return data
    found = []
    for row in rows:
        skipped = isinstance(row, dict) and "skipped" in row
        found.append(row | {"skip_code": code_of_sentence(row["skipped"])} if skipped else row)
    return data | {"rows": found}


def code_of_sentence(skipped: object) -> str:
    """The code of a sentence of format 1. Kernels and libraries worded their own refusals: the rest are those."""
    return next((code for code, pattern in _SENTENCES.items() if re.search(pattern, str(skipped))), "refused")


_SENTENCES = {
    "not_asked": r"^only \w+ kernels were asked for$",
    "not_installed": r"^[\w-]+ is not installed",
    "no_device": r"^no CUDA here|^the CUDA simulator is on",
    "too_few_threads": r"^needs \d+ threads, this machine has",
    "too_large": r"^its inputs are larger than half of this machine's memory$",
    "too_slow": r"than (the \S+ s that )?this sweep allows$|^start, call and check took longer than",
    "wrong": r"^wrong: error ",
    "failed": r"^failed: ",
}
UPGRADES: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {
    1: _coded,
    2: lambda data: data,  # one pass, and nobody had asked what its threads had
}


def unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object in which each name stands once: of two, readers take different ones."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{twice!r:.40} is a duplicate key")
    return found


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not valid JSON")


def _row(data: dict[str, Any]) -> Row:
    words = ("kernel", "kernel_digest", "stage", "skipped")  # even where one is "nan"
    row: dict[str, Any] = {name: value if name in words else _numbers(value) for name, value in data.items()}
    row |= {name: tuple(row[name]) for name in LISTS if name in row}
    return Row(**row)


def experiments(root: Path) -> list[str]:
    """The names of all experiments that have a run anywhere."""
    return sorted({path.stem for folder in (COMMITTED, BUILT) for path in files(root, folder)})


def files(root: Path, folder: Path, name: str = "*") -> list[Path]:
    """The files of runs in a folder, of one experiment or all; of those that are committed the ordinary ones."""
    if folder == COMMITTED:
        return ordinary.files(root, folder, f"*/{name}.json")
    return sorted((root / folder).glob(f"*/{name}.json"))


def load(
    root: Path,
    experiment: str,
    keeps: Callable[[Run], bool] = lambda run: True,
    read: Callable[[Path], Run] = lambda path: read(path),
) -> dict[str, Run]:
    """All runs of an experiment by machine: committed machines first in alphabetical order, then this build.

    `keeps` says of each run of the cache whether it is to be shown. A file of the cache that is broken is
    ignored: it is measured again. A committed one raises its `Mistake`s. `read` is what reads a file.
    """
    runs = {}
    for folder in (COMMITTED, BUILT):
        for path in files(root, folder, experiment):
            try:
                run = read(path)
                if folder == COMMITTED or keeps(run):
                    runs[path.parent.name] = run
            except (Mistake, ExceptionGroup):
                if folder == COMMITTED:
                    raise
    return runs


def path_of(root: Path, machine: str, experiment: str) -> Path:
    """Where a machine's run of an experiment lies. This build's runs lie in the cache, which git ignores."""
    return root / (BUILT if machine == THIS_BUILD else COMMITTED) / machine / f"{experiment}.json"
