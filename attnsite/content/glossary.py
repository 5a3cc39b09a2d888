"""The glossary: a Markdown page whose third-level headings are terms, each with a paragraph that says what it means.

A line `*Also: …*` holds other words for the same. A heading that ends in `{ .unlinked }` is a word too common to be
linked wherever it is used.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from attnsite.content.reading import Reading
from attnsite.records import ordinary
from attnsite.records.mistakes import Mistake

FILE = Path("docs/glossary.md")
_TERM = re.compile(r"^### +(.+?) *#*$", re.MULTILINE)
_UNLINKED = re.compile(r"\s*\{ *\.unlinked *\}$")
_ALSO = re.compile(r"^\*Also: (.+?)\.?\*$", re.MULTILINE)


_COMMON = (
    "(?:an?|the|and|or|not|is|are|was|be|it|its|as|at|by|for|from|in|of|on|to|up|with|that|this|these|those|than|then|so|if"
    "|we|you|they|one|two|more|most|less|all|each|every|any|no|has|have|had|do|does|can|may|will|what|which|when|how|why)"
)


@dataclass(frozen=True)
class Term:
    """A term, what else it is called, its definition's first sentence as plain text, and its anchor on the page."""

    name: str
    others: tuple[str, ...]
    meaning: str
    anchor: str
    linked: bool = True


def read(root: Path, reading: Reading | None = None) -> list[Term]:
    """The terms of a checkout in the order of the page; none where there is no glossary."""
    path = root / FILE
    return parse((reading or Reading()).text(path)) if path.is_file() and ordinary.is_one(root, path) else []


def parse(text: str) -> list[Term]:
    """The terms of a page."""
    pieces = _TERM.split(text)[1:]
    found = []
    for heading, body in zip(pieces[::2], pieces[1::2], strict=True):
        name = _UNLINKED.sub("", heading)
        also = _ALSO.search(body)
        others = tuple(part.strip() for part in also[1].split(",")) if also else ()
        paragraphs = [part.strip() for part in _ALSO.sub("", body).split("\n\n") if part.strip()]
        lines = paragraphs[0].split("\n") if paragraphs else [""]
        found.append(Term(name, others, plain(lines[0]), anchor(name), name == heading))
    return found


def faults(text: str) -> Iterator[Mistake]:
    """Terms that stand twice or mean nothing, and words of every sentence, each of which would be linked everywhere."""
    seen: dict[str, str] = {}
    for term in parse(text):
        at = text[: text.find(f"### {term.name}")].count("\n") + 1
        if not term.meaning:
            yield Mistake(FILE, at, f"{term.name[:40]} has no meaning", "say what it is in a paragraph")
        for word in (term.name, *term.others):
            common = re.fullmatch(r"[\W\d_]*|\w|" + _COMMON, word, re.IGNORECASE)
            if common and (term.linked or word != term.name):
                yield Mistake(FILE, at, f"{word[:40]!r} is a word of any sentence", "end the heading in { .unlinked }")
            if seen.setdefault(word.casefold(), term.name) != term.name or (word, term.name) in _twice(term):
                yield Mistake(FILE, at, f"{word[:40]!r} stands twice", "keep one of them")


def _twice(term: Term) -> set[tuple[str, str]]:
    words = [word.casefold() for word in (term.name, *term.others)]
    return {(word, term.name) for word in (term.name, *term.others) if words.count(word.casefold()) > 1}


def anchor(name: str) -> str:
    """The anchor that the heading gets, as Python-Markdown makes it."""
    kept = re.sub(r"[^\w\s-]", "", name.lower())
    return re.sub(r"[-\s]+", "-", kept).strip("-")


def plain(text: str) -> str:
    """A sentence without links, marks and emphasis, for a card."""
    text = re.sub(r"\s*\[[@=][^\]]*\]", "", text)
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text)
    return re.sub(r"[`*$]", "", text).strip()
