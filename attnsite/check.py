"""The `check` command: every mistake in questions, sources, results, marks, claims and numbers, at once."""

import argparse
import csv
import json
import re
import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from attnsite import content, discover, harmless, naked, results, sweeps, vetting
from attnsite.content import Cite, Claim, Number, Question
from attnsite.errors import Mistake, flatten
from attnsite.evidence import Evidence

_LINK = re.compile(r"\]\(([^)\s#]+\.md)(?:#[^)\s]*)?\)")
GENERATED = {"evidence.md", "sources.md", "machines.md", "kernels.md"}


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--quiet", action="store_true", help="say nothing when all is well")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print the mistakes as one JSON array")
    form.add_argument("--github", action="store_true", help="print them as annotations of a GitHub workflow")


def run(options: argparse.Namespace) -> int:
    mistakes = check(options.root)
    if options.json:
        print(json.dumps([described(mistake) for mistake in mistakes], ensure_ascii=False, indent=1))
        return 1 if mistakes else 0
    for mistake in mistakes:
        print(annotation(mistake) if options.github else mistake, file=None if options.github else sys.stderr)
    if mistakes:
        print(f"{len(mistakes)} mistake{'s' if len(mistakes) > 1 else ''}", file=sys.stderr)
        return 1
    if not options.quiet:
        questions = content.load_questions(options.root)
        claims = sum(len(question.claims) for question in questions)
        sources = content.load_sources(options.root)
        print(f"no mistakes in {len(questions)} questions, {claims} claims and {len(sources)} sources")
        for key in sorted(set(sources) - cited(options.root)):
            print(f"note: no page cites {key}")
    return 0


def described(mistake: Mistake) -> dict[str, str | int]:
    """A mistake as JSON: its line as a number where it has one, else the place in the file as text."""
    where: dict[str, str | int] = {"line": int(mistake.where)} if mistake.where.isdigit() else {"where": mistake.where}
    return {"file": Path(mistake.path).as_posix(), **where, "what": mistake.what, "remedy": mistake.remedy}


def annotation(mistake: Mistake) -> str:
    """A mistake as a workflow command of GitHub, which shows it at its line in the pull request."""

    def escaped(text: str, more: str = "") -> str:
        for letter in "%\r\n" + more:
            text = text.replace(letter, f"%{ord(letter):02X}")
        return text

    place = f",line={mistake.where}" if mistake.where.isdigit() else ""
    about = f"{mistake.where}: " if mistake.where and not place else ""
    file = escaped(Path(mistake.path).as_posix(), ":,")
    return f"::error file={file}{place}::{escaped(f'{about}{mistake.what}; {mistake.remedy}')}"


def check(root: Path) -> list[Mistake]:
    """All mistakes of a checkout, in the order of the files."""
    questions, mistakes = content.read_questions(root)
    themes, wrong = content.read_themes(root)
    sources, unreadable = content.read_sources(root)
    unusable, unbelievable = committed_results(root)
    mistakes = [*mistakes, *wrong, *unreadable, *unusable, *unbelievable, *sweeps.find_faults()]
    broken = bool(unusable)
    evidence = Evidence(root)
    known = set(sources) | {path.stem for path in (root / "docs/sources").glob("*.bib")}
    named = names(root)
    slugs = [question.slug for question in questions]
    for question in questions:
        mistakes += repeated(question, questions)
        place = line(question, "related")
        mistakes += [Mistake(question.path, place, f"relates to {slug}, which is no question", "mend the name")
                     for slug in question.related if slug not in slugs]  # fmt: skip
        texts = [(question.body, question.body_line), (question.answer, line(question, "answer"))]
        mistakes += [m for text, first in texts for m in in_text(question.path, text, first, known, evidence, broken)]
        mistakes += [m for claim in question.claims for m in in_claim(question, claim, known, evidence, broken)]
        mistakes += acting(question.path, question.body, question.body_line)
        mistakes += acting(question.path, question.answer, line(question, "answer"))
        mistakes += [m for claim in question.claims for m in acting(question.path, claim.source, claim.line)]
        if not question.draft:
            mistakes += without_evidence(question, named)
        mistakes += links(root, question.path, question.body, question.body_line)
    for path in pages(root):
        text = (root / path).read_text(encoding="utf-8")
        mistakes += in_text(path, text, 1, known, evidence, broken)
        mistakes += [
            Mistake(path, spot.line, f"{spot.source} is not a mark", spot.why) for spot in content.malformed(text)
        ]
        mistakes += [*links(root, path, text, 1), *acting(path, text, 1, plain=False)]
    mistakes += [m for theme in themes for m in acting(theme.path, theme.summary, 1)]
    order = {theme.order: theme for theme in themes}
    mistakes += [
        Mistake(theme.path, "order", f"has the order {theme.order} of {order[theme.order].slug}", "choose another")
        for theme in themes
        if order[theme.order] is not theme
    ]
    return list(dict.fromkeys(mistakes))


