"""Every mistake in questions, sources, results, marks, claims and numbers, at once: what no builder may show."""

import contextlib
import csv
import datetime
import importlib.util
import os
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from html import escape
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml

from attnsite.content import figure_faults, glossary, lengths, unbacked_numbers, unsafe_markup
from attnsite.content import questions as content
from attnsite.content import texts as texts_of
from attnsite.content.evidence import Evidence
from attnsite.content.judging import Renderer, Text, judge
from attnsite.content.marks import odd_fences
from attnsite.content.questions import Cite, Claim, Number, Question
from attnsite.records import browser_calls, csv_tables, fingerprint, ordinary, registry, run_file, signs, sweeps
from attnsite.records.mistakes import Mistake, flatten
from attnsite.records.nearest import nearest
from attnsite.site import disk_cache
from attnsite.site.answers import Answers
from attnsite.site.builders.result_checks import committed_results
from attnsite.site.checkout import Checkout
from attnsite.site.disk_cache import Cache
from attnsite.site.figures import figure_checks

_NUMBER_MARK = re.compile(r"\[=[^\[\]]*\]")
_LINK = re.compile(r"\]\(([^)\s#]+\.md)(?:#[^)\s]*)?\)")
_IMAGE = re.compile(r"!\[[^\]]*\]\(<?([^)\s>#]+)")
GENERATED = {"evidence.md", "sources.md", "machines.md", "kernels.md"}


def check(root: Path) -> list[Mistake]:
    """All mistakes of a checkout, in the order of the files."""
    return faults(Answers.load(root))


def faults(answers: Answers) -> list[Mistake]:
    """All mistakes behind answers, in the order of the files: none of what these say is fit to be shown."""
    checkout = answers.checkout
    fingerprint.keep(checkout.cache.kept)
    mistakes = [*strays(checkout.root), *checkout.refused, *checkout.unread]
    code = [
        *ordinary.faults(registry.ROOT.parent, [Path("attnsite")]),
        *csv_tables.faults(),
        *run_file.renamed_faults(),
    ]
    if code:  # nothing that an experiment says can be judged
        return list(dict.fromkeys([*mistakes, *code]))
    unusable, unbelievable = committed_results(checkout)
    in_rows = (each for each in unbelievable if each.where.startswith("row"))
    broken = {Path(each.path).stem for each in (*unusable, *in_rows)}
    mistakes += [*unusable, *unbelievable, *figure_faults.of_code().values(), *in_sweeps(checkout.cache)]
    mistakes += [*in_future(checkout.every_question, checkout.sources), *browser_calls.faults(checkout.root)]
    drawn = [each for each in figure_checks.faults(answers) if experiment_of(each.path, answers.evidence) not in broken]
    return list(dict.fromkeys([*mistakes, *in_texts(answers, broken), *drawn]))


def experiment_of(figure: str, evidence: Evidence) -> str:
    """The experiment that a figure, by its name or its file, shows; empty where that cannot be told."""
    try:
        return str(evidence.figure(Path(figure).stem).EXPERIMENT)
    except Mistake:
        return ""


PLACES = [
    r"[a-z][a-z0-9_-]*\.md", r"questions/\w+/\w+\.md", r"sources/\w+\.bib", r"results/\w+/\w+\.json",
    r"notebooks/(?!index\.)[a-z]\w*\.py", r"assets/[\w.-]+\.(?:css|js|json|png|txt|woff2)",
    r"assets/kernels/\w+\.(?:json|wasm)", r"doubts\.csv",
    r"assets/favicon\.svg",  # another picture of lines may be a page
]  # fmt: skip
# Addresses below the root that pages, or folders of files, have which are made while the site is built.
MADE = {*(Path(name).stem for name in GENERATED), "peers", "questions", "figures", "results", "numbers", "notebooks",
        "assets", "search", "stylesheets", "javascripts", "sitemap", "readme", "feed", "llms"}  # fmt: skip


