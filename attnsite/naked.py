"""Naked numbers: sentences of a text that state a quantity without evidence, read from what a page shows of them."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from selectolax.lexbor import LexborNode

from attnsite.parsed_html import steps

_STATES = (  # behind a number, it makes a quantity of it
    r"(?![\d.]*\d)(?![\s-]*(?:[%×]|(?:x|times|fold|percent|faster|slower|better|worse|larger|smaller|days|hours|minutes|seconds"
    r"|nanoseconds|bytes|[KMGTP]?i?B|[kMG]?Hz|[KMGTP]?FLOPs?|tokens|ms|µs|ns)\b))"
)
# Numbers that are names, places or dates, not quantities. Order matters: longer names first.
_NAMES = [
    r"(?:Sections?|§+|Tables?|Figures?|Fig\.|Eqs?\.|Equations?|Chapters?|Appendix|[Vv]ersions?|rows?|steps?|Problem)\s*"
    r"[A-Z]?\d+(?:\.\d+)*(?:\([A-Za-z]\))?" + _STATES,
    r"\b(?:18|19|20)\d\d\b" + _STATES,  # years
    r"\b\d+(?:st|nd|rd|th)\b(?!\s+of\b)",  # ordinals
    r"\b\d+-(?:bit|layer|head|wide)\b|\b\d{1,2}-way\b|\b(?:8|16|32|64) bits\b",  # kinds: 16-bit, 384-layer
    r"\b\d+·[A-Za-z]\w*",  # terms of formulas: 6·N
    r"\b(?:width|widths|head|heads of|layer|batch|block|blocks of)\s+\d+\b(?=\s|[.,;:]|$)"
    + _STATES,  # what was set, not found
    r"\b\d+(?:,\d{3})*\s+(?:(?:query|key-value|KV|attention|single|full)\s+)?"
    r"(?:heads?|layers?|tokens?|threads?|cores?|groups?|bytes an element)\b"
    r"(?!\s*(?:/|a\b|per\b|each\b|every\b|in one\b|in a\b)\s*(?:[mµn]?s\b|second|minute|hour))",  # likewise
    r"\bone head to \d+\b" + _STATES + r"|\bfrom \d+ heads? to \d+\b|\bwith \d+\b(?=[.,;]|\s+than|\s+with|\s+heads)",
    r"\b(?![xX](?!86(?:\b|_))\d)[A-Za-z_]*[A-Za-z][-.]?\d+(?:\.\d+)*[A-Za-z]*(?:-[A-Za-z0-9.]+)*\b"
    r"(?:\s+\d+(?:\.\d+)?[BMT]\b)?" + _STATES,  # GPT-3 175B, x86
    r"\bO\((?![^)]*\b(?:times|faster|slower|percent)\b)[^)]*\)",
    r"^\s*\d+[.)]\s",  # a number that a heading begins with
]
_QUANTITY = re.compile(r"(?<![\w.])(?:[xX](?!86))?\.?\d[\d.,]*\s*(?:%|×|[A-Za-zµ/]+)?")
_RATIOS = re.compile(
    r"\b(?:twice|thrice|(?:two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|(?:twen|thir|for|fif|six|seven|eigh|"
    r"nine)ty|(?:a |one )?(?:dozen|hundred|thousand)|(?:dozens|hundreds|thousands) of)[- ](?:times|fold)"
    r"|doubled|tripled|quadrupled|halved)"
    r"\s+(?:(?:faster|slower|larger|smaller)\b|(?:as|more|less|the)\b.{0,400}\b(?:fast|slow|time|faster|slower|memory)\b)",
    re.IGNORECASE,
)
# Elements that are no lines of their own: a sentence goes on in them.
_WITHIN = {"a", "abbr", "b", "bdi", "cite", "data", "del", "dfn", "em", "i", "img", "ins", "kbd", "mark", "q", "s",
           "samp", "small", "span", "strong", "sub", "sup", "time", "u", "var", "wbr", "code", "math"}  # fmt: skip
PERMALINK = "¶"  # what a heading's link to itself shows
_SILENT = {"code", "pre", "math", "script", "style", "title"}  # code and formulas state nothing


@dataclass(frozen=True)
class Naked:
    """A sentence and the quantity in it that has no evidence."""

    quantity: str
    sentence: str


@dataclass
class _Line:
    """A line of text as it is read, and whether a mark stands in it."""

    text: str = ""
    evident: bool = False
    exercise: bool = False

    def asks(self) -> bool:
        text = self.text.rstrip()
        return text.endswith("?") and (self.exercise or not re.search(r"[.!:;]\s", text))


def find(html: str, names: Iterable[str] = ()) -> list[Naked]:
    """The sentences (a line each) of a rendered text that state a quantity and carry no mark, in order.

    Code, formulas, years, places in sources and names of things are no quantities; `names` are further names that have
    digits in them. A number of heads, layers, tokens or threads says what was set, not what was found. What is asked
    states nothing: a line of questions alone, and what the title of an exercise sets before it asks. The cells of a
    row are one sentence, and a mark in the head of a column is evidence for all of it.
    """
    own = [rf"(?<![\w.]){re.escape(name)}(?!\w)" for name in sorted(names, key=len, reverse=True)]
    known = re.compile("|".join([*own, *_NAMES]))
    found = []
    for line in _lines(html):
        if line.evident or line.asks():
            continue
        stated = _QUANTITY.search(known.sub(" ", line.text)) or _RATIOS.search(line.text)
        if stated:
            found.append(Naked(stated[0].strip(), " ".join(line.text.split())))
    return found


def _lines(html: str) -> Iterator[_Line]:
    """What a text says, a line for each that was written; titles, labels and what stands for a picture are said too."""
    line, silent, table = _Line(), 0, _Table()
    for kind, node in steps(html):
        name = node.tag or ""
        if name in _SILENT or (name == "a" and (node.text() or "").strip() == PERMALINK):
            silent += 1 if kind == "open" else -1
            line.text += " x " if kind == "open" and name in ("code", "math") else ""
        elif silent:
            continue
        elif kind == "text":
            first, *more = (node.text_content or "").split("\n")
            line.text += first
            for text in more:
                if table.inside:
                    line.text += f" {text}"
                else:
                    yield line
                    line = _Line(text)
        else:
            if name not in _WITHIN:
                if table.inside:
                    table.step(kind, name, line)
                    yield from table.rows(kind, name)
                else:
                    yield line
                    table.inside = kind == "open" and name == "table"
                line = _Line(exercise=name == "summary")
            if kind == "open":
                line.evident |= name == "data"
                line.text += "".join(f" {told} " for told in _told(node))
    yield line


def _told(node: LexborNode) -> list[str]:
    """What an element says beside its text."""
    return [node.attributes.get(name) or "" for name in ("title", "alt", "aria-label") if node.attributes.get(name)]


@dataclass
class _Table:
    """A table as it is read: the cells of the row at hand, and the columns whose heads carry a mark."""

    inside: bool = False

    def __post_init__(self) -> None:
        self.cells: list[tuple[str, _Line]] = []
        self.evident: set[int] = set()

    def step(self, kind: str, name: str, line: _Line) -> None:
        """An element begins or ends, and before it stood a line."""
        if name in ("td", "th") and kind == "open":
            self.cells.append((name, _Line()))
        elif self.cells:
            cell = self.cells[-1][1]
            cell.text, cell.evident = f"{cell.text} {line.text}".strip(), cell.evident or line.evident

    def rows(self, kind: str, name: str) -> Iterator[_Line]:
        if kind == "close" and name == "tr":
            if all(each == "th" for each, _ in self.cells):
                self.evident = {at for at, (_, cell) in enumerate(self.cells) if cell.evident}
            shown = [cell.text for at, (_, cell) in enumerate(self.cells) if at not in self.evident]
            yield _Line(" | ".join(shown), any(cell.evident for _, cell in self.cells))
            self.cells = []
        elif kind == "close" and name == "table":
            self.__init__()  # type: ignore[misc]
