"""What a run says of itself, held against its own rows, its experiment and the other runs of its machine."""

import re
import statistics
from collections import Counter
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from attnsite.records.mistakes import Mistake
from attnsite.records.run_file import Run, code_of_sentence

# The architecture of a run that a page made: it tells its browser, and its rows the kernels' digests.
BROWSER = "wasm32"
IN_BROWSER = {  # what a page says of a row that it could not measure: `docs/assets/kernel_clock.js`
    "more memory or arithmetic than a page should take": "too_large",
    "more memory than this device should give a page": "too_large",
    "needs threads, or shares of whole heads, that this browser does not have": "too_few_threads",
    "was not tried within the seconds that were given": "too_slow",
    "a call takes longer than a page should be busy": "too_slow",
}
AGAIN = "measure it again with `attnsite measure`"
MACHINE = ("cpu", "architecture", "cores", "threads", "memory_bytes", "gpu")  # one folder is one machine
UNITS = {"read": "bytes", "copy": "bytes"}  # what a ceiling counts; all others count flops
ROUNDED = 6e-4  # of a spread that is written with four places
# Words of a machine's name that say who made it, each with what its processor or GPU then says of itself.
MAKERS = {
    "epyc": "epyc", "ryzen": "ryzen", "amd": "amd", "xeon": "xeon", "intel": "intel", "cascade_lake": "intel",
    "sapphire_rapids": "intel", "graviton": "graviton|neoverse", "neoverse": "neoverse", "ampere": "ampere|neoverse",
    "apple": "apple", "a100": "a100", "h100": "h100", "h200": "h200", "b200": "b200", "l4": "l4", "t4": "t4",
    "mi300x": "mi300x", "rtx": "rtx",
}  # fmt: skip
_CORES = re.compile(r"(?:^|_)([0-9]+)_?cores?(?:_|$)")
_CLAIMS = re.compile(r"(?:^|_)(?:faster|slower|fastest|best|times|percent|twice|speedup|x\d+|\d+x)(?:_|$)")


def faults(run: Run, path: Path, asked: Mapping[str, Any] | None) -> Iterator[Mistake]:
    """Where a run contradicts itself, or what its experiment asks, as `attnsite.records.asked` says it."""
    yield from _name(run, path)
    yield from _experiment(run, path, asked)
    yield from _values(run, path)
    for number, row in enumerate(run.rows, 1):
        if row.skipped is not None and row.skip_code != IN_BROWSER.get(row.skipped, code_of_sentence(row.skipped)):
            what = f"is {row.skip_code!r:.40} of a row that says {row.skipped[:60]!r}"
            yield Mistake(path, f"row {number}.skip_code", what, AGAIN)
        if row.who and row.who.kind == "ceiling" and row.samples:
            unit = UNITS.get(row.who.stem, "flops")
            if set(row.values) != {unit}:
                what = f"hold {', '.join(sorted(row.values))[:60]}, and {row.kernel} counts {unit}"
                yield Mistake(path, f"row {number}.values", what, AGAIN)


def _name(run: Run, path: Path) -> Iterator[Mistake]:
    """A machine is what its name says, and its name says nothing else."""
    if found := _CLAIMS.search(run.machine):
        yield Mistake(path, "machine", f"holds {found[0].strip('_')!r}", "name the machine and nothing else")
    known = run.provenance.machine
    said = " ".join(str(known.get(part, "")) for part in ("cpu", "gpu", "architecture")).lower()
    for word, maker in MAKERS.items():
        if said.strip() and re.search(rf"(?:^|_){word}(?:_|$)", run.machine) and not re.search(maker, said):
            yield Mistake(
                path, "machine", f"is {run.machine}, and its processor {said[:60]!r}", "name it for what it is"
            )
    cores = _CORES.search(run.machine)
    if cores and "cores" in known and int(cores[1]) != known["cores"]:
        yield Mistake(path, "machine", f"is {run.machine}, with {known['cores']!r:.20} cores", "name it for what it is")


def spread(run: Run, path: Path) -> Iterator[Mistake]:
    """How far samples spread is worked out of them. Of a run in parts the spread is its noisiest part's."""
    rows = [row for row in run.rows if len(row.samples) > 2 and row.median > 0]
    if run.kind != "timing" or not rows:
        return
    found = statistics.median((row.middle_half()[1] - row.middle_half()[0]) / row.median for row in rows)
    said = run.provenance.steadiness.get("median_spread")
    if isinstance(said, int | float) and said + ROUNDED < found:
        what = f"is {said:g}, and the samples' {found:.4f}"
        yield Mistake(path, "provenance.steadiness.median_spread", what, AGAIN)


def _experiment(run: Run, path: Path, asked: Mapping[str, Any] | None) -> Iterator[Mistake]:
    if not asked or "kernels" not in asked:
        return
    in_browser = run.provenance.machine.get("architecture") == BROWSER  # which names the kernels that run there
    alike = [name for name in run.kernels if any(fnmatchcase(name, each) for each in asked["kernels"])]
    if alike != list(run.kernels) if in_browser else list(run.kernels) != asked["kernels"]:
        what = f"are {', '.join(run.kernels)[:60]}, and {run.experiment} asks for {', '.join(asked['kernels'])[:60]}"
        yield Mistake(path, "kernels", what, AGAIN)
    for number, row in enumerate(run.rows, 1):
        if row.stage is not None and not asked["stages"]:
            yield Mistake(path, f"row {number}.stage", f"is {row.stage!r:.40}, and no stages are asked for", AGAIN)
        if row.who and row.who.kind == "ceiling" and row.who.stem not in asked["ceilings"]:
            yield Mistake(path, f"row {number}.kernel", f"is {row.kernel!r:.60}, which is not asked for", AGAIN)


def _values(run: Run, path: Path) -> Iterator[Mistake]:
    """What is observed by one name is of one kind in all rows: a number, a text, a list; or nothing."""
    kinds: dict[str, Counter[str]] = {}
    for row in run.rows:
        for name, value in row.values.items():
            if value is not None:
                kinds.setdefault(name, Counter())[_kind(value)] += 1
    usual = {name: held.most_common(1)[0][0] for name, held in kinds.items()}
    for number, row in enumerate(run.rows, 1):
        for name, value in row.values.items():
            if value is not None and _kind(value) != usual[name]:
                what = f"is {value!r:.40}, where other rows have a {usual[name]}"
                yield Mistake(path, f"row {number}.values.{name:.40}", what, AGAIN)


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "truth"
    return next((name for name, kind in _KINDS.items() if isinstance(value, kind)), "value")


_KINDS: Mapping[str, Any] = {"number": int | float, "text": str, "list": list, "table": dict}


def of_machine(runs: Mapping[Path, Run]) -> Iterator[Mistake]:
    """Of the runs in one machine's folder, those that tell of another machine than most of them."""
    for name in MACHINE:
        said = {path: run.provenance.machine[name] for path, run in runs.items() if name in run.provenance.machine}
        usual = Counter(map(repr, said.values())).most_common(1)
        for path, value in said.items():
            if repr(value) != usual[0][0]:
                what = f"is {value!r:.60}, where other runs of {path.parent.name} have {usual[0][0][:60]}"
                yield Mistake(path, f"provenance.machine.{name}", what, "one folder is one machine; " + AGAIN)
