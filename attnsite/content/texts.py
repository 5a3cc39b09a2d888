"""Every text of a checkout that anybody may write, put together as it stands on a page, with its lines in its file."""

import ast
import re
from collections.abc import Iterator
from html import escape
from pathlib import Path

from attnsite.content.judging import Text
from attnsite.content.questions import Front, Question, Theme, scalars
from attnsite.records import registry

_CELL = re.compile(r"#\s*%%(.*)")
_OTHER_CELL = re.compile(r"#\s*(?:region|endregion|[+-])(?:\s|$)")  # of jupytext's other ways to write a notebook


def of_question(question: Question) -> Text:
    """Title, answer, body and claims: what refers to what does so across them. A draft's numbers may wait."""
    lines = question.lines or {}
    text = Text(numbers=not question.draft, template=True)
    text.add(f"# {typed(question.title)}", lines.get("title", 1), spread=False)
    if question.question:
        text.add(typed(question.question), lines.get("question", 1), spread=False)
    text.add(question.answer, lines.get("answer", 1), spread=False)
    text.add(question.body, question.body_line)
    for claim in question.claims:
        text.add(f"- {claim.source}", claim.line, spread=False)
    return text


def shown_alone(question: Question) -> Iterator[Text]:
    """What other pages show of a question by itself: its item in a list, its answer, each claim. And its body, behind
    which its own page has what the template says."""
    lines, numbers = question.lines or {}, not question.draft
    start = lines.get("answer", 1)
    yield Text(numbers=numbers, template=True).add(question.body, question.body_line)
    item = Text(numbers=numbers, alone=False)
    item.lines += [f"- [{typed(question.title)}](x.md)", f"  {first_sentence(question.answer)}"]
    item.places += [lines.get("title", 1), start]
    yield item
    yield Text(numbers=numbers, alone=False).add(question.answer, start, spread=False)
    for claim in question.claims:
        yield Text(numbers=numbers, alone=False).add(f"- {claim.source}", claim.line, spread=False)


def typed(text: str) -> str:
    """Plain text as Markdown that shows it as it was typed, also inside a link; `code` stays code."""
    return re.sub(r"([\\[\]])", r"\\\1", escape(text, quote=False))


def first_sentence(answer: str) -> str:
    """An answer up to its first full stop that ends a sentence."""
    start, stop, _ = answer.partition(". ")
    return start + "." if stop else answer


def of_theme(theme: Theme, source: str) -> Text:
    lines = source.split("\n")
    at = next((n for n, line in enumerate(lines, 1) if line.startswith("summary:")), 1)
    title = next((n for n, line in enumerate(lines, 1) if line.startswith("title:")), 1)
    return Text(alone=False).add(typed(theme.title), title, spread=False).add(theme.summary, at, spread=False)


def of_page(source: str, path: Path) -> Text:
    """A page that is written by hand: its raw HTML may dress it."""
    return Text(plain=False).add(*behind_front(source, path))


def behind_front(source: str, path: Path) -> tuple[str, int]:
    """What stands behind the front matter, and its first line; the whole where there is none, or none that ends."""
    lines = source.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    end = next((n for n, line in enumerate(lines) if n and line.rstrip() in ("---", "...")), None)
    if lines[0].rstrip("\r").lstrip("\ufeff").rstrip() != "---" or end is None:
        return "\n".join(lines), 1
    return "\n".join(lines[end + 1 :]), end + 2


def in_front(front: Front) -> Iterator[tuple[str, str, int]]:
    """The texts of a page's front matter by name, with their lines: the theme puts them into pages as they stand."""
    for name, node in front.keys.items():
        for scalar in scalars(node):
            yield name, str(scalar.value), front.lines[name]


def of_kernels() -> Iterator[tuple[Path, Text]]:
    """The docstrings of kernels and peers, which are their pages. Their numbers are of their code."""
    for room in ("kernels", "peers"):
        for name in registry.names(room):
            path = registry.path_of(room, name)
            docstring = re.match(r'\s*r?"""(.*?)"""', path.read_text(encoding="utf-8"), re.DOTALL)
            if docstring:
                yield path.relative_to(registry.ROOT.parent), Text(numbers=False).add(docstring[1], 1)


def odd_cells(source: str) -> Iterator[tuple[int, str]]:
    """Cells of a notebook that are neither code nor Markdown in comments: line and what it is."""
    markdown = False
    if source.lstrip().startswith("# ---"):
        yield 1, "begins with a header"
    for number, line in enumerate(source.split("\n"), 1):
        if cell := _CELL.match(line):
            told = cell[1].strip()
            markdown = told == "[markdown]" and line.startswith("# %%")
            if told not in ("", "[markdown]") or not line.startswith("# %%"):
                yield number, f"the cell begins with {line[:40]!r}"
        elif _OTHER_CELL.match(line):
            yield number, f"{line[:40]!r} begins a cell of another kind"
        elif markdown and line.strip() and not line.startswith("#"):
            yield number, "the cell's text stands in no comments"
        elif line.startswith("#") and re.match(r"#\s{4,}.*<", line):
            yield number, "an indented line holds a <"
    try:
        ast.parse(source)
    except (SyntaxError, ValueError) as error:
        yield getattr(error, "lineno", None) or 1, "is no Python"
    except (RecursionError, MemoryError):  # which its parser raises of what is nested, however short
        yield 1, "has code that is nested too deep to be read"


def of_notebook(source: str) -> Text:
    """The Markdown of a notebook's cells. Its numbers are its own: the cells beside them work them out."""
    text, markdown = Text(numbers=False), False
    for number, line in enumerate(source.split("\n"), 1):
        if cell := _CELL.match(line):
            markdown = "[markdown]" in cell[1]
            text.add("", number)
        elif markdown and line.startswith("#"):
            text.lines.append(line[1:].removeprefix(" "))
            text.places.append(number)
    return text if text.lines else text.add("", 1)
