"""Checks that a run may be published: complete provenance, nothing private, only what its experiment asks, and only
numbers that a machine can reach.

What `run_file` refuses cannot be read at all; what is refused here can be read and should not be believed, or should
not be shown. Files of this build are not vetted: they stay on the machine that made them. That nobody invented a run is
not shown by any of this: review shows it, and measuring again.

A run of code that has changed since is vetted too, by what can be said without that code: its cases are workloads that
could be asked, and a kernel that it names may be gone, if its name is one of those that the run itself asked for. It is
shown as stale.
"""

import datetime
import fnmatch
import json
import math
import re
import statistics
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from attnsite.formulas.attention import Attention
from attnsite.records import consistency, signs
from attnsite.records.asked import key as case_key
from attnsite.records.mistakes import Mistake
from attnsite.records.participant import SKIP_CODES, parse_participant
from attnsite.records.run_file import EVERY_MACHINE, THIS_BUILD, Row, Run, rows_digest
from attnsite.records.workload import Workload

NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
DIGEST = re.compile(r"[0-9a-f]{12}")
MACHINE = ("cpu", "architecture", "threads", "system")
SOFTWARE = ("python", "numpy", "numba", "commit")
# What `attnsite measure` says of a machine and of its software, and nothing else: each is a line of a page.
KNOWN = {
    "machine": {*MACHINE, "cores", "cpu_quota", "caches", "memory_bytes", "threading_layer", "blas", "waiting",
                "virtual", "vectors", "settings", "gpu", "gpu_memory", "driver", "os", "gpu_multiprocessors",
                "gpu_clock_khz", "gpu_memory_clock_khz", "gpu_memory_bus_bits", "gpu_l2_bytes", "gpu_capability",
                "gpu_launch_seconds"},
    "software": {*SOFTWARE, "clean", "llvmlite", "numba-cuda", "torch", "jax", "jaxlib", "onnxruntime", "onnx",
                 "torch_blas", "torch_vectors", "browser"},
    "steadiness": {"verdict", "median_spread", "foreign_load", "throttled", "stolen", "passes", "passes_apart",
                   "passes_disagreeing"},
}  # fmt: skip
COMMIT = re.compile(r"[0-9a-f]{7,40}")
VERDICTS = ("steady", "noisy", "not timed")
STAGES = ("scores", "softmax", "values", "append", "attend")  # of kernels, as their `stages` name them
CEILINGS = ("read", "matmul", "fma", "copy", "mma", "add")
STEADY = 0.10  # as `measure/clock.py` has it
FIRST_YEAR = 2025  # before it, this project had no run
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
LEAST_S = 1e-8  # below less than clocks resolve a call
MOST_RATE = {"flops": 1e17, "bytes": 1e14}  # that any machine of one socket or card does or moves in a second
LIMITS = {"cpu": ("fma", "matmul"), "cuda": ("cuda_fma", "cuda_matmul")}
ABOVE = 1.25  # times the fastest sample of a limit: it is a sample too, of a processor whose clock moves
FEWEST = 3  # samples of a row that is timed
MOST_S, MOST_BYTES = 86_400.0, 2**50  # that one call takes, in a day or of any machine's memory
# The bound of an error is twice that of plain float32, or of numbers of 16 bits where a kernel keeps them so: on inputs
# as they are drawn a few thousand, or a few dozen, of the smallest steps near one.
LARGEST_BOUND = {32: 2.0**-10, 16: 2.0**-3}
ALIKE = 8.0  # times the least bound of kernels on the same workload: it depends on the workload and the sums' order
_HALVES = re.compile(r"f16|bf16|int8|mma|half|stored")
_KERNEL = re.compile(r"reference|(?:cpu|cuda|control|peer)_[a-z0-9_]+")
_SPREADS = ("median_spread", "foreign_load")
_PLAUSIBLE = {"cores": (1, 2**14), "threads": (1, 2**15), "memory_bytes": (2**24, 2**50)}
_PRIVATE = {
    "a path": re.compile(r"(?:^|[\s'\"(=:])(?:/(?:home|Users|root|mnt|work|tmp|var|private|opt)/|[A-Za-z]:\\)"),
    "an address": re.compile(r"(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![\d.-])|[\w.+-]+@[\w-]+\.\w+"),
    "a name in the network": re.compile(r"\b[\w-]+\.(?:local|lan|internal|localdomain|corp)\b"),
}
MOST_LETTERS = 300  # of a name, a version or a reason
_ACTS = re.compile(r"[<>`]|\]\(|://|\bwww\.")  # what a page or a reader of it could make more of than a text
_CLAIMS = re.compile(r"\b(?:faster|slower|quicker)\b|\d\s*(?:%|×|(?:percent|-?fold)\b)", re.IGNORECASE)
_HOST = re.compile(r"\b[A-Za-z][\w-]*\.[A-Za-z]{2,}")  # of a name or a version: a version's points stand beside digits
_PATTERN = re.compile(r"[a-z][a-z0-9_*?\[\]-]*")
_PLAIN = re.compile(r"[\w .,:;@()+/=®™°~-]*")
_AGAIN = "measure it again with `attnsite measure`"