def strays(root: Path) -> Iterable[Mistake]:
    """Files below docs/ that belong to nothing: a site builder makes pages of them, or hands them out as they stand.

    And in the texts that do belong: characters that are not seen, or that turn how others are read.
    """
    docs = root / "docs"
    found = list(ordinary.faults(root, [Path("docs")]))
    yield from found
    told = {each.path for each in found}
    for path in sorted(docs.rglob("*")):
        shown = path.relative_to(root)
        compiled = shown.parts[-2] == "__pycache__" and path.suffix == ".pyc"
        if shown.as_posix() in told or compiled or any(part.startswith(".") for part in shown.parts):
            continue
        if not ordinary.is_one(root, path):  # a folder, or what was told already
            continue
        if not any(re.fullmatch(place, path.relative_to(docs).as_posix()) for place in PLACES):
            yield Mistake(shown, "", "is no file that belongs there", "take it away, or give it the place of its kind")
        elif path.parent == docs and path.stem in MADE:
            yield Mistake(shown, "", "has the address of what is made when the site is built", "name it otherwise")
        elif path.suffix in (".md", ".bib") or shown.parts[1] == "notebooks":
            for number, sign in signs.find(text_of(path) or ""):
                yield Mistake(shown, number, f"holds the character {sign}, which is invisible", "take it out")


def in_texts(answers: Answers, broken: Collection[str] = (), only: Collection[Path] | None = None) -> list[Mistake]:
    """The mistakes of everything that is written, or `only` of these files, relative to the checkout. `broken` are
    experiments of which a run is no good, which has been told of it."""
    checkout = answers.checkout
    root, questions, themes = checkout.root, list(checkout.every_question), checkout.themes
    keys = {*checkout.sources, *(path.stem for path in (root / "docs/sources").glob("*.bib"))}
    marked = Marked(keys, answers, frozenset(broken))
    judged = Judged(checkout, names(), marked)
    slugs = [question.slug for question in questions]
    mistakes: list[Mistake] = []

    def wanted(path: Path) -> bool:
        return only is None or path in only

    for question in filter(lambda question: wanted(question.path), questions):
        mistakes += [*repeated(question, questions), *lengths.faults(question)]
        place = line(question, "related")
        for slug in (slug for slug in question.related if slug not in slugs):
            what = f"relates to {slug[:60]}, which is no question"
            mistakes.append(Mistake(question.path, place, what, nearest(slug, slugs)))
        texts = [(question.body, question.body_line), (question.answer, line(question, "answer"))]
        mistakes += [m for text, first in texts for m in marked.in_text(question.path, text, first)]
        mistakes += [m for claim in question.claims for m in in_claim(question, claim, marked)]
        for piece in (texts_of.of_question(question), *texts_of.shown_alone(question)):
            mistakes += judged.mistakes(question.path, piece)
        mistakes += links(root, question.path, question.body, question.body_line)
        mistakes += links(root, question.path, question.answer, line(question, "answer"))
        mistakes += [m for claim in question.claims for m in links(root, question.path, claim.source, claim.line)]
    read = {question.path for question in questions}
    for path in (path for path in checkout.texts if path.is_relative_to(content.FOLDER) and len(path.parts) == 4):
        text = checkout.texts[path]
        if wanted(path) and path not in read and path.name != "index.md" and text is not None:
            if content.too_much(text, path):  # which reading it has told
                continue
            body, first = texts_of.behind_front(text, path)  # what can be read of one that cannot be
            mistakes += marked.in_text(path, text, 1)
            mistakes += [*links(root, path, body, first), *judged.mistakes(path, Text().add(body, first))]
    for path in filter(wanted, pages(checkout)):
        if (text := checkout.texts[path]) is None:
            mistakes.append(Mistake(path, "", "is not UTF-8", "save it as UTF-8"))
            continue
        if crowded := content.too_much(text, path):
            mistakes += crowded
            continue
        mistakes += marked.in_text(path, text, 1)
        mistakes += [
            Mistake(path, spot.line, f"{spot.source} is not a mark", spot.why) for spot in content.malformed(text)
        ]
        mistakes += [*links(root, path, text, 1), *judged.mistakes(path, texts_of.of_page(text, path))]
        mistakes += in_front(path, text)
    if wanted(glossary.FILE) and glossary.FILE in checkout.texts:
        mistakes += glossary.faults(checkout.texts[glossary.FILE] or "")
    for theme in filter(lambda theme: wanted(theme.path), themes):
        mistakes += marked.in_text(theme.path, theme.summary, 1)
        mistakes += judged.mistakes(theme.path, texts_of.of_theme(theme, checkout.texts[theme.path] or ""))
    for path in (root / "docs/notebooks" / name for name in checkout.notebooks):
        if wanted(path.relative_to(root)):
            if (source := text_of(path)) is None:
                mistakes.append(Mistake(path.relative_to(root), "", "is not UTF-8", "save it as UTF-8"))
                continue
            mistakes += judged.mistakes(path.relative_to(root), texts_of.of_notebook(source))
            remedy = "write # %% or # %% [markdown], and text in comments"
            mistakes += [Mistake(path.relative_to(root), at, what, remedy) for at, what in texts_of.odd_cells(source)]
    if only is None and root == registry.ROOT.parent:  # they are the package's, whatever else is checked with it
        for path, docstring in texts_of.of_kernels():
            mistakes += judged.mistakes(path, docstring)
    mistakes += [
        Mistake(
            theme.path, "order", f"has the order {theme.order}, as {other.path} has", "choose another for one of them"
        )
        for theme in themes
        for other in themes
        if other is not theme and other.order == theme.order and wanted(theme.path)
    ]
    return list(dict.fromkeys(mistakes))


