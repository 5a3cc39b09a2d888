"""`docs/doubts.csv`: how the doubts about committed runs are answered, and what is wrong with an answer.

A line answers all doubts of one kind about one run: as `explained`, by what a measurement or the run shows, or as
`open`, which says that nobody has found out and that the run is to be made again.
"""

import csv
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path

from attnsite.content import unbacked_numbers
from attnsite.doubts import _doubt as doubts
from attnsite.doubts._doubt import Doubt
from attnsite.records import ordinary, signs
from attnsite.records.mistakes import Mistake
from attnsite.records.nearest import nearest
from attnsite.records.run_file import COMMITTED, Run

FILE = Path("docs/doubts.csv")
FIELDS = ("machine", "experiment", "kind", "rows", "state", "answer")
STATES = ("explained", "open")
SAYS = 30  # letters that an explanation has at least


@dataclass(frozen=True)
class Answer:
    """One line of the file, on `line`."""

    machine: str
    experiment: str
    kind: str
    rows: int
    state: str
    answer: str
    line: int

    @property
    def about(self) -> tuple[str, str, str]:
        return self.machine, self.experiment, self.kind


def kinds() -> dict[str, str]:
    """Every kind of doubt by its name, in a few words."""
    return doubts.kinds()


def read(root: Path) -> tuple[list[Answer], list[Mistake]]:
    """The answers of a checkout, and what cannot be read of its file; without one there are none."""
    path = root / FILE
    if not path.is_file():
        return [], []
    if why := ordinary.why(path):
        return [], [Mistake(FILE, "", why, "put an ordinary file there")]
    try:
        lines = list(csv.reader(path.read_text(encoding="utf-8").splitlines(), strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        return [], [Mistake(FILE, "", f"cannot be read ({error})"[:120], "write it as CSV in UTF-8")]
    if not lines or tuple(lines[0]) != FIELDS:
        return [], [Mistake(FILE, 1, "has another head", f"write {','.join(FIELDS)}")]
    answers, mistakes = [], []
    for number, cells in enumerate(lines[1:], 2):
        if len(cells) != len(FIELDS):
            mistakes.append(Mistake(FILE, number, f"has {len(cells)} cells", f"write {len(FIELDS)}"))
        elif fault := _fault(dict(zip(FIELDS, cells, strict=True))):
            mistakes.append(Mistake(FILE, number, *fault))
        else:
            machine, experiment, kind, rows, state, answer = cells
            answers.append(Answer(machine, experiment, kind, int(rows), state, answer, number))
    seen: dict[tuple[str, str, str], int] = {}
    for each in answers:
        if each.about in seen:
            mistakes.append(Mistake(FILE, each.line, f"answers what line {seen[each.about]} does", "keep one of them"))
        seen.setdefault(each.about, each.line)
    return answers, mistakes


def _fault(cells: Mapping[str, str]) -> tuple[str, str] | None:
    """What is wrong with one line, and the remedy."""
    known = doubts.kinds()
    if cells["kind"] not in known:
        return f"is of {cells['kind'][:40]!r}, which is no kind of doubt", nearest(cells["kind"], list(known))
    if not (cells["rows"].isascii() and cells["rows"].isdigit() and 0 < int(cells["rows"][:9]) < 10**6):
        return f"has {cells['rows'][:20]!r} rows", "write how many rows are doubted"
    if cells["state"] not in STATES:
        return f"is {cells['state'][:20]!r}", f"write {' or '.join(STATES)}"
    if cells["state"] == "explained" and len(cells["answer"]) < SAYS:
        return "explains nothing", "say what a measurement or the run shows, or write open"
    if stated := unbacked_numbers.find(escape(cells["answer"])):
        return f"states {stated[0].quantity!r}", "leave the number out; the rows have it"
    if hidden := list(signs.find(cells["answer"])):
        return f"holds the character {hidden[0][1]}, which is invisible", "take it out"
    return None


def faults(root: Path, machines: Iterable[Mapping[str, Run]]) -> Iterator[Mistake]:
    """Doubts that nobody answered, and answers that no doubt, or another number of them, is left for."""
    answers, mistakes = read(root)
    yield from mistakes
    if any(mistake.where in ("", "1") for mistake in mistakes):
        return
    found: dict[tuple[str, str, str], list[Doubt]] = {}
    for runs in machines:
        for doubt in doubts.of_machine(runs):
            found.setdefault((doubt.machine, doubt.experiment, doubt.kind), []).append(doubt)
    answered = {each.about: each for each in answers}
    short = doubts.kinds()
    for about, those in found.items():
        answer = answered.get(about)
        if answer is None:
            machine, experiment, kind = about
            what = f"{short[kind]}, in {len(those)} place{'s' * (len(those) > 1)}: {those[0].row} {those[0].what}"
            line = f"{machine},{experiment},{kind},{len(those)},open,"
            again = f"measure it again, or answer in {FILE.as_posix()} with a line {line}"
            yield Mistake(COMMITTED / machine / f"{experiment}.json", "", what, again)
        elif answer.rows != len(those):
            what = f"answers {answer.rows} doubts, and there are {len(those)}"
            yield Mistake(FILE, answer.line, what, "read the answer again, and write that number if it still holds")
    for answer in answers:
        if answer.about not in found:
            yield Mistake(FILE, answer.line, "answers what nobody doubts", "take the line out")
