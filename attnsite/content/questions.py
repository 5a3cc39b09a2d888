"""Questions and themes: Markdown files with front matter, read into records; every mistake carries its line."""

import datetime
import os
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from attnsite.content import limits
from attnsite.content.marks import Cite, Fence, Malformed, Mark, Number, Reference, blank, fences, malformed, marks
from attnsite.content.reading import Parsed, Reading
from attnsite.content.sources import Source, load_sources, read_sources
from attnsite.records import ordinary, signs
from attnsite.records.mistakes import Mistake, raise_all

__all__ = [
    "KINDS", "Cite", "Claim", "Fence", "Malformed", "Mark", "Number", "Problem", "Question", "Reference", "Source",
    "Theme", "blank", "fences", "load_questions", "load_sources", "load_themes", "malformed", "marks", "read_questions",
    "read_sources", "read_themes",
]  # fmt: skip

FOLDER = Path("docs/questions")
KINDS = ("derived", "counted", "measured", "modelled", "cited", "opinion")
SLUG = re.compile(r"[a-z][a-z0-9]*(?:[_-][a-z0-9]+)*")
ALIAS = 80  # characters
FIRST_DAY = "2025-01-01"  # before it, nobody asked anything here
# What an alias is not: markup, or a finding that a search would show.
MORE_THAN_WORDS = re.compile(r"[<>]|://|\d.*(?:\b(?:faster|slower|quicker|times|percent)\b|[%×])", re.IGNORECASE)
_PROBLEM = re.compile(r"\?\?\?\+? question \"(.*)\"\s*")


@dataclass(frozen=True)
class Claim:
    """One sentence that a question stands for. `text` is without its marks, `source` as it was written."""

    kind: str
    text: str
    marks: tuple[Mark, ...]
    line: int
    source: str


@dataclass(frozen=True)
class Problem:
    """A worked problem: a folded `??? question "…"` block. `body` is its answer, without the indentation."""

    title: str
    body: str
    line: int


@dataclass(frozen=True)
class Question:
    """One question. `path` is relative to the checkout; `body` is the Markdown behind the front matter.

    `title` is what menus, searches and the browser's tab show, `question` the same in full where that is longer.
    `lines` says where things stand in the file: `lines["title"]`, `lines["answer"]`, …; `body_line` is the file's line
    of the body's first line. A draft is not built.
    """

    path: Path
    theme: str
    slug: str
    title: str
    order: int
    answer: str
    claims: tuple[Claim, ...]
    body: str
    body_line: int
    related: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()  # what else people call what it is about: for search alone, shown nowhere
    draft: bool = False
    problems: tuple[Problem, ...] = ()
    asked: str = ""  # the day on which it was published, 2026-11-23
    question: str = ""  # in full, where the title is a short one
    lines: dict[str, int] | None = None


@dataclass(frozen=True)
class Theme:
    path: Path
    slug: str
    title: str
    order: int
    summary: str


@dataclass(frozen=True)
class Front:
    """A file's front matter as YAML nodes, and the text behind it."""

    keys: dict[str, yaml.Node]
    lines: dict[str, int]
    body: str
    body_line: int


def load_questions(root: Path, drafts: bool = False) -> list[Question]:
    """All questions by theme and order, drafts only when asked for. Raises every mistake of every question at once."""
    questions, mistakes = read_questions(root)
    raise_all(mistakes)
    return [question for question in questions if drafts or not question.draft]


def load_themes(root: Path) -> list[Theme]:
    """All themes in order. Raises every mistake of every theme at once."""
    themes, mistakes = read_themes(root)
    raise_all(mistakes)
    return themes


def read_questions(root: Path, reading: Reading | None = None) -> tuple[list[Question], list[Mistake]]:
    """The questions that could be read, drafts too, by theme and order; and the mistakes of all."""
    reading = reading or Reading()
    themes, _ = read_themes(root, reading)
    place = {theme.slug: number for number, theme in enumerate(themes)}
    paths = [path for path in ordinary.files(root, FOLDER, "*/*.md") if path.name != "index.md"]
    questions, mistakes = _read_each(root, paths, parse_question, reading)
    return sorted(questions, key=lambda q: (place.get(q.theme, len(place)), q.theme, q.order, q.slug)), mistakes