def faults(run: Run, path: Path, limits: Mapping[str, float], asked: Mapping[str, Any] | None = None) -> list[Mistake]:
    """What speaks against publishing a run that was read from `path`.

    `limits` are the machine's own, FLOP/s by the names in LIMITS, as `limits_of` finds them. `asked` is what its
    experiment asks, as `attnsite.records.asked` says it; None for a run of code that has changed or cannot be imported
    here.
    """
    found: list[Mistake] = []
    parts: tuple[Callable[[], Iterable[Mistake]], ...] = (
        lambda: _provenance(run, path), lambda: _machine(run, path), lambda: _private(run, path),
        lambda: _digest(run, path), lambda: _asked(run, path, asked), lambda: _bounds(run, path),
        lambda: _rows(run, path, limits), lambda: consistency.faults(run, path, asked),
    )  # fmt: skip
    for part in parts:
        try:
            found += part()
        except (TypeError, ValueError, ArithmeticError, AttributeError, LookupError) as error:  # whatever stands there
            what = f"holds what no run writes ({type(error).__name__}: {error})"
            found.append(Mistake(path, "", " ".join(what.split())[:200], _AGAIN))
    if run.complete and not any(each.where.startswith(("row", "kind")) or not each.where for each in found):
        lacking = list(_whole(run, path, asked))
        found += lacking or consistency.spread(run, path)
    return found


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
        yield Mistake(path, "machine", f"is {run.machine!r}, which is not a valid machine name", remedy)
    if not DIGEST.fullmatch(run.digest):
        yield Mistake(path, "digest", f"is {run.digest!r}, not twelve hexadecimal digits", _AGAIN)
    if not run.complete:
        yield Mistake(path, "complete", "is false: the run was interrupted", "let the same command go on to its end")
    known = run.provenance
    software = ("browser",) if known.machine.get("architecture") == consistency.BROWSER else SOFTWARE
    wanted = {"software": software} | ({} if run.machine == EVERY_MACHINE else {"machine": MACHINE})
    for part, names in wanted.items():
        for name in names:
            if name == "commit" and not known.software.get(name):
                what = "is missing: git did not say what was measured, outside of a clone or in one it does not trust"
                remedy = "measure in a clone, by `attnsite` of its .venv; `attnsite doctor` says what git thinks of it"
                yield Mistake(path, "provenance.software.commit", what, remedy)
            elif not getattr(known, part).get(name):
                yield Mistake(path, f"provenance.{part}.{name}", "is missing", _AGAIN)
    settings = known.machine.get("settings") or {}
    if not isinstance(settings, dict):
        yield Mistake(path, "provenance.machine.settings", f"is {settings!r:.40}, not settings by name", _AGAIN)
        settings = {}
    commit = known.software.get("commit")
    if commit and not COMMIT.fullmatch(str(commit)):
        yield Mistake(path, "provenance.software.commit", f"is {commit!r:.60}, which is not a commit hash", _AGAIN)
    for name, value in settings.items():
        what = f"is {value}: kernels were compiled otherwise than they usually are"
        yield Mistake(path, f"provenance.machine.settings.{name}", what, f"unset {name}, then {_AGAIN}")
    if known.software.get("commit") and known.software.get("clean") is not True:
        remedy = "commit what you changed in attnsite/, then measure again, so that the commit says what ran"
        yield Mistake(path, "provenance.software.clean", "is not true: the code had changes", remedy)
    try:
        started = datetime.datetime.fromisoformat(known.started)
        if not _TIME.fullmatch(known.started) or started.year < FIRST_YEAR:
            raise ValueError
    except ValueError:
        yield Mistake(path, "provenance.started", f"is {known.started!r}, not a time with a time zone", _AGAIN)
    else:
        if started > datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=1):
            yield Mistake(path, "provenance.started", f"is {known.started}, in the future", "set the clock, " + _AGAIN)


