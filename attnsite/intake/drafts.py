"""Drafts of questions and sources, one of each answered part of a Q&A document."""

import contextlib
import itertools
import json
import os
import string
from dataclasses import dataclass
from pathlib import Path

from attnsite.content import limits
from attnsite.intake import document, reference_line
from attnsite.intake.document import Part
from attnsite.intake.reference_line import Reference
from attnsite.records.mistakes import Mistake, refused

QUESTIONS, SOURCES = Path("docs/questions"), Path("docs/sources")


@dataclass
class Report:
    """What an intake did: questions drafted, questions refused with their mistakes, and the files written."""

    drafted: int
    refused: int
    written: list[Path]
    notes: list[str]
    mistakes: list[Mistake]


def intake(file: Path, root: Path, theme: str, *, force: bool = False) -> Report:
    """Draft every part that is whole; of any other, write nothing and say why. Never raises for what a text says."""
    report = Report(0, 0, [], [], [])
    try:
        text = file.read_bytes().decode("utf-8-sig")
    except OSError as error:
        report.mistakes.append(Mistake(file, "", f"cannot be read ({error.strerror})", "name a text file"))
        return report
    except UnicodeDecodeError as error:
        report.mistakes.append(Mistake(file, f"byte {error.start}", "is not UTF-8", "save it as UTF-8"))
        return report
    parts = document.parts(text)
    if not parts:
        what, remedy = 'has no line "## Question 1"', "head each question with ## Question N"
        report.mistakes.append(Mistake(file, 1, what, remedy))
    seen: dict[str, int] = {}
    works = Works(root)
    if lines := document.before_all(text, parts):
        report.notes.append(f"{file}:1: nothing is made of {lines} lines before the first question")
    for part in parts:
        crowds = limits.of_text(part.answer)  # before anything reads it
        mistakes = [Mistake(file, part.answer_line, what, remedy) for _, what, remedy in crowds]
        mistakes = mistakes or list(document.faults(part, file, seen))
        if not mistakes:
            files = drafts(part, theme, works, report.notes)
            report.notes += [f"{file}:{line}: nothing is made of “{heading}”" for heading, line in part.unread]
            mistakes = list(in_the_way(files, root, force, report.written))
        no_room = []
        if not mistakes:
            try:
                write(introduction(theme, root) | files, root, report.written, force)
            except OSError as error:
                no_room = refused(error, "intake")
                what = f"cannot be written ({error.strerror})"
                mistakes = no_room or [Mistake(error.filename, "", what, "make room for it")]
        report.mistakes += mistakes
        report.drafted += not mistakes
        if no_room:
            break  # no other part fares better
    report.refused = len(parts) - report.drafted
    return report


class Works:
    """The keys of the works that are cited: those in the folder of sources, and those drafted in this run."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.drafted: dict[str, Reference] = {}

    def key(self, found: Reference, notes: list[str]) -> str:
        """The key of a work: that of the same work if it has one, else one that no other has."""
        further = itertools.chain(string.ascii_lowercase[1:], map(str, itertools.count(2)))
        for key in itertools.chain([found.key], (found.key + mark for mark in further)):
            path = self.root / SOURCES / f"{key}.bib"
            if known := self.drafted.get(key):
                same = found.same_as(known)
            elif path.exists():
                same = found.same_as(reference_line.of_bibtex(path.read_text(encoding="utf-8", errors="replace")))
            else:
                same = True
            if same:
                self.drafted.setdefault(key, found)
                return key
            notes.append(f"{key} is another work; this one is drafted beside it: {found.line[:80]}")
        raise AssertionError("the keys never end")


def drafts(part: Part, theme: str, works: Works, notes: list[str]) -> dict[Path, str]:
    """The files of one part by their path: the question, and a source for each reference."""
    references = {number: reference_line.read(line) for number, line in part.sources.items()}
    keys: dict[int, str] = {}
    files: dict[Path, str] = {}
    for number, found in references.items():
        keys[number] = key = works.key(found, notes)
        files[SOURCES / f"{key}.bib"] = found.bibtex(key)
        if found.missing:
            notes.append(f"{key}: the reference does not say {', '.join(found.missing)}")
    files[QUESTIONS / theme / f"{document.slug(part.question)}.md"] = question(part, keys)
    return files


def question(part: Part, keys: dict[int, str]) -> str:
    """The draft of a question: front matter and the answer with its citations as marks."""
    front = {
        "title": part.question,
        "order": part.order,
        "answer": document.opening(part.answer),
        "claims": [],
        "draft": True,
    }
    fields = "\n".join(f"{name}: {json.dumps(plain(value), ensure_ascii=False)}" for name, value in front.items())
    return f"---\n{fields}\n---\n\n{document.cite(part.answer, keys)}\n"


def plain(value: object) -> object:
    """Text without the characters that YAML does not take."""
    return "".join(c if c.isprintable() else " " for c in value) if isinstance(value, str) else value


def in_the_way(files: dict[Path, str], root: Path, force: bool, written: list[Path]) -> list[Mistake]:
    """Questions that exist already. A source that exists is kept and cited: it is better than a draft."""
    return [
        Mistake(path, "", "exists already", "rename it, or overwrite it with --force")
        for path in files
        if path.suffix == ".md" and (root / path).exists() and (not force or path in written)
    ]


def write(files: dict[Path, str], root: Path, written: list[Path], force: bool) -> None:
    """All of the files in this order, or none: each under a temporary name first. The question is the last.

    Raises an `OSError` that names the file. Whoever is killed in the middle has left sources or a theme that do no
    harm, and the same command goes on.
    """
    made: list[tuple[Path, Path, Path]] = []
    path = root
    try:
        for path, text in files.items():
            target = root / path
            if target.exists() and path.suffix == ".bib" and (not force or path in written):
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            temporary = target.with_name(f".{target.name}.{os.getpid()}")
            made.append((temporary, target, path))
            temporary.write_text(text, encoding="utf-8", newline="\n")
        for temporary, target, path in made:
            os.replace(temporary, target)
            written.append(path)
    except OSError as error:
        raise OSError(error.errno, error.strerror, path.as_posix()) from None
    finally:
        for temporary, _, _ in made:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)


def introduction(theme: str, root: Path) -> dict[Path, str]:
    """The `index.md` of a theme that has none, which puts it behind all others."""
    path = QUESTIONS / theme / "index.md"
    if (root / path).exists():
        return {}
    place = 100 + sum(1 for _ in (root / QUESTIONS).glob("*/index.md"))
    title = theme.replace("_", " ").capitalize()
    return {path: f"---\ntitle: {title}\norder: {place}\nsummary: Drafts from an intake, not published.\n---\n"}


__all__ = ["Reference", "Report", "intake"]