def read_themes(root: Path, reading: Reading | None = None) -> tuple[list[Theme], list[Mistake]]:
    """The themes that could be read, in order, and the mistakes of the others."""
    folders = sorted({path.parent for path in ordinary.files(root, FOLDER, "*/*.md")})
    themes, mistakes = _read_each(root, [folder / "index.md" for folder in folders], parse_theme, reading or Reading())
    return sorted(themes, key=lambda theme: (theme.order, theme.slug)), mistakes


def _read_each(
    root: Path, paths: list[Path], parse: Callable[[str, Path], Parsed], reading: Reading
) -> tuple[list[Any], list[Mistake]]:
    records, mistakes = [], []
    for path in paths:
        shown = path.relative_to(root)
        if os.path.lexists(path) and not ordinary.is_one(root, path):
            mistakes.append(ordinary.fault(root, path))
            continue
        try:
            record, wrong = reading.parsed(path, shown, parse)
        except OSError as error:
            remedy = "write it, with title, order and summary" if path.name == "index.md" else "restore it"
            record, wrong = None, [Mistake(shown, "", f"cannot be read ({error.strerror})", remedy)]
        except UnicodeDecodeError as error:
            record, wrong = None, [Mistake(shown, f"byte {error.start}", "is not UTF-8", "save it as UTF-8")]
        mistakes += wrong
        if record:
            records.append(record)
    return records, mistakes


def parse_question(text: str, path: Path) -> tuple[Question | None, list[Mistake]]:
    """Read a question; None when something that it needs is missing. Its theme is its folder, its slug its name."""
    if crowded := too_much(text, path):
        return None, crowded
    front, mistakes = split_front(text, path)
    if front is None:
        return None, mistakes
    found = _fields(front, path, mistakes, needed={"title": str, "order": int, "answer": str, "claims": list},
                    optional={"question": str, "related": list, "aliases": list, "draft": bool,
                              "asked": datetime.date})  # fmt: skip
    slug = path.stem
    if not SLUG.fullmatch(slug):
        mistakes.append(Mistake(path, "", f"its name {slug!r} cannot be an address", "use a–z, 0–9 and _"))
    claims = tuple(_claims(front.keys.get("claims"), path, mistakes))
    related = tuple(_words(front.keys.get("related"), path, mistakes))
    aliases = tuple(_aliases(front.keys.get("aliases"), path, mistakes))
    for spot in malformed(front.body):
        mistakes.append(Mistake(path, front.body_line + spot.line - 1, f"{spot.source} is not a mark", spot.why))
    for spot in malformed(found.get("answer", "")):
        mistakes.append(Mistake(path, front.lines["answer"], f"{spot.source} is not a mark", spot.why))
    if str(found.get("asked", FIRST_DAY)) < FIRST_DAY:
        what = f"was asked on {found['asked']}, before there was a site"
        mistakes.append(Mistake(path, front.lines["asked"], what, "write the day that the question was put"))
    if slug in related:
        mistakes.append(Mistake(path, front.lines["related"], "relates to itself", "take it out"))
    if not {"title", "order", "answer"} <= set(found):
        return None, mistakes
    return Question(
        path=path, theme=path.parent.name, slug=slug, title=found["title"], order=found["order"],
        answer=found["answer"], claims=claims, body=front.body, body_line=front.body_line, related=related,
        aliases=aliases, draft=found.get("draft", False), problems=tuple(problems(front.body, front.body_line)),
        asked=str(found.get("asked", "")), question=found.get("question", ""), lines=front.lines,
    ), mistakes  # fmt: skip


def parse_theme(text: str, path: Path) -> tuple[Theme | None, list[Mistake]]:
    """Read a theme's `index.md`; its slug is its folder."""
    if crowded := too_much(text, path):
        return None, crowded
    front, mistakes = split_front(text, path)
    if front is None:
        return None, mistakes
    found = _fields(front, path, mistakes, needed={"title": str, "order": int, "summary": str}, optional={})
    if front.body.strip():
        mistakes.append(Mistake(path, front.body_line, "has text behind its front matter", "write a question of it"))
    if len(found) < 3:
        return None, mistakes
    return Theme(path, path.parent.name, found["title"], found["order"], found["summary"]), mistakes


def too_much(text: str, path: Path) -> list[Mistake]:
    """What a file's text holds too much of for anything to read it."""
    return [Mistake(path, line, what, remedy) for line, what, remedy in limits.of_text(text)]