def _machine(run: Run, path: Path) -> Iterator[Mistake]:
    """What is said of machine, software and steadiness: texts and numbers as a machine can have them."""
    known = run.provenance
    for name, (least, most) in _PLAUSIBLE.items():
        value = known.machine.get(name)
        if value is not None and not (type(value) is int and least <= value <= most):
            yield Mistake(path, f"provenance.machine.{name}", f"is {value!r:.40}, which is not plausible", _AGAIN)
    caches = known.machine.get("caches") or {}
    if not isinstance(caches, dict) or not all(
        re.fullmatch(r"[1-9][0-9]{0,11}[KMG]?", str(size)) for size in caches.values()
    ):
        yield Mistake(path, "provenance.machine.caches", f"is {caches!r:.40}, not sizes by name", _AGAIN)
    for part in ("machine", "software", "steadiness"):
        for name, value in getattr(known, part).items():
            if name in {*_PLAUSIBLE, *_SPREADS, "caches"} or any(_tells(value)):
                continue
            where = f"provenance.{part}.{name:.40}"
            if not _flat(value):
                yield Mistake(path, where, f"is {value!r:.40}, not a text or a number", _AGAIN)
            elif name not in KNOWN[part]:
                yield Mistake(path, where, f"is not what a run says of its {part}", "take it out")
            elif said := next((text for text in _texts(value) if _says_more(text, _HOST)), ""):
                yield Mistake(path, where, f"is {said!r:.80}, which says more than a name", _AGAIN)
    if (run.machine == EVERY_MACHINE) != (run.kind == "count") or run.machine == THIS_BUILD:
        what = f"is {run.machine!r}, which is not the place of a {run.kind}"
        yield Mistake(path, "machine", what, f"counts are of {EVERY_MACHINE}, all else of a machine with a name")
    verdict = known.steadiness.get("verdict")
    if run.kind == "timing" and verdict == "not timed":
        yield Mistake(path, "provenance.steadiness.verdict", f"is {verdict!r:.40} of a timing", _AGAIN)
    if verdict == "steady" and known.steadiness.get("median_spread", 0) > STEADY:
        what = f"is steady, with an interquartile range of {known.steadiness['median_spread']:.3g} of the median"
        yield Mistake(path, "provenance.steadiness.verdict", what, _AGAIN)
    if verdict not in VERDICTS:
        what = f"is {verdict!r:.40}, none of {', '.join(VERDICTS)}"
        yield Mistake(path, "provenance.steadiness.verdict", what, _AGAIN)
    for name in _SPREADS:
        value = known.steadiness.get(name, 0.0)
        if not _finite(value) or not 0 <= value <= 2**14:
            yield Mistake(path, f"provenance.steadiness.{name}", f"is {value!r:.40}, not a share or a load", _AGAIN)


def _flat(value: Any) -> bool:
    """A text, a truth, a finite number, or a few of them by name."""
    if isinstance(value, dict):
        return len(value) <= 40 and all(isinstance(k, str) and not isinstance(v, dict) and _flat(v)
                                        for k, v in value.items())  # fmt: skip
    return value is None or isinstance(value, bool) or (isinstance(value, str) and _plain(value)) or _finite(value)


def _plain(text: str) -> bool:
    """A line of a name or a version, of signs that mean nothing on a page."""
    return len(text) <= MOST_LETTERS and bool(_PLAIN.fullmatch(text))


def _finite(value: Any) -> bool:
    return type(value) in (int, float) and abs(value) < 1e30


def _digest(run: Run, path: Path) -> Iterator[Mistake]:
    found = rows_digest(run)
    if run.rows_digest != found:
        what = f"is {run.rows_digest!r:.40}, and these rows have {found!r}: one of them was changed"
        yield Mistake(path, "rows_digest", what if run.rows_digest else "is missing", f"restore the file, or {_AGAIN}")


