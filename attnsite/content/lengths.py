"""What a reader sees first: a title that a search shows whole, an answer that is read in a breath and has a number.

Search engines cut titles at about sixty characters; https://developers.google.com/search/docs/appearance/title-link
names no limit, menus and tabs have one.
"""

import re
from collections.abc import Iterator

from attnsite.content.questions import Number, Question, marks
from attnsite.records.mistakes import Mistake

TITLE, ANSWER = 60, 30  # characters; words, a number with its mark being one


def faults(question: Question) -> Iterator[Mistake]:
    """What is too long of a published question, and an answer without a number; a draft may be longer."""
    if question.draft:
        return
    lines = question.lines or {}
    if len(question.title) > TITLE:
        what = f"has a title of {len(question.title)} characters, and {TITLE} are shown whole"
        yield Mistake(question.path, lines.get("title", 1), what, "write a shorter one, and the long one as question:")
    if (count := words(question.answer)) > ANSWER:
        what = f"has an answer of {count} words, and {ANSWER} are read at once"
        yield Mistake(question.path, lines.get("answer", 1), what, "say what settles it, and the rest in the text")
    if not any(isinstance(mark, Number) for mark in marks(question.answer)):
        what, remedy = "has an answer without a number", "give the one that settles it: [=figure.value machine]"
        yield Mistake(question.path, lines.get("answer", 1), what, remedy)


def words(text: str) -> int:
    """The words of a text as it is shown: a number mark is one, a citation none, a link its text."""
    for mark in reversed(marks(text)):
        shown = " 0" if isinstance(mark, Number) else ""
        text = text[: mark.start].rstrip() + shown + text[mark.end :]
    return sum(any(map(str.isalnum, word)) for word in re.sub(r"\]\([^)]*\)", "]", text).split())
