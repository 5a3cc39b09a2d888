"""A text judged by what a page would show of it, and the line on which each fault was written.

The page is read, not the Markdown, so what a fault says is true whatever the Markdown looks like. Its line is then
looked for: the shortest beginning of the text that shows the fault already ends there.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from html import escape, unescape
from typing import Protocol

from attnsite.content import limits, unbacked_numbers, unsafe_markup
from attnsite.content.backing import Values
from attnsite.content.marks import spots
from attnsite.records import signs
from attnsite.records.mistakes import Mistake

_OURS = re.compile(
    r"<!--\s*attnsite:(?!\s*(?:by_hand|calculators?|head_browser|sources)\s*-->)[^>]*"
)  # what a build puts into texts
# What a page's template has behind a text: a paragraph, a block of code, a comment. Whatever a text leaves open would
# end in there, and what stands between would be a part of it.
_BEHIND = "¦behind¦"
BEHIND = f"\n\n{_BEHIND}\n\n```bash\n{_BEHIND}\n```\n\n{_BEHIND}\n\n<!-- attnsite:sources -->\n\n{_BEHIND}"
_OPENS = re.compile(r"<!--|^[ \t]*(?:`{3,}|~{3,})|<[A-Za-z]", re.MULTILINE)
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
    @property
    def defined(self) -> Sequence[tuple[str, str]]: ...


class Renderer(Protocol):
    def render(self, text: str) -> Rendered: ...


@dataclass
class Text:
    """What stands together on a page: pieces of Markdown, and the file's line of each of their lines.

    `plain` says that raw HTML is nearly all refused, `numbers` that quantities need evidence, `template` that it stands
    on a page whose other headings are a template's. What is not `alone` stands between texts of others, too.
    """

    plain: bool = True
    numbers: bool = True
    template: bool = False
    alone: bool = True
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


def faults(rendered: Rendered, text: Text, names: Iterable[str] = (), values: Values | None = None) -> list[Fault]:
    """Everything that may not stand in a rendered text, in order, as often as it stands there."""
    found = [Fault(f.what, f.remedy, f.begins)
             for f in unsafe_markup.find(rendered.html, rendered.raw, text.plain, text.template)]  # fmt: skip
    found += [Fault(mistake.what, mistake.remedy, source) for source, mistake in rendered.unread]
    found += _of_definitions(rendered, text, names)
    for _, sign in signs.find(unescape(rendered.html)):
        found.append(Fault(f"holds the character {sign}, which is invisible", "take it out", "&"))
    if text.numbers:
        for each in unbacked_numbers.find(rendered.html, names, values):
            what = f"states {each.quantity!r} without evidence in “{each.sentence[:70]}”"
            found.append(Fault(what, NAKED, each.quantity.split()[0]))
    return found


def _of_definitions(rendered: Rendered, text: Text, names: Iterable[str]) -> Iterator[Fault]:
    """Of what a text defines for the page that it stands on: an abbreviation, an address by name. What it says is
    judged whether the text uses it or not; a text between those of others defines nothing."""
    for name, told in rendered.defined:
        if not text.alone:
            what = f"defines {name[:40]!r}, for all that stands beside it"
            yield Fault(what, "write it where it is used", f"[{name}")
        elif text.numbers and (stated := unbacked_numbers.find(escape(told), names)):
            what = f"states {stated[0].quantity!r} without evidence in what {name[:40]!r} means"
            yield Fault(what, NAKED, f"[{name}")


def judge(
    renderer: Renderer, text: Text, names: Sequence[str] = (), values: Values | None = None
) -> tuple[list[Placed], list[tuple[int, str]]]:
    """The faults of a text with their lines; and with theirs the marks that a page shows and `marks` does not see.

    `values` are the numbers that its marks stand for; what stands beside a mark without one is not held against it.
    """
    if crowds := [Placed(text.places[at], what, remedy) for at, what, remedy in limits.faults(text.lines)]:
        return crowds, []
    try:
        return _judged(renderer, text, names, values)
    except RecursionError:
        return [Placed(text.places[0], "holds what is nested too deep to be read", "write it flatter")], []


def _judged(
    renderer: Renderer, text: Text, names: Sequence[str], values: Values | None
) -> tuple[list[Placed], list[tuple[int, str]]]:
    rendered = renderer.render("\n".join(text.lines))
    hidden = Counter(rendered.marks) - Counter(mark.source for mark in spots("\n".join(text.lines)))
    unseen = [(text.places[_written(text, len(text.lines), source)], source) for source in hidden.elements()]
    whole = faults(rendered, text, names, values)
    seen: dict[int, Counter[Fault]] = {len(text.lines): Counter(whole)}

    def until(count: int) -> Counter[Fault]:
        if count not in seen:
            seen[count] = Counter(faults(renderer.render("\n".join(text.lines[:count])), text, names, values))
        return seen[count]

    placed, asked = [], Counter[Fault]()
    for number, written in enumerate(text.lines):
        if found := _OURS.search(written):
            remedy = "leave it out; such comments are made while a page is built"
            placed.append(Placed(text.places[number], f"holds {found[0][:40]!r}", remedy))
    if not _ends(renderer, text):
        opens = [at for at, line in enumerate(text.lines) if _OPENS.search(line)]
        what = "leaves a comment, a block of code or an element open, which would take in what stands behind it"
        placed.append(Placed(text.places[opens[-1] if opens else 0], what, "close what it opens"))
    for number, fault in enumerate(whole):
        asked[fault] += 1
        low, high = 1, len(text.lines)
        while number < MOST and low < high:
            middle = (low + high) // 2
            low, high = (low, middle) if until(middle)[fault] >= asked[fault] else (middle + 1, high)
        at = _written(text, low if number < MOST else 1, fault.begins)
        placed.append(Placed(text.places[at], fault.what, fault.remedy))
    return sorted(placed, key=lambda each: each.line), unseen


def _ends(renderer: Renderer, text: Text) -> bool:
    """Whether what stands behind a text on its page is shown as it would be without it."""
    whole, behind = (renderer.render(written + BEHIND).html for written in ("\n".join(text.lines).rstrip(), ""))
    return re.sub(r"[\d\s]", "", whole).endswith(re.sub(r"[\d\s]", "", behind))  # blocks of code are numbered


def _written(text: Text, count: int, begins: str) -> int:
    """Which of the first lines is the last that holds those characters; the last of them where none does."""
    wanted = begins.lower()
    for at in range(count - 1, -1, -1):
        if wanted in text.lines[at].lower():
            return at
    return count - 1
