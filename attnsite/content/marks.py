"""The three marks of a page: a citation, a number from a run, and the fence that holds a figure's name."""

import math
import re
from dataclasses import dataclass
from functools import lru_cache

_SPOT = re.compile(r"\[(?=[@=])[^\[\]]*\](?!\()")  # followed by ( it is an ordinary link
_KEY = r"[A-Za-z][A-Za-z0-9_:-]*"
_REFERENCE = re.compile(rf"@({_KEY})(?:(?:\s*,\s*|\s+)(\S.*))?", re.DOTALL)
_REAL = r"[-−]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?"
_NUMBER = re.compile(
    rf"=\s*([A-Za-z_]\w*)\.([A-Za-z_]\w*)(?:\s+(?!in\s)([A-Za-z_]\w*))?(?:\s+in\s+({_REAL})\s*\.\.\s*({_REAL}))?\s*"
)
# A comment ends where browsers end it.
_VERBATIM = r"(?<![\\`])(`+)(?!`)(?:(?!\n[ \t]*\n).)+?(?<!`)\1(?!`)|<!--(?:-?>|.*?--!?>)"
# As in site/markdown/formulas.py: no space just inside, and no digit behind, so that "$5 and $6" stays money.
_MATH = r"(?<!\\)\$\$(?:(?!\n[ \t]*\n).)+?\$\$|(?<![\\$])\$(?![\s$])(?:\\.|[^$\\\n])+?(?<!\s)\$(?![\d$])"
_HIDDEN = re.compile(rf"{_VERBATIM}|{_MATH}", re.DOTALL)  # whichever begins first wins
_FENCE = re.compile(r"([ \t]*)(`{3,}|~{3,})[ \t]*([^`\n]*)")
_TOUCHES = re.compile(r"[\w.,+−±~≈<>=-]")
_CONTAINER = re.compile(r"\s{0,3}(?:[-*+:]\s|\d+[.)]\s|\?\?\?|!!!|===|\[\^)")


@dataclass(frozen=True)
class Reference:
    """One source within a citation, and where in it: `§3.1`, `Table 1`, or empty."""

    key: str
    locator: str = ""


@dataclass(frozen=True)
class Cite:
    """`[@key §3.1; @other]`. `start` and `end` are places in the text that was read, `line` counts from 1."""

    references: tuple[Reference, ...]
    start: int
    end: int
    line: int
    source: str

    @property
    def keys(self) -> tuple[str, ...]:
        return tuple(reference.key for reference in self.references)


@dataclass(frozen=True)
class Number:
    """`[=figure.value machine in low..high]`; machine and range are None where the mark does not say them."""

    figure: str
    value: str
    machine: str | None
    low: float | None
    high: float | None
    start: int
    end: int
    line: int
    source: str


@dataclass(frozen=True)
class Malformed:
    """Something that begins like a mark and is none, and why."""

    why: str
    start: int
    end: int
    line: int
    source: str


@dataclass(frozen=True)
class Fence:
    """The fence that shows a figure."""

    figure: str
    line: int


Mark = Cite | Number


def marks(text: str) -> list[Mark]:
    """The citations and numbers of a Markdown text in order; code, formulas and comments hold none."""
    return [found for found in spots(text) if not isinstance(found, Malformed)]


def malformed(text: str) -> list[Malformed]:
    """What begins like a mark and is none."""
    return [found for found in spots(text) if isinstance(found, Malformed)]


@lru_cache(maxsize=4096)  # a build asks for those of a question some sixty times
def spots(text: str) -> tuple[Mark | Malformed, ...]:
    """Everything that begins like a mark, read, in order."""
    found, line, seen = [], 1, 0
    for match in _SPOT.finditer(blank(text)):
        line, seen = line + text.count("\n", seen, match.start()), match.start()
        read = _read(text[match.start() : match.end()], match.start(), line)
        around = text[max(0, match.start() - 1) : match.start()], text[match.end() : match.end() + 1]
        if isinstance(read, Number) and (_TOUCHES.fullmatch(around[0]) or re.fullmatch(r"\w", around[1])):
            why = "a number stands apart from letters, digits and signs, which would be read as a part of it"
            read = Malformed(why, read.start, read.end, read.line, read.source)
        found.append(read)
    return tuple(found)


