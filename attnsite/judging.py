"""A text judged by what a page would show of it, and the line on which each fault was written.

The page is read, not the Markdown, so what a fault says is true whatever the Markdown looks like. Its line is then
looked for: the shortest beginning of the text that shows the fault already ends there.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from attnsite import harmless, naked
from attnsite.errors import Mistake
from attnsite.marks import spots

_OURS = re.compile(
    r"<!--\s*attnsite:(?!\s*(?:by_hand|calculator|head_browser|sources)\s*-->)[^>]*"
)  # what a build puts into texts
CROWD = 500  # "[" and "<" in a paragraph: a page's have some dozens, and Markdown takes the square of their number
MOST = 60  # faults of a text whose lines are looked for; the others are told at its first line


class Rendered(Protocol):
    @property
    def html(self) -> str: ...
    @property
    def raw(self) -> Sequence[str]: ...
    @property
    def marks(self) -> Sequence[str]: ...
    @property
    def unread(self) -> Sequence[tuple[str, Mistake]]: ...


class Renderer(Protocol):
    def render(self, text: str) -> Rendered: ...


@dataclass
class Text:
    """What stands together on a page: pieces of Markdown, and the file's line of each of their lines.

    `plain` says that raw HTML is nearly all refused, `numbers` that quantities need evidence.
    """

    plain: bool = True
    numbers: bool = True
    lines: list[str] = field(default_factory=list)
    places: list[int] = field(default_factory=list)

    def add(self, text: str, first: int, *, spread: bool = True) -> "Text":
        """Add a piece that begins on the file's line `first`; one that is not `spread` was written on that line."""
        for number, line in enumerate(text.split("\n")):
            self.lines.append(line)
            self.places.append(first + number if spread else first)
        self.lines.append("")
        self.places.append(self.places[-1])
        return self


@dataclass(frozen=True)
class Fault:
    """What is wrong with a text, what to do, and with which characters it begins where it was written."""

    what: str
    remedy: str
    begins: str


@dataclass(frozen=True)
class Placed:
    line: int
    what: str
    remedy: str


NAKED = "end the sentence with [=figure.value machine] or [@source], or leave the number out"


def faults(rendered: Rendered, text: Text, names: Iterable[str] = ()) -> list[Fault]:
    """Everything that may not stand in a rendered text, in order, as often as it stands there."""
    found = [Fault(f.what, f.remedy, f.begins) for f in harmless.find(rendered.html, rendered.raw, text.plain)]
    found += [Fault(mistake.what, mistake.remedy, source) for source, mistake in rendered.unread]
    if text.numbers:
        for each in naked.find(rendered.html, names):
            what = f"states {each.quantity!r} without evidence in “{each.sentence[:70]}”"
            found.append(Fault(what, NAKED, each.quantity.split()[0]))
    return found


def judge(renderer: Renderer, text: Text, names: Sequence[str] = ()) -> tuple[list[Placed], list[tuple[int, str]]]:
    """The faults of a text with their lines; and with theirs the marks that a page shows and `marks` does not see."""
    if crowds := list(_crowds(text)):
        return crowds, []
    rendered = renderer.render("\n".join(text.lines))
    hidden = Counter(rendered.marks) - Counter(mark.source for mark in spots("\n".join(text.lines)))
    unseen = [(text.places[_written(text, len(text.lines), source)], source) for source in hidden.elements()]
    whole = faults(rendered, text, names)
    seen: dict[int, Counter[Fault]] = {len(text.lines): Counter(whole)}

    def until(count: int) -> Counter[Fault]:
        if count not in seen:
            seen[count] = Counter(faults(renderer.render("\n".join(text.lines[:count])), text, names))
        return seen[count]

    placed, asked = [], Counter[Fault]()
    for number, written in enumerate(text.lines):
        if found := _OURS.search(written):
            remedy = "leave it out; such comments are made while a page is built"
            placed.append(Placed(text.places[number], f"holds {found[0][:40]!r}", remedy))
    for number, fault in enumerate(whole):
        asked[fault] += 1
        low, high = 1, len(text.lines)
        while number < MOST and low < high:
            middle = (low + high) // 2
            low, high = (low, middle) if until(middle)[fault] >= asked[fault] else (middle + 1, high)
        at = _written(text, low if number < MOST else 1, fault.begins)
        placed.append(Placed(text.places[at], fault.what, fault.remedy))
    return sorted(placed, key=lambda each: each.line), unseen


def _crowds(text: Text) -> Iterator[Placed]:
    """The paragraphs that would take minutes to read, at their first line."""
    count = first = 0
    for at, line in enumerate([*text.lines, ""]):
        if not line.strip():
            if count > CROWD:
                what = f"has {count} “[” and “<” in a paragraph, of at most {CROWD}"
                yield Placed(text.places[first], what, "write shorter paragraphs")
            count, first = 0, at + 1
        count += line.count("[") + line.count("<")


def _written(text: Text, count: int, begins: str) -> int:
    """Which of the first lines is the last that holds those characters; the last of them where none does."""
    wanted = begins.lower()
    for at in range(count - 1, -1, -1):
        if wanted in text.lines[at].lower():
            return at
    return count - 1