def in_future(questions: Iterable[Question], sources: Mapping[str, content.Source]) -> Iterable[Mistake]:
    """Days that have not come anywhere on Earth: a slip of one moves a page's date."""
    tomorrow = (datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=1)).date().isoformat()
    for question in questions:
        if question.asked > tomorrow:
            what = f"was asked on {question.asked}, in the future"
            yield Mistake(question.path, line(question, "asked"), what, "fix the date")
    for source in sources.values():
        if source.read > tomorrow:
            yield Mistake(source.path, "urldate", f"is {source.read}, in the future", "write the day you opened it")
        if source.year.isdigit() and int(source.year) > int(tomorrow[:4]):
            yield Mistake(source.path, "year", f"is {source.year}, in the future", "fix the year")


def in_sweeps(cache: Cache) -> list[Mistake]:
    """What is wrong with the experiments' sweeps, found once while their code stays as it is: to look imports them."""
    try:
        code = [
            disk_cache.code_of(registry.ROOT / "experiments" / f"{name}.py") for name in registry.names("experiments")
        ]
    except (SyntaxError, OSError):  # one of them cannot be read, which is told of it
        return sweeps.find_faults()
    made_from = ("sweeps", code, importlib.util.find_spec("numba") is not None)
    found = cache.kept(made_from, lambda: [[m.path, m.where, m.what, m.remedy] for m in sweeps.find_faults()])
    return [Mistake(*each) for each in found]