def acting(path: Path, text: str, first: int, plain: bool = True) -> list[Mistake]:
    """Markup that acts or loads from elsewhere, in a text whose first line is the file's line `first`."""
    return [Mistake(path, first + found.line - 1, found.what, found.remedy) for found in harmless.find(text, plain)]


def pages(root: Path) -> list[Path]:
    """The hand-written pages that are no questions, relative to the checkout."""
    return [path.relative_to(root) for path in sorted((root / "docs").glob("*.md"))]


def line(question: Question, field: str) -> int:
    return (question.lines or {}).get(field, 1)


def committed_results(root: Path) -> tuple[list[Mistake], list[Mistake]]:
    """What is wrong with run files that cannot be read, and with those that can and should not be published.

    Files of the cache are not the author's to mend, and are left out.
    """
    unusable: list[Mistake] = []
    machines: dict[str, dict[Path, results.Run]] = {}
    for path in sorted((root / results.COMMITTED).glob("*/*.json")):
        shown = path.relative_to(root)
        try:
            machines.setdefault(path.parent.name, {})[shown] = results.read(path)
        except (Mistake, ExceptionGroup) as error:
            unusable += [Mistake(shown, m.where, m.what, m.remedy) for m in flatten(error)]
    unbelievable = []
    for runs in machines.values():
        limits = vetting.limits_of(runs.values())
        unbelievable += [mistake for path, run in runs.items() for mistake in vetting.faults(run, path, limits)]
    return unusable, unbelievable


def repeated(question: Question, questions: list[Question]) -> Iterable[Mistake]:
    for other in questions:
        if other is question or (other.path, other.slug) < (question.path, question.slug):
            continue
        if other.slug == question.slug:
            yield Mistake(other.path, "", f"has the name of {question.path}", "rename one; names are addresses")
        elif other.theme == question.theme and other.order == question.order and not (other.draft or question.draft):
            what = f"has the order {other.order} of {question.path.name}"
            yield Mistake(other.path, line(other, "order"), what, "choose another")


def in_text(path: Path, text: str, first: int, known: set[str], evidence: Evidence, broken: bool) -> Iterable[Mistake]:
    """Marks and figures of a text whose first line is the file's line `first`."""
    for mark in content.marks(text):
        yield from in_mark(path, first + mark.line - 1, mark, known, evidence, broken)
    for fence in content.fences(text):
        if fence.figure not in discover.names("figures"):
            what = f"there is no figure {fence.figure!r}"
            yield Mistake(path, first + fence.line - 1, what, f"the figures are {', '.join(discover.names('figures'))}")