def _read(source: str, start: int, line: int) -> Mark | Malformed:
    end, inner = start + len(source), source[1:-1].strip()
    if inner.startswith("@"):
        parts = [_REFERENCE.fullmatch(part.strip()) for part in inner.split(";")]
        references = tuple(Reference(part[1], " ".join((part[2] or "").split())) for part in parts if part)
        if len(references) == len(parts):
            return Cite(references, start, end, line, source)
        return Malformed("a citation is [@key], [@key §3.1] or [@key; @other]", start, end, line, source)
    number = _NUMBER.fullmatch(inner)
    if not number:
        why = "a number is [=figure.value], [=figure.value machine] or [=figure.value machine in 0.9..1.1]"
        return Malformed(why, start, end, line, source)
    low, high = (float(text.replace("−", "-")) if text else None for text in number.group(4, 5))
    if low is not None and high is not None and not (math.isfinite(low) and math.isfinite(high)):
        return Malformed("its range has no end", start, end, line, source)
    if low is not None and high is not None and low > high:
        return Malformed("its range runs downwards", start, end, line, source)
    return Number(number[1], number[2], number[3], low, high, start, end, line, source)


def fences(text: str, kind: str = "figure") -> list[Fence]:
    """The figures, or diagrams, that a text shows. The name is all that the fence holds; lines count from 1."""
    found = []
    for info, first, inner in _fenced(text.split("\n")):
        if info.split()[:1] == [kind]:
            found.append(Fence(" ".join(" ".join(inner).split()), first))
    return found


def odd_fences(text: str) -> list[tuple[int, str]]:
    """Fences that are like a figure's and are none: a page would show a figure of them that nobody checked, or their
    text for one. Their lines, and how they begin."""
    found = []
    for info, first, _ in _fenced(text.split("\n")):
        words = re.findall(r"[\w-]+", info.lower())
        if words[:1] in (["figure"], ["diagram"]) and info.split()[:1] != words[:1]:
            found.append((first, info[:40]))
    return found


def blank(text: str) -> str:
    """The text with code, formulas, comments and escaped characters made spaces: same length, same lines."""
    lines = text.split("\n")
    hidden: set[int] = set()
    for _, first, inner in _fenced(lines):
        hidden.update(range(first - 1, first + len(inner) + 1))
    hidden.update(_indented(lines, hidden))
    text = "\n".join(" " * len(line) if n in hidden else line for n, line in enumerate(lines))
    text = _HIDDEN.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), text)
    return re.sub(r"\\[^\w\s]", "  ", text)


def _fenced(lines: list[str]) -> list[tuple[str, int, list[str]]]:
    """Fenced blocks: their info string, the line of their first fence from 1, and the lines inside."""
    found: list[tuple[str, int, list[str]]] = []
    opened = ""
    for number, line in enumerate(lines, 1):
        fence = _FENCE.fullmatch(line.rstrip("\r"))
        if opened and fence and fence[2].startswith(opened) and not fence[3].strip():
            opened = ""
        elif opened:
            found[-1][2].append(line)
        elif fence:
            opened = fence[2]
            found.append((fence[3].strip(), number, []))
    return found


def _indented(lines: list[str], fenced: set[int]) -> set[int]:
    """Lines of code blocks made by indentation: four columns, and four more inside a list or an admonition."""
    found: set[int] = set()
    deep, after_gap = 4, True
    for number, line in enumerate(lines):
        indent = len(line.expandtabs(4)) - len(line.expandtabs(4).lstrip())
        if number in fenced or not line.strip():
            after_gap = True
            continue
        if indent < 4:
            deep = 8 if _CONTAINER.match(line) else 4
        if indent >= deep and after_gap and not _CONTAINER.match(line.lstrip()):
            found.add(number)
        else:
            after_gap = False
    return found
