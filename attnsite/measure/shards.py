"""A sweep in parts: several processes, on one machine or on equal ones, each measure some of its cases.

Part K of N has every N-th case from the K-th on. Each part goes on where it was interrupted, as a whole sweep does, and
the parts are joined once all are there, in the order of the experiment's cases: the same file whoever ended first.
"""

import dataclasses
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from attnsite.records import run_file
from attnsite.records.mistakes import Mistake, raise_all
from attnsite.records.run_file import Provenance, Run

FOLDER = Path(".cache/attnsite/shards")
# Of a machine, so that parts can stand in one run:
ALIKE = ("cpu", "cores", "threads", "cpu_quota", "vectors", "settings", "gpu", "driver")


def parse(text: str) -> tuple[int, int]:
    """`2/8` as (2, 8). Raises `Mistake`."""
    found = re.fullmatch(r"([1-9]\d*)/([1-9]\d*)", text)
    if not found or int(found[1]) > int(found[2]):
        remedy = "write K/N with K from 1 to N, such as 2/8"
        raise Mistake("attnsite measure", "--shard", f"{text!r} is not a part of a sweep", remedy)
    return int(found[1]), int(found[2])


def path_of(root: Path, machine: str, sweep: str, part: tuple[int, int], folder: str, experiment: str) -> Path:
    """Where a part's run lies: `folder` is the machine's, or that of counts."""
    number, count = part
    return root / FOLDER / f"{machine}_{sweep}" / f"{number}_of_{count}" / folder / f"{experiment}.json"


def merge(root: Path, machine: str, sweep: str, experiment: str, cases: list[str]) -> Run:
    """The whole run of an experiment from its parts; `cases` are the keys of all of its cases, in order.

    Raises `Mistake`s where parts are missing, do not belong together, or do not make a whole.
    """
    found = parts_of(root, machine, sweep, experiment)
    where = f"{machine}, {sweep}"
    if not found:
        raise Mistake(
            f"attnsite measure {experiment}", where, "has no parts to merge", "measure with --shard K/N first"
        )
    counts = {count for _, count in found}
    if len(counts) > 1:
        told = " and ".join(map(str, sorted(counts)))
        raise Mistake(FOLDER, where, f"has sweeps in {told} parts", "remove those that are not wanted")
    [count] = counts
    absent = [str(number) for number in range(1, count + 1) if (number, count) not in found]
    if absent:
        raise Mistake(FOLDER, where, f"lacks part {', '.join(absent)} of {count}", "measure it, then merge")
    runs = [run_file.read(found[number, count]) for number in range(1, count + 1)]
    raise_all(list(strangers(runs, {number: found[number, count] for number in range(1, count + 1)})))
    order = {case: place for place, case in enumerate(cases)}
    rows = sorted((row for run in runs for row in run.rows), key=lambda row: order.get(case_key(row.case), len(order)))
    seen = {case_key(row.case) for row in rows}
    if set(cases) - seen or seen - set(cases):
        what = f"has {len(seen & set(cases))} of {len(cases)} cases"
        raise Mistake(f"attnsite measure {experiment}", where, what, "measure all parts again, with the same code")
    return dataclasses.replace(runs[0], provenance=provenance(runs, together(runs)), rows=tuple(rows))


def provenance(runs: Sequence[Run], steadiness: Mapping[str, Any]) -> Provenance:
    """Of the run that holds several: it began with the first of them and took as long as all."""
    every = [run.provenance for run in runs]
    return dataclasses.replace(
        every[0], started=min(one.started for one in every), seconds=round(sum(one.seconds for one in every), 1),
        steadiness=steadiness,
    )  # fmt: skip


def parts_of(root: Path, machine: str, sweep: str, experiment: str) -> dict[tuple[int, int], Path]:
    """The finished parts by number and count."""
    found = {}
    for path in sorted((root / FOLDER / f"{machine}_{sweep}").glob(f"*_of_*/*/{experiment}.json")):
        number, count = re.findall(r"\d+", path.parent.parent.name)
        found[int(number), int(count)] = path
    return found


def case_key(case: Any) -> str:
    """What was asked, whatever its variants."""
    return repr(sorted((name, value) for name, value in dict(case).items() if name != "variant"))


def strangers(runs: list[Run], places: Mapping[int, Path], called: str = "part") -> list[Mistake]:
    """Parts, or whatever they are called, that do not belong to the first: of other code, another machine or other
    versions. `places` are their files by number."""
    first, wrong = runs[0], []
    for number, run in enumerate(runs[1:], 2):
        facts = {
            "code": (first.digest, run.digest),
            "kernels": (_kernels(first), _kernels(run)),
            "software": (first.provenance.software, run.provenance.software),
            **{what: (first.provenance.machine.get(what), run.provenance.machine.get(what)) for what in ALIKE},
        }
        for what, (one, other) in facts.items():
            if one != other and not (what == "kernels" and _agree(_kernels(first), _kernels(run))):
                remedy = "measure it again on the same machine, at the same commit"
                said = f"has another {what} than {called} 1"
                wrong.append(Mistake(places[number].name, f"{called} {number}", said, remedy))
    return wrong


def _kernels(run: Run) -> dict[str, str]:
    return {row.kernel: row.kernel_digest for row in run.rows if row.kernel and row.kernel_digest}


def _agree(one: dict[str, str], other: dict[str, str]) -> bool:
    """No kernel that both have differs: a kernel may have been skipped in all cases of one part."""
    return all(other.get(name, digest) == digest for name, digest in one.items())


def together(runs: list[Run]) -> dict[str, float | str]:
    """The steadiness of the whole: as noisy as its noisiest part."""
    told = [dict(run.provenance.steadiness) for run in runs]
    verdicts = [known.get("verdict", "not timed") for known in told]
    found: dict[str, float | str] = {"verdict": next((v for v in ("noisy", "steady") if v in verdicts), "not timed")}
    for what in ("median_spread", "foreign_load", "throttled", "stolen"):
        numbers = [known[what] for known in told if isinstance(known.get(what), int | float)]
        if numbers:
            found[what] = max(numbers)
    return found