def _asked(run: Run, path: Path, asked: Mapping[str, Any] | None) -> Iterator[Mistake]:
    """Rows that answer what the experiment does not ask, or twice; cases that nobody could ask."""
    if asked and asked["kind"] != run.kind:
        yield Mistake(path, "kind", f"is {run.kind}, and {run.experiment} is a {asked['kind']}", _AGAIN)
        return
    for pattern in run.kernels:
        if not _PATTERN.fullmatch(pattern):
            yield Mistake(path, "kernels", f"hold {pattern!r:.60}, which is not a kernel pattern", _AGAIN)
    cases = set(asked["cases"][run.sweep]) if asked else set()
    seen: set[str] = set()
    for number, row in enumerate(run.rows, 1):
        where = f"row {number}"
        if asked and case_key(row.case) not in cases:
            what = f"is {_brief(row.case)}, which the {run.sweep} sweep of {run.experiment} does not ask"
            yield Mistake(path, f"{where}.case", what, _AGAIN)
        elif not asked and (why := _strange(row.case, run.kind)):
            yield Mistake(path, f"{where}.case", why, _AGAIN)
        variant = row.case.get("variant")
        if asked and "variant" in row.case and variant not in asked["variants"]:
            yield Mistake(path, f"{where}.case.variant", f"is {variant!r:.60}, which is not asked for", _AGAIN)
        if asked and row.seed is not None and row.seed not in asked["seeds"]:
            yield Mistake(path, f"{where}.seed", f"is {row.seed!r:.40}, which is not asked for", _AGAIN)
        if row.stage is not None and row.stage not in STAGES:
            yield Mistake(path, f"{where}.stage", f"is {row.stage!r:.40}, none of {', '.join(STAGES)}", _AGAIN)
        if said := next((text for text in (row.skipped, *_texts(row.values)) if text and _says_more(text)), ""):
            what = f"is {said!r:.80}, which is no reason or observation"
            yield Mistake(path, f"{where}.{'skipped' if said == row.skipped else 'values'}", what, _AGAIN)
        if row.kernel_digest is not None and not DIGEST.fullmatch(row.kernel_digest):
            yield Mistake(path, f"{where}.kernel_digest", f"is {row.kernel_digest!r:.40}, not a digest", _AGAIN)
        if row.kernel is not None and run.kind in ("study", "count") and not _KERNEL.fullmatch(row.kernel):
            yield Mistake(path, f"{where}.kernel", f"is {row.kernel!r:.60}, which is not a kernel name", _AGAIN)
        if row.kernel is not None and run.kind in ("timing", "memory") and not _takes_part(row.kernel, run):
            what = f"is {row.kernel!r:.60}, which {', '.join(run.kernels)} does not name"
            yield Mistake(path, f"{where}.kernel", what, _AGAIN)
        for name, value in row.values.items():
            if isinstance(value, int | float) and math.isfinite(value) and abs(value) > 1e30:
                yield Mistake(path, f"{where}.values.{name:.40}", f"is {value!r:.40}, implausibly large", _AGAIN)
        if row.key in seen:
            yield Mistake(path, where, f"answers {_brief(row.case)} of {row.kernel} again", "take one of them out")
        seen.add(row.key)


def _whole(run: Run, path: Path, asked: Mapping[str, Any] | None) -> Iterator[Mistake]:
    """What a run that says that it is complete does not have: cases that its experiment asks, and, be the experiment
    known or not, what some of its cases have and others lack. Whatever could not run is there, skipped."""
    cases = {case_key(row.case) for row in run.rows} | set(asked["cases"][run.sweep] if asked else ())
    parts = _parts(run, asked)
    lacking = [case for case in sorted(cases) for _ in range(sum(not there(case) for there in parts))]
    if lacking:
        most = len(cases) * len(parts)
        what = f"lack {len(lacking)} of the {most} that the {run.sweep} sweep of {run.experiment} has, such as one of"
        yield Mistake(path, "rows", f"{what} {lacking[0][:90]}", f"restore the file, or {_AGAIN}")


def _parts(run: Run, asked: Mapping[str, Any] | None) -> list[Callable[[str], bool]]:
    """Of each part that every case of a run has, how to see whether a case has it."""
    if run.kind == "count":
        there = {case_key(row.case) for row in run.rows}
        return [there.__contains__]
    if run.kind == "study":
        seeds = {*(asked["seeds"] if asked else ()), *(row.seed for row in run.rows)}
        seen = {(case_key(row.case), row.seed) for row in run.rows}
        return [lambda case, seed=seed: (case, seed) in seen for seed in seeds]  # type: ignore[misc]
    answers: dict[tuple[str, str], set[tuple[str, str | None]]] = {}
    skipped: set[tuple[str, str]] = set()
    timed: set[str] = set()  # cases in which somebody ran, and so a limit of the machine's
    for row in run.rows:
        key = (case_key(row.case), row.kernel or "")
        answers.setdefault(key, set()).add((json.dumps(row.case.get("variant"), sort_keys=True), row.stage))
        if row.skipped is not None:
            skipped.add(key)
        elif row.takes_part:
            timed.add(key[0])
    kernels = {kernel for _, kernel in answers} | {name for name in run.kernels if NAME.fullmatch(name)}
    whole = {kernel: set().union(*(held for (case, one), held in answers.items()
                                   if one == kernel and (case, one) not in skipped)) for kernel in kernels}  # fmt: skip

    def has(case: str, kernel: str) -> bool:
        key = (case, kernel)
        free = parse_participant(kernel).kind == "ceiling" and case not in timed
        return free or key in skipped or (key in answers and answers[key] >= whole[kernel])

    return [lambda case, kernel=kernel: has(case, kernel) for kernel in sorted(kernels)]  # type: ignore[misc]


