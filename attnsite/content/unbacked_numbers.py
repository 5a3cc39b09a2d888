"""Naked numbers: sentences of a text that state a quantity without evidence, read from what a page shows of them."""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from selectolax.lexbor import LexborNode

from attnsite.content.parsed_html import steps

# A number is harmless where its surroundings say that it is a name, a place, a day or what was set. Any other is a
# quantity, whatever unit stands behind it, so the lists below are of words of the language and of no units.
_COMPARES = (  # behind a number, it makes a finding of it
    r"(?!\s*(?:[%×/]|[-·\s]*(?:x|times|fold|percent)\b"
    r"|(?:more|less|better|worse|fewer|the (?:speed|time|memory|cost))\b"
    r"|as (?:fast|slow|much|many|long|large|small)\b"
    r"|(?!(?:after|number|other|over|under|either|whether|together|rather|never|however|later|layer|per|per|paper"
    r"|for|or|nor|their|her|our|your|four)\b)[a-z]+er\b))"
)
_GOES_ON = (  # behind a number, the sentence ends or goes on without saying what there are so many of
    r"(?=\s*(?:$|[.,;:!?](?!\d)|[)\]”’\"]|[–—]|\s(?:a|all|also|an|and|are|as|at|became|before|but|by|can|do|does|each"
    r"|every|for|from|gives?|had|has|have|here|holds?|how|if|in|into|is|it|its|may|must|no|nobody|not|of|on|one|or|says?"
    r"|shows?|so|that|the|their|them|then|there|these|they|this|those|to|was|we|were|what|when|where|which|while|who|will"
    r"|with|without|would|you)\b))"
)
_NUMBER = r"\d{1,3}(?:[, ]\d{3})+|\d{1,7}"
_SET = (  # before a number, it says that so many are given
    r"(?:\b(?i:a|all|an|and|any|as|at|each|every|first|for|from|has|have|in|into|its|keep|keeps|last|of|on|only|or|other|over"
    r"|some|than|the|their|these|this|those|to|up to|with|without|full|same)\s+|^\s*(?:[-–—(“\"]\s*)?|[(“\"|]\s*)"
)
_PARTS = (  # of models and their inputs, of which there are as many as somebody chose
    r"(?:(?:full|hidden|key-value|KV|query|attention|single|windowed|draft|new|more|such)\s+){0,2}"
    r"(?:heads?|layers?|tokens?|threads?|cores?|groups?|blocks?|columns?|rows?|queries|keys|experts)\b"
)
_DAY = r"(?i:before|after|since|until|during|in|from|years?|early|late|mid-?|and|source of)"
_MONTH = r"(?:January|February|March|April|May|June|July|August|September|October|November|December)"
_HARMLESS = [  # order matters: longer ones first
    r"https?://[^\s<>]*",
    r"\b(?:Sections?|§+|Tables?|Figures?|Fig\.|Eqs?\.|Equations?|Chapters?|Appendix|Problem|[Vv]ersions?|rows?|steps?)\s*"
    r"[A-Z]?\d{1,3}(?:\.\d{1,3})*(?:\([A-Za-z]\))?(?:(?:,| and|–|-)\s*\d{1,3}(?:\.\d{1,3})*)*\b" + _GOES_ON,
    rf"\b(?:\d{{1,2}}\s+)?{_MONTH}(?:\s+\d{{1,2}},)?\s+(?:19|20)\d\d\b" + _GOES_ON,
    r"\((?:(?:[A-Z][\w-]*|et al\.|and|&),?\s+)*(?:[A-Z][\w-]*|et al\.),?\s+(?:19|20)\d\d[a-z]?\)",
    rf"(?<!\w)(?<!factor ){_DAY}\s+(?:19[5-9]|20[0-4])\d\b(?:\s*(?:,|and|to|–|-)\s*(?:19[5-9]|20[0-4])\d\b)*"
    + _GOES_ON,
    r"(?<=[Tt]he )\d{1,3}(?:st|nd|rd|th)\b(?!\s+(?:of|the|a|an|part)\b)" + _COMPARES,
    r"\b(?:1|2|4|8|16|32|64|128)(?:-bit\b|\s+bits\b)" + _COMPARES,
    r"\b\d{1,4}-(?:layer|head|wide)\b" + _COMPARES,
    r"\b(?i:widths?|heads of|blocks of|(?<=[Tt]he )(?:head|layer|block|batch)|batch(?:es)? of)\s+"
    r"\d{1,5}\b(?:(?:,| and| or)\s+\d{1,5}\b)*" + _GOES_ON,
    r"\b\d{1,5} wide\b" + _GOES_ON,
    rf"(?:{_SET})(?:{_NUMBER})\s+{_PARTS}" + _COMPARES,
    r"\b(?:one head to|from \d{1,4} heads? to|[Uu]p to) \d{1,4}(?: heads)?\b" + _GOES_ON,
    r"\b\d{1,2}(?:·(?:[A-Z]|[A-Za-z]+_[A-Za-z]+)(?![A-Za-z]))+",  # terms of formulas: 6·N
    r"\bO\((?:(?!\d\d|times\b|percent\b|[%×])[^()\n]){1,60}\)",
    # formats of numbers, instruction sets, models and machines
    r"\b(?:b?float|u?int|fp|bf|tf|[fi])\d{1,3}\b" + _COMPARES,
    r"\bx86(?:_64)?(?![\w.]*\d)" + _COMPARES,
    r"\b[a-z]{2,6}_\d{1,3}\b" + _COMPARES,
    r"\bv\d{1,2}(?:\.\d{1,3}){1,2}\b" + _COMPARES,
    r"\b(?!X)(?:[A-Z]{1,5}|[A-Z][A-Za-z]{2,20}-)-?\d{1,4}(?:\.\d{1,2})?[A-Za-z]{0,2}(?:-[A-Z]\w*)?\b(?:\s+\d{1,4}(?:\.\d{1,2})?[BMT]\b)?"
    + _COMPARES,  # GPT-3 175B, H200, FlashAttention-2
    r"^\s*\d{1,2}[.)]\s",  # a number that a heading begins with
]
_KNOWN = re.compile("|".join(_HARMLESS))
_RATE = re.compile(  # of parts in a time: found, not set
    r"/\s*[mμn]?s\b|\b(?:milli|micro|nano)?seconds?\b|\b(?:minutes?|hours?|days?)\b", re.IGNORECASE
)
_COUNTED = re.compile(rf"(?:{_NUMBER})\s+{_PARTS}")
_QUANTITY = re.compile(r"\.?\d[\d.,]*\s*(?:%|×|[A-Za-zμ/]+)?")
_RATIOS = re.compile(
    r"\b(?:twice|thrice|(?:two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|(?:twen|thir|for|fif|six|seven|eigh|"
    r"nine)ty|(?:a |one )?(?:dozen|hundred|thousand)|(?:dozens|hundreds|thousands) of)[- ]?(?:times|fold)"
    r"|doubled|tripled|quadrupled|halved)"
    r"\s+(?:(?:faster|slower|larger|smaller)\b|(?:as|more|less|the)\b.{0,400}\b(?:fast|slow|time|faster|slower|memory)\b)",
    re.IGNORECASE,
)
_ASKS = re.compile(
    r"(?:(?:And|But|Or|So|Then|If|From|With|At|By|In|On|For|To|Of)\b.*\b)?(?:Is|Are|Was|Were|Do|Does|Did|Can|Could|Should"
    r"|Would|Will|May|Must|Has|Have|Had|How|What|Which|Why|When|Where|Who|Whose)\b",
    re.IGNORECASE,
)
_FINDS = re.compile(r"\d.*\b(?:faster|slower|quicker)\b|\b(?:faster|slower|quicker)\b.*\d")
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
        """Whether nothing is stated: a question that begins as one, and what an exercise gives before it asks."""
        text = self.text.strip()
        if not text.endswith("?"):
            return False
        *given, _ = re.split(r"(?<=[.!:;])\s+", text)
        if self.exercise:
            return not any(_FINDS.search(each) for each in given if not each.endswith("?"))
        return not given and bool(_ASKS.match(text))