def split_front(text: str, path: Path) -> tuple[Front | None, list[Mistake]]:
    """Take the front matter off: the lines between a first `---` and the next."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    end = next((n for n, line in enumerate(lines) if n and line.rstrip() in ("---", "...")), None)
    if lines[0].rstrip() != "---" or end is None:
        return None, [Mistake(path, 1, "has no front matter", "begin with a line ---, the fields, and a line ---")]
    body = "\n".join(lines[end + 1 :])
    front = "\n".join(lines[1:end])
    try:
        for event in yaml.parse(front, yaml.SafeLoader):
            if getattr(event, "anchor", None):  # a few lines of these make a text of any length
                what = "its front matter names a value with & or *"
                return None, [Mistake(path, _line(event.start_mark), what, "write the value out, or put it in quotes")]
        node = yaml.compose(front, yaml.SafeLoader)
    except (
        yaml.YAMLError,
        ValueError,
        OverflowError,
        RecursionError,
    ) as error:  # the latter: no characters, deep lists
        mark = getattr(error, "problem_mark", None)
        what = f"its front matter is not YAML ({getattr(error, 'problem', None) or error})"
        where = _line(mark) if mark else 1
        return None, [Mistake(path, where, " ".join(what.split()), "put text that has a colon or brackets in quotes")]
    if hidden := [_hidden(scalar, path) for scalar in scalars(node) if _unread(scalar)]:
        return None, hidden
    if not isinstance(node, yaml.MappingNode):
        return None, [Mistake(path, 1, "its front matter has no fields", "write title: …, order: …, each in a line")]
    keys: dict[str, yaml.Node] = {}
    mistakes, places = [], {}
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode):
            mistakes.append(Mistake(path, line_of(key), "has a field whose name is not a word", "write name: value"))
            continue
        if key.value in keys:
            mistakes.append(Mistake(path, line_of(key), f"has {key.value!r} twice", "keep one"))
        keys[str(key.value)], places[str(key.value)] = value, line_of(key)
    return Front(keys, places, body, end + 2), mistakes


def scalars(node: yaml.Node | None) -> Iterator[yaml.ScalarNode]:
    """Every value of a node and every name in it, however deep, as it reads once escapes are read."""
    waiting = [node]
    while waiting:
        at = waiting.pop()
        if isinstance(at, yaml.ScalarNode):
            yield at
        elif at is not None:
            inner = [part for each in at.value for part in (each if isinstance(each, tuple) else (each,))]
            waiting += reversed(inner)


def _unread(scalar: yaml.ScalarNode) -> bool:
    return "<!--" in scalar.value or bool(signs.first(scalar.value))


def _hidden(scalar: yaml.ScalarNode, path: Path) -> Mistake:
    """A value that would hide what stands behind it, or be read otherwise than it is written."""
    if "<!--" in scalar.value:
        return Mistake(path, line_of(scalar), "its front matter holds <!--", "leave comments out of it")
    what = f"holds the character {signs.first(scalar.value)}, which is invisible"
    return Mistake(path, line_of(scalar), what, "take it out")


def line_of(node: yaml.Node) -> int:
    """The file's line on which a node of the front matter begins."""
    return _line(node.start_mark)


def _line(mark: Any) -> int:
    """As editors count: for YAML, characters that end no line of a file end lines too."""
    return int(mark.buffer.count("\n", 0, mark.pointer)) + 2


def _fields(
    front: Front, path: Path, mistakes: list[Mistake], needed: dict[str, type], optional: dict[str, type]
) -> dict[str, Any]:
    """The values of the fields that are there and of their type; what is not becomes a mistake."""
    shapes = needed | optional
    names = {str: "text", int: "a whole number", list: "a list", bool: "true or false",
             datetime.date: "a day such as 2026-11-23"}  # fmt: skip
    found: dict[str, Any] = {}
    for name in needed:
        if name not in front.keys:
            mistakes.append(
                Mistake(path, 1, f"has no {name}", f"add {name}, {names[needed[name]]}, to the front matter")
            )
    for name, node in front.keys.items():
        if name not in shapes:
            mistakes.append(
                Mistake(path, front.lines[name], f"has the unknown field {name!r:.60}", f"use {', '.join(shapes)}")
            )
            continue
        value = _value(node)
        if type(value) is not shapes[name] or value == "":
            what = f"its {name} is {'empty' if value in (None, '') else 'not ' + names[shapes[name]]}"
            mistakes.append(Mistake(path, front.lines[name], what, f"write {names[shapes[name]]}"))
            continue
        found[name] = " ".join(value.split()) if isinstance(value, str) else value
    return found