@dataclass(frozen=True)
class Judged:
    """What a page would show of texts, judged, each once while it stays as it is; `names` may have digits in them."""

    checkout: Checkout
    names: Sequence[str]
    marked: "Marked"

    @cached_property
    def renderer(self) -> Renderer:
        from attnsite.site.markdown.rendering import Renderer  # here: a text that was judged before needs none

        return Renderer(self.checkout.configuration)

    @cached_property
    def judges(self) -> tuple[object, ...]:
        """All that decides what is found, besides a text."""
        code = [
            disk_cache.code_of(registry.ROOT / path) for path in ("content/judging.py", "site/markdown/rendering.py")
        ]
        written = repr(self.checkout.configuration.get("markdown_extensions"))
        return (*code, *map(version, ("markdown", "pymdown-extensions", "selectolax")), written, *self.names)

    def mistakes(self, path: Path, text: Text) -> Iterable[Mistake]:
        values = self.marked.values("\n".join(text.lines))
        made_from = ("judged", self.judges, text.lines, text.places, text.plain, text.numbers, text.template,
                     text.alone, sorted(values.items()))  # fmt: skip
        found, unseen = self.checkout.cache.kept(made_from, lambda: self._judged(text, values))
        yield from (Mistake(path, *each) for each in found)
        for at, source in unseen:  # marks where Markdown sees text and `marks` sees code
            for mark in content.marks(source):
                yield from self.marked.in_mark(path, at, mark)

    def _judged(self, text: Text, values: Mapping[str, float]) -> list[Any]:
        found, unseen = judge(self.renderer, text, self.names, values)
        return [[[each.line, each.what, each.remedy] for each in found], [[at, source] for at, source in unseen]]


def text_of(path: Path) -> str | None:
    """A file's text; None where it is not UTF-8."""
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        return None


HIDDEN = ("toc", "navigation", "footer")  # parts of the theme that a page may leave out
BOOST = 5.0  # the most that a page may count beside others in the search
FIELDS: dict[str, tuple[type[yaml.Node], str]] = {  # of a hand-written page: the kind of each, and how it is written
    "title": (yaml.ScalarNode, "write a text"),
    "description": (yaml.ScalarNode, "write a text"),
    "hide": (yaml.SequenceNode, "write [toc], [navigation] or both"),
    "aliases": (yaml.SequenceNode, "write a list of texts"),
    "search": (yaml.MappingNode, f"write {{boost: 1.5}}, at most {BOOST:g}"),
    "finds": (yaml.MappingNode, "write addresses of this page and what is found there"),
}


def in_front(path: Path, text: str) -> Iterable[Mistake]:
    """Front matter: fields that there are, and no more of the search than a page may ask for. Titles and descriptions
    become part of every page's menu and head as they stand."""
    if text.split("\n", 1)[0].strip("\ufeff\r ") != "---":
        return
    front, mistakes = content.split_front(text, path)
    yield from mistakes
    if not front:
        return
    for name, node in front.keys.items():
        at = front.lines[name]
        kind, remedy = FIELDS.get(name, (None, ""))
        if kind is None:
            yield Mistake(path, at, f"has the field {name[:40]!r}", f"use {', '.join(FIELDS)}")
        elif not isinstance(node, kind):
            yield Mistake(path, at, f"its {name} is of another kind than it has to be", remedy)
        elif name == "search" and not _boosts(node):
            yield Mistake(path, at, "its search is no boost", remedy)
        elif name == "finds" and not _found_here(node):
            yield Mistake(path, at, "its finds lead elsewhere", "name queries of this page, such as model=GPT-3")
        elif name == "hide" and (odd := [_text(part) for part in node.value if _text(part) not in HIDDEN]):
            yield Mistake(path, at, f"its hide holds {odd[0]!r:.40}", remedy)
        elif name == "aliases" and (odd := [v for v in map(_text, node.value) if content.MORE_THAN_WORDS.search(v)]):
            yield Mistake(path, at, f"its alias {odd[0]!r:.80} says more than words to search by", remedy)
        elif name in ("title", "description") and '"' in node.value:
            yield Mistake(path, at, f'its {name} holds a "', "write “ and ”: it stands in an attribute of the page")
    for name, value, at in texts_of.in_front(front):
        for found in unsafe_markup.find(value, [value], plain=True) if name != "finds" else ():
            yield Mistake(path, at, f"its {name} {found.what}", found.remedy)
        for each in unbacked_numbers.find(escape(value)) if name in ("title", "description", "finds") else ():
            yield Mistake(path, at, f"its {name} states {each.quantity!r} without evidence", "leave the number out")


def _text(node: yaml.Node) -> str:
    return str(node.value) if isinstance(node, yaml.ScalarNode) else "<>"  # a list among texts is none


