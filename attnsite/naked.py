"""Naked numbers: sentences of a question that state a quantity without evidence."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from attnsite.marks import blank, marks

# Numbers that are names, places or dates, not quantities. Order matters: longer names first.
_NAMES = [
    r"(?:Sections?|§+|Tables?|Figures?|Fig\.|Eqs?\.|Equations?|Chapters?|Appendix|[Vv]ersions?|rows?|steps?|Problem)\s*"
    r"[A-Z]?\d+(?:\.\d+)*(?:\([A-Za-z]\))?",
    r"\b(?:18|19|20)\d\d\b",  # years
    r"\b\d+(?:st|nd|rd|th)\b",  # ordinals
    r"\b\d+-(?:bit|layer|head|wide|way)\b",  # kinds: 16-bit, 384-layer
    r"\b(?:width|widths|head|heads of|layer|batch|block|blocks of)\s+\d+\b(?=\s|[.,;:]|$)",  # what was set, not found
    r"\b\d+(?:,\d{3})*\s+(?:(?:query|key-value|KV|attention|single|full)\s+)?"
    r"(?:heads?|layers?|tokens?|threads?|cores?|groups?|bytes an element)\b",  # likewise
    r"\bone head to \d+\b|\bfrom \d+ heads? to \d+\b|\bwith \d+\b(?=[.,;]|\s+than|\s+with|\s+heads)",
    r"\b[A-Za-z_]*[A-Za-z][-.]?\d+(?:\.\d+)*[A-Za-z]*(?:-[A-Za-z0-9.]+)*\b(?:\s+\d+(?:\.\d+)?[BMT]\b)?",  # GPT-3 175B
    r"\bO\([^)]*\)",
    r"^\s*(?:\d+[.)]|[-*])\s",  # a list's number
]
_HEADING = re.compile(r"^\s*#")
_QUANTITY = re.compile(r"(?<![\w.])\d[\d.,]*\s*(?:%|×|[A-Za-zµ/]+)?")
_RATIOS = re.compile(
    r"\b(?:twice|thrice|(?:two|three|four|five|six|eight|ten|a hundred|a thousand) times|doubled|tripled|halved)"
    r"\s+(?:as|more|less|the|faster|slower|larger|smaller)\b.*\b(?:fast|slow|time|faster|slower|memory)\b"
)


@dataclass(frozen=True)
class Naked:
    """A sentence and the quantity in it that has no evidence."""

    line: int
    quantity: str
    sentence: str


def find(text: str, names: Iterable[str] = (), first_line: int = 1) -> list[Naked]:
    """The sentences (a line each) of a Markdown text that state a quantity and carry no mark.

    Code, formulas, headings, years, places in sources and names of things are no quantities; `names` are further
    names that have digits in them. A number of heads, layers, tokens or threads says what was set, not what was found.
    """
    evident = {mark.line for mark in marks(text)}
    known = re.compile("|".join([*map(re.escape, sorted(names, key=len, reverse=True)), *_NAMES]))
    found = []
    for number, line in enumerate(blank(text).split("\n"), 1):
        if number in evident or _HEADING.match(line) or line.lstrip().startswith(("???", "!!!", "|", "<")):
            continue
        plain = re.sub(r"\]\([^)]*\)", "]", line)  # a link's address
        stated = _QUANTITY.search(known.sub(" ", plain)) or _RATIOS.search(plain)
        if stated:
            found.append(Naked(first_line + number - 1, stated[0].strip(), text.split("\n")[number - 1].strip()))
    return found