def beside(runs: Mapping[Path, Run]) -> Iterator[Mistake]:
    """Of runs of the same code on several machines, those that lack a case which another one has."""
    alike: dict[tuple[str, str, str], list[tuple[Path, set[str]]]] = {}
    for path, run in runs.items():
        if run.complete:
            held = {case_key(row.case) for row in run.rows}
            alike.setdefault((run.experiment, run.digest, run.sweep), []).append((path, held))
    for found in alike.values():
        everything = set().union(*(held for _, held in found))
        for path, held in found:
            if lacking := sorted(everything - held):
                what = f"lack {len(lacking)} cases that another machine's run of the same code has: {lacking[0][:90]}"
                yield Mistake(path, "rows", what, f"restore the file, or {_AGAIN}")


def _says_more(text: str, further: re.Pattern[str] | None = None) -> bool:
    """Whether what stands for a name, a version or a reason is too long, could act, or claims something."""
    return (
        len(text) > MOST_LETTERS
        or bool(_ACTS.search(text) or _CLAIMS.search(text) or signs.first(text))
        or bool(further and further.search(text))
    )


def _takes_part(kernel: str, run: Run) -> bool:
    """Whether a run that asks for these kernels may have a row of that one, be it still here or not."""
    who = parse_participant(kernel)
    if who.kind == "ceiling":
        return who.stem in CEILINGS
    return bool(_KERNEL.fullmatch(kernel)) and any(fnmatch.fnmatchcase(kernel, pattern) for pattern in run.kernels)


def _strange(case: Mapping[str, Any], kind: str) -> str:
    """Why a case could not be asked, of an experiment that is not known as it was; empty where it could."""
    for name, value in case.items():
        if not (isinstance(value, str) or _flat(value)
                or (isinstance(value, list) and len(value) <= 40 and all(map(_flat, value)))):  # fmt: skip
            return f"has {value!r:.40} as {name:.40}"
        if said := next(filter(_says_more, _texts({name: value})), ""):
            return f"has {said!r:.80}, which says more than a name"
    if kind in ("timing", "memory"):
        try:
            asked = Workload(**{name: value for name, value in case.items() if name != "variant"})
        except (TypeError, ValueError, ZeroDivisionError) as error:
            return f"is no workload ({error})"
        sizes = (asked.batch, asked.heads, asked.kv_heads, asked.queries, asked.keys, asked.dim)
        if not all(type(size) is int and 0 < size < 2**30 for size in sizes):
            return f"is no workload: {_brief(case)}"
    return ""


def _brief(case: Mapping[str, Any]) -> str:
    return json.dumps(case, ensure_ascii=False)[:90]


def _bounds(run: Run, path: Path) -> Iterator[Mistake]:
    """Bounds of errors: what plain arithmetic can be off by, and alike for all kernels of a workload that keep numbers
    of the same width."""
    alike: dict[object, list[tuple[int, float]]] = {}
    for number, row in enumerate(run.rows, 1):
        if row.bound is None:
            continue
        width = 16 if _HALVES.search(row.kernel or "") else 32
        if not 0 < row.bound <= LARGEST_BOUND[width]:
            what = f"is {row.bound:g}; twice the error of plain arithmetic is at most {LARGEST_BOUND[width]:g} here"
            yield Mistake(path, f"row {number}.bound", what, _AGAIN)
        elif width == 32:
            alike.setdefault(case_key(row.case), []).append((number, row.bound))
    for rows in alike.values():
        middle = statistics.median(bound for _, bound in rows)
        for number, bound in rows:
            if not middle / ALIKE <= bound <= middle * ALIKE:
                what = f"is {bound:g}, and that of the same workload's others about {middle:g}"
                yield Mistake(path, f"row {number}.bound", what, _AGAIN)