def find(html: str, names: Iterable[str] = ()) -> list[Naked]:
    """The sentences (a line each) of a rendered text that state a quantity and carry no mark, in order.

    Code, formulas, years, places in sources and names of things are no quantities; `names` are further names that have
    digits in them. A number of heads, layers, tokens or threads says what was set, not what was found, unless a time
    stands beside it. What is asked states nothing: a line that begins as a question, and what the title of an exercise
    sets before it asks. The cells of a row are one sentence, and a mark in the head of a column is evidence for all of
    it. Characters are read as what they look like: raised digits, wide ones and thin spaces too.
    """
    own = [rf"(?<![\w.]){re.escape(name)}(?!\w)" for name in sorted(names, key=len, reverse=True)]
    own_names = re.compile("|".join(own)) if own else None
    found = []
    for line in _lines(html):
        line.text = unicodedata.normalize("NFKC", line.text)
        if line.evident or line.asks():
            continue
        left = own_names.sub(" x ", line.text) if own_names else line.text
        rate = _RATE.search(left) and _COUNTED.search(left)
        if stated := rate or _QUANTITY.search(_KNOWN.sub(" ", left)) or _RATIOS.search(line.text):
            found.append(Naked(stated[0].strip(), " ".join(line.text.split())))
    return found


def _lines(html: str) -> Iterator[_Line]:
    """What a text says, a line for each that was written; titles, labels and what stands for a picture are said too."""
    line, silent, table = _Line(), 0, _Table()
    for kind, node in steps(html):
        name = node.tag or ""
        if name in _SILENT or _permalink(node):
            silent += 1 if kind == "open" else -1
            line.text += " x " if kind == "open" and name in ("code", "math") else ""
            yield from _apart(kind, node)
        elif silent:
            yield from _apart(kind, node)
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
                line = _Line(exercise=kind == "open" and _exercise(node))
            if kind == "open":
                line.evident |= name == "data"
                line.text += _beside(node)
    yield line


def _permalink(node: LexborNode) -> bool:
    """Whether it is a heading's link to itself, and shows nothing else."""
    return node.tag == "a" and (node.text() or "").strip() == PERMALINK and node.css_first("img") is None


def _exercise(node: LexborNode) -> bool:
    """Whether it is the title of an exercise: a folded block that asks, and no other folded block."""
    classes = (node.parent.attributes.get("class") or "").split() if node.parent else []
    return node.tag == "summary" and "question" in classes


def _apart(kind: str, node: LexborNode) -> Iterator[_Line]:
    """What an element says that is not read as a part of the sentence: a line of its own."""
    if kind == "open" and (told := _beside(node).strip()):
        yield _Line(told)


def _beside(node: LexborNode) -> str:
    """What an element says beside its text."""
    said = (node.attributes.get(name) for name in ("title", "alt", "aria-label"))
    return "".join(f" {told} " for told in said if told)


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