def _found_here(node: yaml.Node) -> bool:
    """Whether what a search finds on a page leads to that page: to a query of letters, digits and dots."""
    return all(re.fullmatch(r"[a-z0-9_.=&-]{1,80}", _text(key)) for key, _ in node.value)


def _boosts(node: yaml.Node) -> bool:
    """Whether a mapping says how much a page counts in the search, within reason, and nothing else."""
    told = [(str(key.value), str(value.value)) for key, value in node.value]
    try:
        return [key for key, _ in told] == ["boost"] and 0 < float(told[0][1]) <= BOOST
    except ValueError:
        return False


def pages(checkout: Checkout) -> list[Path]:
    """The hand-written pages that are no questions, relative to the checkout."""
    return [path for path in checkout.texts if path.parts[1] not in ("questions", "sources", "results")]


def line(question: Question, field: str) -> int:
    return (question.lines or {}).get(field, 1)


def repeated(question: Question, questions: list[Question]) -> Iterable[Mistake]:
    """What a question shares with another, told of both: nobody but their authors knows which of them came later."""
    for other in questions:
        if other is question:
            continue
        if other.slug == question.slug:
            what = f"has the name of {other.path.as_posix()}"
            yield Mistake(question.path, "", what, "rename one of them; names are addresses")
        elif other.theme == question.theme and other.order == question.order and not (other.draft or question.draft):
            what = f"has the order {question.order}, as {other.path.name} has"
            yield Mistake(question.path, line(question, "order"), what, "choose another for one of them")


@dataclass(frozen=True)
class Marked:
    """What marks may name: the keys of sources, and the runs and figures behind numbers. Where a run file of an
    experiment is `broken` that is named once, not at each mark that needs it."""

    keys: set[str]
    answers: Answers
    broken: frozenset[str]

    def in_text(self, path: Path, text: str, first: int) -> Iterable[Mistake]:
        """Marks and figures of a text whose first line is the file's line `first`."""
        for mark in content.marks(text):
            yield from self.in_mark(path, first + mark.line - 1, mark)
        for at, begins in odd_fences(text):
            yield Mistake(path, first + at - 1, f"has a fence of {begins!r}", "write ```figure for a figure's")
        for kind in ("figure", "diagram"):
            known = registry.names(f"{kind}s")
            for fence in content.fences(text, kind):
                if fence.figure not in known:
                    what = f"there is no {kind} {fence.figure!r}"
                    yield Mistake(path, first + fence.line - 1, what, nearest(fence.figure, known))

    def values(self, text: str) -> dict[str, float]:
        """What the number marks of a text stand for, by what is written; also of those that stand in what looks like
        code. One that cannot be resolved is left out."""
        found = {}
        for written in set(_NUMBER_MARK.findall(text)):
            for mark in content.marks(written):
                with contextlib.suppress(Mistake, ExceptionGroup):
                    if isinstance(mark, Number):
                        found[written] = self.answers.number(replace(mark, low=None, high=None)).quantity.value
        return found

    def in_mark(self, path: Path, at: int, mark: Cite | Number) -> Iterable[Mistake]:
        if isinstance(mark, Cite):
            for key in mark.keys:
                if key not in self.keys:
                    remedy = f"write docs/sources/{key}.bib, or mend the key; {nearest(key, self.keys)}"
                    yield Mistake(path, at, f"there is no source {key}", remedy)
            return
        try:
            self.answers.number(mark)
        except (Mistake, ExceptionGroup) as error:
            if experiment_of(mark.figure, self.answers.evidence) not in self.broken:
                for mistake in flatten(error):
                    raised = mistake.path.startswith("attnsite/figures/") and mistake.where
                    if raised or mistake.path.startswith(run_file.COMMITTED.as_posix()):
                        yield mistake  # of a figure, or of a run: once, and not of the text that asks for its numbers
                        continue
                    place = "" if mistake.path == mark.source else f"{mistake.path} "
                    yield Mistake(path, at, f"{mark.source} {place}{mistake.what}", mistake.remedy)


