"""How much a text may hold of what Markdown, or a reader of it, takes the square of, seen before anything reads it.

A page's paragraphs have some dozens of brackets, and lists within lists of lists: each limit is far above that.
"""

import re
from collections.abc import Iterable, Iterator, Sequence

CROWDS: dict[str, tuple[str, int]] = {  # in one paragraph
    "“[” and “<”": ("[<", 500),
    "“`”": ("`", 300),
    "“*” and “_”": ("*_", 1000),
    "“$”": ("$", 300),
    "“{” and “(”": ("{(", 1000),
}
PARAGRAPH = 20_480  # letters
WORD = 2_000  # letters without a space
COMMENTS = 100  # of a text
INDENT, DEEP = 80, 12  # columns before a line, and signs of lists and quotations that it begins with
NESTED = 20  # braces in one another
REMEDY = "write shorter paragraphs"
_BEGINS = re.compile(r"[ \t]*(?:(?:[-*+>:]|\d{1,9}[.)])(?:[ \t]+|$|(?=[-*+>:])))*")
_SIGN = re.compile(r"[-*+>:]|\d{1,9}[.)]")


def faults(lines: Sequence[str]) -> Iterator[tuple[int, str, str]]:
    """What is too much in a text: the number of the line from 0, what it is, and what to do."""
    yield from _crowds(lines)
    yield from _depths(lines)
    begun = [number for number, line in enumerate(lines) for _ in range(line.count("<!--"))]
    if len(begun) > COMMENTS:
        yield begun[COMMENTS], f"holds {len(begun)} “<!--”, of at most {COMMENTS} in a text", "leave comments out"


def of_text(text: str) -> list[tuple[int, str, str]]:
    """The same of a text as it stands in a file, with lines from 1."""
    return [(number + 1, what, remedy) for number, what, remedy in faults(re.split(r"\r\n|\r|\n", text))]


def _crowds(lines: Sequence[str]) -> Iterator[tuple[int, str, str]]:
    held: list[str] = []
    first = 0
    for at, line in enumerate([*lines, ""]):
        if line.strip():
            held.append(line)
            continue
        for what in _too_much("\n".join(held)):
            yield first, what, REMEDY
        held, first = [], at + 1


def _too_much(paragraph: str) -> Iterable[str]:
    for shown, (signs, most) in CROWDS.items():
        if (count := sum(map(paragraph.count, signs))) > most:
            yield f"has {count} {shown} in a paragraph, of at most {most}"
    if len(paragraph) > PARAGRAPH:
        yield f"has {len(paragraph)} letters in a paragraph, of at most {PARAGRAPH}"
    elif (longest := max(map(len, paragraph.split()), default=0)) > WORD:
        yield f"has a word of {longest} letters, of at most {WORD}"
    if (deep := _braces(paragraph)) > NESTED:
        yield f"has {deep} braces in one another, of at most {NESTED}"


def _braces(paragraph: str) -> int:
    deep = most = 0
    for sign in re.findall(r"[{}]", paragraph):
        deep = max(0, deep + (1 if sign == "{" else -1))
        most = max(most, deep)
    return most


def _depths(lines: Sequence[str]) -> Iterator[tuple[int, str, str]]:
    """Lists in lists, and quotations in quotations, which are read by a call within a call."""
    for at, line in enumerate(lines):
        indent = len(line[:4000].expandtabs(4)) - len(line[:4000].expandtabs(4).lstrip())
        signs = len(_SIGN.findall(_BEGINS.match(line[:4000])[0])) if line.strip(" -*_\t") else 0  # type: ignore[index]
        if line.strip() and indent > INDENT:
            yield at, f"begins in column {indent + 1}, of at most {INDENT + 1}", "write flatter lists"
        elif signs > DEEP:
            yield at, f"begins with {signs} signs of lists and quotations, of at most {DEEP}", "write flatter lists"