class _Loader(yaml.SafeLoader):
    """Whole numbers are what people write as such: a few digits, neither of another base nor of hours."""


def _whole(_: yaml.SafeLoader, node: yaml.ScalarNode) -> int | str:
    return int(node.value) if re.fullmatch(r"-?[0-9]{1,6}", node.value) else str(node.value)


_Loader.add_constructor("tag:yaml.org,2002:int", _whole)


def _value(node: yaml.Node) -> Any:
    try:
        loader = _Loader("")
        return loader.construct_object(node, deep=True)
    except Exception:  # of any kind: PyYAML trusts that a value whose tag is given has its shape
        return None


def _claims(node: yaml.Node | None, path: Path, mistakes: list[Mistake]) -> Iterable[Claim]:
    remedy = f"write - kind: One sentence that ends in its mark. The kinds are {', '.join(KINDS)}"
    for item in node.value if isinstance(node, yaml.SequenceNode) else []:
        value = _value(item)
        if not isinstance(value, dict) or len(value) != 1:
            mistakes.append(Mistake(path, line_of(item), "this claim is not one kind and one sentence", remedy))
            continue
        [(kind, sentence)] = value.items()
        if kind not in KINDS or not isinstance(sentence, str) or not sentence.strip():
            what = (
                f"there is no claim of kind {kind!r:.60}" if kind not in KINDS else f"this {kind} claim has no sentence"
            )
            mistakes.append(Mistake(path, line_of(item), what, remedy))
            continue
        source = " ".join(sentence.split())
        wrong = malformed(source)
        mistakes += [Mistake(path, line_of(item), f"{spot.source} is not a mark", spot.why) for spot in wrong]
        found = marks(source)
        text = source
        for spot in reversed(found):
            text = text[: spot.start] + text[spot.end :]
        yield Claim(kind, " ".join(text.split()), tuple(found), line_of(item), source)


def _words(node: yaml.Node | None, path: Path, mistakes: list[Mistake]) -> Iterable[str]:
    for item in node.value if isinstance(node, yaml.SequenceNode) else []:
        value = _value(item)
        if isinstance(value, str):
            yield value
        else:
            mistakes.append(
                Mistake(path, line_of(item), f"{value!r:.60} is not the name of a question", "write its slug")
            )


def _aliases(node: yaml.Node | None, path: Path, mistakes: list[Mistake]) -> Iterable[str]:
    """Words that people search by; each is said once and is short enough to be typed."""
    seen: set[str] = set()
    for item in node.value if isinstance(node, yaml.SequenceNode) else []:
        value = _value(item)
        if not isinstance(value, str) or not re.search(r"\w", value):
            what, remedy = f"its alias {value!r:.60} is no text to search by", "write words that people type, in quotes"
        elif len(value) > ALIAS or marks(value) or malformed(value):
            what, remedy = f"its alias {value[:ALIAS]!r} is not what people type", f"write at most {ALIAS} characters"
        elif value.casefold() in seen:
            what, remedy = f"has the alias {value!r} twice", "keep one"
        elif MORE_THAN_WORDS.search(value):
            what, remedy = f"its alias {value!r} says more than words to search by", "write what people type"
        else:
            seen.add(value.casefold())
            yield " ".join(value.split())
            continue
        mistakes.append(Mistake(path, line_of(item), what, remedy))


def problems(body: str, first: int = 1) -> list[Problem]:
    """The worked problems of a body whose first line is the file's line `first`."""
    found: list[tuple[str, list[str], int]] = []
    inside = False
    for number, line in enumerate(body.split("\n"), first):
        if match := _PROBLEM.fullmatch(line):
            found.append((match[1], [], number))
            inside = True
        elif inside and (line.startswith("    ") or not line.strip()):
            found[-1][1].append(line[4:])
        else:
            inside = False
    return [Problem(title, "\n".join(lines).strip(), line) for title, lines, line in found]