def in_mark(path: Path, at: int, mark: Cite | Number, known: set[str], evidence: Evidence,
            broken: bool) -> Iterable[Mistake]:  # fmt: skip
    if isinstance(mark, Cite):
        for key in mark.keys:
            if key not in known:
                yield Mistake(path, at, f"there is no source {key}", f"write docs/sources/{key}.bib, or mend the key")
        return
    try:
        evidence.number(mark)
    except (Mistake, ExceptionGroup) as error:
        if not broken:  # a broken run file is named once, not at each mark that needs it
            for mistake in flatten(error):
                place = "" if mistake.path == mark.source else f"{mistake.path} "
                yield Mistake(path, at, f"{mark.source} {place}{mistake.what}", mistake.remedy)


def in_claim(question: Question, claim: Claim, known: set[str], evidence: Evidence, broken: bool) -> Iterable[Mistake]:
    """A claim ends in a mark of its kind."""
    for mark in claim.marks:
        yield from in_mark(question.path, claim.line, mark, known, evidence, broken)
    if claim.kind == "opinion":
        return
    last = claim.marks[-1] if claim.marks else None
    if last is None or not claim.source.rstrip(" .").endswith("]"):
        what = f"the {claim.kind} claim {claim.text[:60]!r} does not end in a mark"
        yield Mistake(question.path, claim.line, what, "end it with [@source] or [=figure.value machine]")
        return
    wanted = {"cited": "a citation", "counted": "a number of a count", "measured": "a number of a run that measured"}
    if claim.kind not in wanted:
        return
    if claim.kind == "cited":
        right = isinstance(last, Cite)
    else:
        right = isinstance(last, Number) and kind_of(last, evidence) in (
            {"count"} if claim.kind == "counted" else {"timing", "memory", "study", None}
        )
    if not right:
        what = f"the {claim.kind} claim {claim.text[:60]!r} ends in {last.source}, which is not {wanted[claim.kind]}"
        yield Mistake(question.path, claim.line, what, "choose its kind by what it rests on")


def kind_of(mark: Number, evidence: Evidence) -> str | None:
    """The kind of run behind a mark; None where it cannot be told, which is named elsewhere."""
    try:
        return evidence.number(replace(mark, low=None, high=None)).run.kind
    except (Mistake, ExceptionGroup):
        return None


def names(root: Path) -> list[str]:
    """Names with digits in them that sentences may use: those of the published models."""
    path = discover.ROOT / "experiments" / "kv_cache.csv"
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return [row["name"] for row in csv.DictReader(file) if any(c.isdigit() for c in row["name"])]


def without_evidence(question: Question, known: list[str]) -> Iterable[Mistake]:
    remedy = "end the sentence with [=figure.value machine] or [@source], or leave the number out"
    for found in naked.find(question.body, known, question.body_line):
        what = f"states {found.quantity!r} without evidence in “{found.sentence[:70]}”"
        yield Mistake(question.path, found.line, what, remedy)
    for found in naked.find(question.answer, known):
        yield Mistake(question.path, line(question, "answer"), f"its answer states {found.quantity!r}", remedy)


def links(root: Path, path: Path, text: str, first: int) -> Iterable[Mistake]:
    """Links to pages that are neither written nor generated."""
    for number, row in enumerate(content.blank(text).split("\n"), first):
        for target in _LINK.findall(row):
            if "://" in target:
                continue
            page = (root / path).parent / target
            generated = page.resolve().parent == (root / "docs").resolve() and page.name in GENERATED
            if not page.is_file() and not generated and "kernels/" not in target:
                yield Mistake(path, number, f"links to {target}, which is not there", "mend the link")


def cited(root: Path) -> set[str]:
    """The keys that any page or kernel cites."""
    questions, _ = content.read_questions(root)
    texts = [text for q in questions for text in (q.body, q.answer, *(claim.source for claim in q.claims))]
    texts += [(root / path).read_text(encoding="utf-8") for path in pages(root)]
    texts += [path.read_text(encoding="utf-8") for path in (discover.ROOT / "kernels").glob("*.py")]
    return {key for text in texts for mark in content.marks(text) if isinstance(mark, Cite) for key in mark.keys}
