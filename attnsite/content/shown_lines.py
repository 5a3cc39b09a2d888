"""The lines of a page as a reader of numbers takes them: a table by its rows, marks and code as signs."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from selectolax.lexbor import LexborNode

from attnsite.content import backing, number_words
from attnsite.content.parsed_html import steps

# Elements that are no lines of their own: a sentence goes on in them.
_WITHIN = {"a", "abbr", "b", "bdi", "cite", "data", "del", "dfn", "em", "i", "img", "ins", "kbd", "mark", "q", "s",
           "samp", "small", "span", "strong", "sub", "sup", "time", "u", "var", "wbr", "code", "math"}  # fmt: skip
OPENS, CLOSES = "\ue0c3", "\ue0c4"  # around a number that is code or a formula by itself
_SIGNS = re.compile(f"[{backing.CITED}{backing.MEASURED}{OPENS}{CLOSES}]")
_ONLY_NUMBER = re.compile(r"[~≈<>+−×-]?\s*\d[\d.,]*\s*(?:%|×|x|[A-Za-zµμ]{1,8}(?:/s)?)?")
HELD = re.compile(f"{OPENS}[^{CLOSES}]*{CLOSES}")
HELD_SIGNS = re.compile(f"[{OPENS}{CLOSES}]")
PERMALINK = "¶"  # what a heading's link to itself shows
_SILENT = {"code", "pre", "math", "script", "style", "title"}  # code and formulas state nothing


@dataclass
class Line:
    """A line of text as it is read, and the number marks that stand in it, as they are written."""

    text: str = ""
    exercise: bool = False
    marks: list[str] = field(default_factory=list)


def read(html: str) -> Iterator[Line]:
    """What a text says, a line for each that was written; titles, labels and what stands for a picture are said too."""
    line, silent, table = Line(), 0, _Table()
    for kind, node in steps(html):
        name = node.tag or ""
        if name in _SILENT or _permalink(node):
            silent += 1 if kind == "open" else -1
            line.text += _held(node) if kind == "open" and name in ("code", "math") else ""
            yield from _apart(kind, node)
        elif silent:
            yield from _apart(kind, node)
        elif kind == "text":
            first, *more = _SIGNS.sub("", node.text_content or "").split("\n")
            line.text += first
            for text in more:
                if table.inside:
                    line.text += f" {text}"
                else:
                    yield line
                    line = Line(text)
        else:
            if name == "br":
                line.text += " "
            elif name not in _WITHIN:
                if table.inside:
                    table.step(kind, name, line)
                    yield from table.rows(kind, name)
                else:
                    yield line
                    table.inside = kind == "open" and name == "table"
                line = Line(exercise=kind == "open" and _exercise(node))
            if kind == "open":
                line.text += _numbered(node) if name == "li" else ""
                if name == "data":
                    line.text += _mark(node, line.marks)
                line.text += _beside(node)
    yield line


def _held(node: LexborNode) -> str:
    """What stands in a line for code or a formula: a number by itself between two signs, a letter for all else.

    What a formula works out has its unit in it."""
    told = number_words.in_figures(_SIGNS.sub("", node.text() or "")).strip()
    if number_words.NUMBER.fullmatch(told):
        return f" {told} "
    if not _ONLY_NUMBER.fullmatch(told):
        return " x "
    return f" {OPENS}{told.strip('%×x ') if node.tag == 'math' else told}{CLOSES} "


def _mark(node: LexborNode, marks: list[str]) -> str:
    """The sign that a mark leaves in a line; a number's own text goes among the `marks` of its line."""
    written = node.attributes.get("value") or ""
    if written.startswith("[="):
        marks.append(written)
        return backing.MEASURED
    return backing.CITED if written.startswith("[@") else ""


def _numbered(node: LexborNode) -> str:
    """The number that an item of a list shows, where the list says from which on it counts."""
    start = (node.parent.attributes.get("start") or "") if node.parent and node.parent.tag == "ol" else ""
    if not node.parent or not re.fullmatch(r"\d{1,9}", start):
        return ""
    items = [each.mem_id for each in node.parent.iter() if each.tag == "li"]
    return f"{int(start) + items.index(node.mem_id)}. "


def _permalink(node: LexborNode) -> bool:
    """Whether it is a heading's link to itself, and shows nothing else."""
    return node.tag == "a" and (node.text() or "").strip() == PERMALINK and node.css_first("img") is None


def _exercise(node: LexborNode) -> bool:
    """Whether it is the title of an exercise: a folded block that asks, and no other folded block."""
    classes = (node.parent.attributes.get("class") or "").split() if node.parent else []
    return node.tag == "summary" and "question" in classes


def _apart(kind: str, node: LexborNode) -> Iterator[Line]:
    """What an element says that is not read as a part of the sentence: a line of its own."""
    if kind == "open" and (told := _beside(node).strip()):
        yield Line(told)


def _beside(node: LexborNode) -> str:
    """What an element says beside its text."""
    said = (node.attributes.get(name) for name in ("title", "alt", "aria-label"))
    return "".join(f" {told} " for told in said if told)


@dataclass
class _Table:
    """A table as it is read: the cells of the row at hand, and the columns whose heads carry a mark."""

    inside: bool = False

    def __post_init__(self) -> None:
        self.cells: list[tuple[str, Line]] = []
        self.evident: set[int] = set()

    def step(self, kind: str, name: str, line: Line) -> None:
        """An element begins or ends, and before it stood a line."""
        if name in ("td", "th") and kind == "open":
            self.cells.append((name, Line()))
        elif self.cells:
            cell = self.cells[-1][1]
            cell.text, cell.marks = f"{cell.text} {line.text}".strip(), [*cell.marks, *line.marks]

    def rows(self, kind: str, name: str) -> Iterator[Line]:
        if kind == "close" and name == "tr":
            if all(each == "th" for each, _ in self.cells):
                self.evident = {at for at, (_, cell) in enumerate(self.cells) if backing.CITED in cell.text}
            shown = [cell for at, (_, cell) in enumerate(self.cells) if at not in self.evident]
            yield Line(" | ".join(cell.text for cell in shown), marks=[mark for cell in shown for mark in cell.marks])
            self.cells = []
        elif kind == "close" and name == "table":
            self.__init__()  # type: ignore[misc]
