"""What stands behind the sentences of a line: its marks, and which typed numbers each of them is evidence for.

A citation is evidence for its sentence. A number mark is evidence for itself, for what was set, and for a finding that
says the same number again: "about a fifth faster [=a.b in 1.15..1.25]".
"""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from attnsite.content import number_words

CITED, MEASURED = "\ue0c1", "\ue0c2"  # stand in a line for its marks; no text of a page may hold them
ABOUT = 0.2  # of a value, for a sentence that says it in round numbers: twice, of 1.8
BOUND = 0.5  # of a value, for one that says that it is more or less: more than half, of 0.8
_BOUNDS = re.compile(
    r"\b(?:more than|less than|at least|at most|up to|over|under|above|below|within|nearly|almost)\s*$", re.IGNORECASE
)
Values = Mapping[str, float]  # of number marks, by what is written: in the base unit of each, shares as parts of one

_DENIED = re.compile(r"\b(?:and|but|which is) not\s*$")  # a third faster and not twice as fast

_STOPS = re.compile(rf"[.!?…]['’)\]]*(?:\s*[{CITED}{MEASURED}])*(?=\s|$)(?!\s*[{CITED}{MEASURED}])")
_SHORT = re.compile(r"(?:\b(?:et al|e\.g|i\.e|vs|cf|ca|approx|resp|Figs?|Eqs?|Secs?|No|Dr|St)|\b[A-Z]|\.)\.$")
_NUMBER = r"(?<![\w.])[-−+]?(?P<n>\d{1,3}(?:[, ]\d{3}){1,5}(?:\.\d{1,9})?|\d{0,12}\.?\d{1,12})(?!\d)"
_TO = r"(?:\s*(?:to|–|-|or|and)\s*(?P<to>\d{0,12}\.?\d{1,12}))?"
_RATE = r"[KMGTP]i?B/s|[kMGTP]?FLOP(?:/s|S)|tokens/s"
_CLOCK = rf"(?:[mμµn]?s|sec|min|h|(?:milli|micro|nano)?seconds?|minutes?|hours?|days?|{_RATE})\b"
_MORE = r"(?:times\s+)?(?:as (?:fast|slow|quick|cheap|accurate|good)|faster|slower|quicker|cheaper|better|worse)\b"
_FOUND = re.compile(
    rf"{_NUMBER}{_TO}[-\s]*(?:(?P<share>%|per ?cent\b)|(?P<times>[×x](?!\s*\d)|(?:times|fold)\b(?!\s+(?:the\s+)?\d))"
    rf"|(?P<clock>{_CLOCK})|(?P<more>{_MORE}|points? (?:better|worse|higher|lower)\b))"
)
_INTERVAL = re.compile(r"\b\d{2}(?:\.\d)? ?%(?= (?:confidence )?intervals?\b)|\(\d{2}(?:\.\d)? ?%\)")
_STEPS = [10.0 ** (3 * n) for n in range(-5, 6)] + [1024.0**n for n in range(-4, 5)] + [60.0, 3600.0]


@dataclass(frozen=True)
class Sentence:
    """A sentence as it is read, without its marks: whether it cites, and what its number marks are written as."""

    text: str
    cites: bool
    marks: tuple[str, ...]


def sentences(line: str, marks: list[str]) -> Iterator[Sentence]:
    """The sentences of a line in which `CITED` and `MEASURED` stand for marks; `marks` are its numbers, in order."""
    start, left = 0, list(marks)
    stops = ((match.end(), line[max(0, match.start() - 12) : match.start() + 1]) for match in _STOPS.finditer(line))
    ends = [end for end, before in stops if not _SHORT.search(before)]
    for end in [*ends, len(line)]:
        written, start = line[start:end], end
        own = [left.pop(0) for _ in range(min(written.count(MEASURED), len(left)))]
        yield Sentence(re.sub(f"[{CITED}{MEASURED}]", "", written), CITED in written, tuple(own))


def unbacked(sentence: str, marks: tuple[str, ...], values: Values) -> str:
    """The first finding of a sentence that none of its number marks says too; empty where each is said by one.

    A mark without a value in `values` cannot be resolved, which is told where it stands, and is evidence for all.
    """
    if not all(mark in values for mark in marks):
        return ""
    known = [values[mark] for mark in marks]
    for match in _FOUND.finditer(_INTERVAL.sub(" x ", sentence)):
        for typed in filter(None, (match["n"], match["to"])):
            number = float(re.sub("[, ]", "", typed))
            kind = next(name for name in ("share", "times", "clock", "more") if match[name])
            within = _within(sentence[: match.start()])
            if not any(_says(number, kind, value, within) for value in known):
                return match[0].strip()
    for words in number_words.find(sentence):
        before = sentence[: sentence.find(words.number)]
        if _DENIED.search(before):
            continue
        within = _within(before)
        if words.value is not None and not any(_says(words.value, "words", value, within) for value in known):
            return words.text
    return ""


def _within(before: str) -> float:
    """How far off a number may be, as a share of the value: further where what stands before it makes it a bound."""
    return BOUND if _BOUNDS.search(before) else ABOUT


def _says(number: float, kind: str, value: float, within: float) -> bool:
    """Whether a number of that kind says about the same as a mark's value."""
    if kind == "clock":
        return any(_near(number * step, abs(value), within) for step in _STEPS)
    if kind == "share":
        number /= 100
    same = [value, *([1 / value] if value else []), 100 * value]
    if kind in ("share", "words"):
        same += [1 - value, value - 1, *([1 - 1 / value, 1 / value - 1] if value else [])]
    if kind == "words":
        same += [step * value for step in _STEPS] + [100 * (1 - value), 100 * (value - 1)]
    return any(_near(number, each, within) for each in same)


def _near(number: float, value: float, within: float) -> bool:
    least, most = sorted((value * (1 - within), value / (1 - within)))
    return math.isfinite(value) and (least <= number <= most or abs(number - value) < 1e-9)