def in_claim(question: Question, claim: Claim, marked: Marked) -> Iterable[Mistake]:
    """A claim ends in a mark of its kind."""
    for mark in claim.marks:
        yield from marked.in_mark(question.path, claim.line, mark)
    if claim.kind == "opinion":
        return
    last = claim.marks[-1] if claim.marks else None
    if last is None or not claim.source.rstrip(" .").endswith("]"):
        what = f"the {claim.kind} claim {claim.text[:60]!r} does not end in a mark"
        yield Mistake(question.path, claim.line, what, "end it with [@source] or [=figure.value machine]")
        return
    wanted = {"cited": "a citation", "counted": "a number of a count", "measured": "a number of a run that measured",
              "modelled": "a number of a run that measured"}  # fmt: skip
    if claim.kind not in wanted:
        return
    if claim.kind == "cited":
        right = isinstance(last, Cite)
    else:
        right = isinstance(last, Number) and kind_of(last, marked.answers) in (
            {"count"} if claim.kind == "counted" else {"timing", "memory", "study", None}
        )
    if not right:
        what = f"the {claim.kind} claim {claim.text[:60]!r} ends in {last.source}, which is not {wanted[claim.kind]}"
        yield Mistake(question.path, claim.line, what, "choose its kind by what it rests on")
    elif isinstance(last, Number) and last.low is None:
        what = f"the {claim.kind} claim {claim.text[:60]!r} ends in {last.source}, which no run could prove wrong"
        yield Mistake(question.path, claim.line, what, f"say in which range it holds: {last.source[:-1]} in 0.9..1.1]")


def kind_of(mark: Number, answers: Answers) -> str | None:
    """The kind of run behind a mark; None where it cannot be told, which is named elsewhere."""
    try:
        return answers.number(replace(mark, low=None, high=None)).run.kind
    except (Mistake, ExceptionGroup):
        return None


def names() -> list[str]:
    """Names with digits in them that sentences may use: those of the published models."""
    path = registry.ROOT / "experiments" / "kv_cache.csv"
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        full = [row["name"] for row in csv.DictReader(file)]
    families = {name.rpartition(" ")[0] for name in full}  # Llama 2, of Llama 2 7B
    return sorted({name for name in (*full, *families) if name[:1].isalpha() and any(c.isdigit() for c in name)})


def links(root: Path, path: Path, text: str, first: int) -> Iterable[Mistake]:
    """Links to pages that are neither written nor generated, and pictures that are not there."""
    for number, row in enumerate(content.blank(text).split("\n"), first):
        for target in _IMAGE.findall(row):
            page = Path(os.path.normpath(path.parent / target))
            if not unsafe_markup.foreign(target) and not _there(root, page):
                yield Mistake(path, number, f"shows {target[:80]}, which is not there", "fix the address")
        for target in _LINK.findall(row):
            if "://" in target:
                continue
            page = Path(os.path.normpath(path.parent / target))  # as it is written: no link of the system is followed
            made = page.parent == Path("docs") and page.name in GENERATED
            if not made and not _there(root, page) and "kernels/" not in target:
                yield Mistake(path, number, f"links to {target[:80]}, which is not there", "fix the link")


def _there(root: Path, page: Path) -> bool:
    try:
        return page.parts[:1] == ("docs",) and (root / page).is_file() and ordinary.is_one(root, root / page)
    except OSError:  # a name that no file can have
        return False


def cited(checkout: Checkout) -> set[str]:
    """The keys that any page or kernel cites."""
    questions = checkout.every_question
    texts = [text for q in questions for text in (q.body, q.answer, *(claim.source for claim in q.claims))]
    texts += [checkout.texts[path] or "" for path in pages(checkout)]
    texts += [path.read_text(encoding="utf-8") for path in registry.files("kernels")]
    return {key for text in texts for mark in content.marks(text) if isinstance(mark, Cite) for key in mark.keys}
