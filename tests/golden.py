"""Every number that a page shows of a run, in one committed file: what changes when a formula does.

    python -m tests.golden                     # compare, with a line for each number that is another
    python -m tests.golden --renew             # write the file anew: look at what git says has changed
    python -m tests.golden kv_cache roofline   # only what comes from these figures

Shown are the numbers that sentences quote, on any page and in claims, and those in the texts of a figure, of each full
run that is committed: its title, its captions, the alternative text. The cells of its table and the points of its chart
would be tens of thousands: of each column, and of each line of a chart, stand the sum, the least and the greatest.
"""

import argparse
import csv
import math
import re
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from attnsite.content import questions as content
from attnsite.content.questions import Number
from attnsite.records import registry
from attnsite.records.quantity import Quantity
from attnsite.records.run_file import EVERY_MACHINE, THIS_BUILD
from attnsite.site import exhibits
from attnsite.site.answers import Answers
from attnsite.site.exhibits import Exhibit

ROOT = Path(__file__).parents[1]
KEPT = ROOT / "tests" / "golden_numbers.csv"
COLUMNS = ("figure", "value", "machine", "shown", "unit", "number", "low", "high", "run")
Key = tuple[str, str, str]  # figure, value, machine


def written(root: Path) -> Iterator[str]:
    """The texts that people write and pages show, whole: questions with their claims, pages, notebooks, kernels."""
    for place in ("docs/**/*.md", "docs/notebooks/*.py", "attnsite/kernels/**/*.py", "attnsite/peers/*.py"):
        for path in sorted(root.glob(place)):
            yield path.read_text(encoding="utf-8")


def quoted(root: Path) -> set[Key]:
    """What sentences quote, drafts included."""
    marks = [mark for text in written(root) for mark in content.marks(text)]
    return {(mark.figure, mark.value, mark.machine or EVERY_MACHINE) for mark in marks if isinstance(mark, Number)}


def collect(root: Path, figures: Collection[str] = ()) -> dict[Key, tuple[Quantity, str]]:
    """Every number that is shown, and the run that it comes from as `day commit`; of some figures, or of all.

    Raises the `Mistake` of what cannot be worked out.
    """
    known, asked = Answers.load(root), quoted(root)
    found: dict[Key, tuple[Quantity, str]] = {}
    for name in figures or registry.names("figures"):
        module = known.figure(name)
        told = {match for part in exhibits.paragraphs(module) for match in re.findall(r"\{(\w+)\}", part)}
        for machine, run in known.runs(module.EXPERIMENT).items():
            if machine == THIS_BUILD or run.is_quick:
                continue
            mine = {value for figure, value, where in asked if (figure, where) == (name, machine)}
            try:
                values = module.values(run)
            except LookupError:
                continue  # the page says that this machine has not measured it
            ran = f"{run.provenance.started[:10]} {run.provenance.software.get('commit', '')}".strip()
            found |= {(name, value, machine): (values[value], ran) for value in sorted(told | mine) if value in values}
            if isinstance(shown := known.exhibit(name, machine), Exhibit):
                found |= {(name, part, machine): (total, ran) for part, total in summed(shown)}
    return found


def summed(shown: Exhibit) -> Iterator[tuple[str, Quantity]]:
    """Each column of a figure's table, and each line or row of marks of its chart along x and along y."""
    for column in dict.fromkeys(column for line in shown.rows for column in line):
        cells = [line.get(column) for line in shown.rows]
        yield from total(f"table, {column}", (number for cell in cells for number in numbers(cell)))
    traces: Iterable[Mapping[str, Any]] = shown.chart["data"] if shown.chart else ()
    for number, trace in enumerate(traces):
        for axis in "xy":
            seen = trace.get(axis)
            yield from total(f"chart, {number} {axis}", seen if isinstance(seen, list) else ())


def numbers(cell: Any) -> tuple[Any, ...]:
    """What a cell says: a quantity's value and its bounds, or the cell itself."""
    return (cell.value, cell.low, cell.high) if isinstance(cell, Quantity) else (cell,)


def total(name: str, cells: Iterable[Any]) -> Iterator[tuple[str, Quantity]]:
    """The sum of the numbers among some cells, with their range and how many they are; nothing where there are none."""
    found = [float(c) for c in cells if isinstance(c, int | float) and not isinstance(c, bool) and math.isfinite(c)]
    if found:
        yield name, Quantity(math.fsum(found), f"in {len(found)}", min(found), max(found))


def row(key: Key, quantity: Quantity, ran: str) -> dict[str, str]:
    """A line of the file; numbers to nine digits, which is less than the last ones that two libraries agree in."""
    bounds = {"number": quantity.value, "low": quantity.low, "high": quantity.high}
    numbers = {name: "" if number is None else f"{number:.9g}" for name, number in bounds.items()}
    return dict(zip(COLUMNS, (*key, str(quantity), quantity.unit, *numbers.values(), ran), strict=True))


def kept() -> dict[Key, dict[str, str]]:
    with KEPT.open(encoding="utf-8", newline="") as file:
        return {(line["figure"], line["value"], line["machine"]): line for line in csv.DictReader(file)}


def renew(root: Path = ROOT) -> int:
    """Write the file anew; how many numbers it has."""
    found = collect(root)
    with KEPT.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(row(key, *found[key]) for key in sorted(found))
    return len(found)


def differences(root: Path = ROOT, figures: Collection[str] = ()) -> list[str]:
    """A line for each number that is another than the one kept, is no longer shown, or is not kept yet."""
    before = {key: line for key, line in kept().items() if not figures or key[0] in figures}
    now = {key: row(key, *told) for key, told in collect(root, figures).items()}
    lines = []
    for key in sorted(before | now):
        name = f"{key[0]}.{key[1]} {key[2]}"
        old, new = before.get(key), now.get(key)
        if old is None or new is None:
            lines.append(f"{name}: is not kept yet" if old is None else f"{name}: is shown no more")
        elif any(differs(old[column], new[column]) for column in COLUMNS[3:]):
            lines.append(f"{name}: was {told(old)}, is {told(new)}")
    return lines


def told(line: dict[str, str]) -> str:
    spread = f" [{line['low']}, {line['high']}]" if line["low"] else ""
    return f"{line['shown']} ({line['number']}{spread}, {line['run']})"


def differs(one: str, other: str) -> bool:
    """Whether two cells differ by more than the last digits of floating-point sums on another processor."""
    try:
        a, b = float(one), float(other)
    except ValueError:
        return one != other
    return abs(a - b) > 1e-7 * max(abs(a), abs(b))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("figures", nargs="*", metavar="FIGURE")
    parser.add_argument("--renew", action="store_true", help="write the file anew")
    options = parser.parse_args()
    if options.renew:
        print(f"{KEPT.relative_to(ROOT)}: {renew()} numbers")
        return 0
    found = differences(ROOT, options.figures)
    print(*(found or ["all numbers are as they are kept"]), sep="\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