def _private(run: Run, path: Path) -> Iterator[Mistake]:
    """Texts that tell of somebody's machine what nobody needs to know."""
    told: list[tuple[str, Any]] = [("provenance.machine", run.provenance.machine),
                                   ("provenance.software", run.provenance.software)]  # fmt: skip
    told += [(f"row {number}.skipped", row.skipped) for number, row in enumerate(run.rows, 1) if row.skipped]
    for where, value in told:
        for what, text in _tells(value):
            yield Mistake(path, where, f"holds {what}: {text[:60]!r}", "take it out of what was measured")


def _tells(value: Any) -> Iterator[tuple[str, str]]:
    """What is private in the texts of a value, each with its text, of which the beginning is looked at."""
    for text in _texts(value):
        yield from ((what, text) for what, pattern in _PRIVATE.items() if pattern.search(text[:10_000]))


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
    if not run.rows or all(row.skipped is not None for row in run.rows):
        yield Mistake(path, "rows", "contain no row that was measured", _AGAIN)
    for number, row in enumerate(run.rows, 1):
        where = f"row {number}"
        if row.skipped is not None:
            if row.samples or row.values:
                yield Mistake(path, f"{where}.skipped", "is set on a row that has measurements", _AGAIN)
            if row.skip_code not in SKIP_CODES:
                yield Mistake(path, f"{where}.skip_code", f"is {row.skip_code!r:.40}, not a known skip code", _AGAIN)
            continue
        attends = row.takes_part and not row.stage
        if run.kind == "timing" and attends and row.samples and row.bound is None and row.max_error is None:
            yield Mistake(path, f"{where}.bound", "is missing: nothing says that the kernel was right", _AGAIN)
        if (row.max_error is None) != (row.bound is None):
            yield Mistake(path, f"{where}.max_error", "stands without its bound, or a bound without its error", _AGAIN)
        elif row.max_error is not None and row.bound is not None and not 0 <= row.max_error <= row.bound:
            what = f"has the error {row.max_error:g}, over its bound {row.bound:g}"
            yield Mistake(path, f"{where}.max_error", what, "fix the kernel; a wrong one is not timed")
        most = {"timing": MOST_S, "memory": MOST_BYTES}.get(run.kind, math.inf)
        if not all(0 <= sample <= most for sample in (*row.samples, *row.warmups)):
            yield Mistake(path, f"{where}.samples", f"hold more than the {most:g} that can be", _AGAIN)
            continue
        if run.kind != "timing":
            continue
        if len(row.samples) < FEWEST or not all(0 < sample < math.inf for sample in row.samples):
            what = f"are {len(row.samples)}, or not all above zero; a timed row has at least {FEWEST}"
            yield Mistake(path, f"{where}.samples", what, _AGAIN)
        elif min(row.samples) < LEAST_S:
            yield Mistake(path, f"{where}.samples", f"hold {min(row.samples):g} s, less than clocks resolve", _AGAIN)
        elif high := next((unit for unit, most in MOST_RATE.items()
                           if row.values.get(unit, 0) / min(row.samples) > most), None):  # fmt: skip
            yield Mistake(path, f"{where}.samples", f"imply more {high} per second than any machine reaches", _AGAIN)
        elif (reached := speed(row)) and reached > MOST_RATE["flops"]:
            yield Mistake(path, f"{where}.samples", "imply more FLOP/s than any machine reaches", _AGAIN)
        elif (reached := speed(row)) and (top := limit(row, limits)) and reached > ABOVE * top:
            what = f"say {reached:.3g} FLOP/s, and this machine's own limit was measured at {top:.3g}"
            yield Mistake(path, f"{where}.samples", what, _AGAIN)


def speed(row: Row) -> float | None:
    """FLOP/s of a call's fastest sample, visible pairs only; None for what is no whole call of attention."""
    case = row.case
    sizes = ("batch", "heads", "queries", "keys", "dim")
    if not row.takes_part or row.stage or case.get("blocks"):
        return None
    if not all(isinstance(case.get(size), int) for size in sizes):
        return None
    layer = Attention(1, case["heads"], case["dim"])
    flops = layer.core_flops(case["queries"], case["keys"], bool(case.get("causal")), case.get("window", 0))
    return float(case["batch"] * flops / min(row.samples))


def limit(row: Row, limits: Mapping[str, float]) -> float | None:
    """The highest of the limits of the row's device that are known."""
    device = row.who.device if row.who else "cpu"
    return max((limits[name] for name in LIMITS[device] if name in limits), default=None)
