"""A Python-Markdown extension: citations, numbers, formulas and figures of a page. It works in any site builder.

A page says where it lies by a comment that `attnsite.site.pages.render` writes first, and where its list of sources
stands by another. Numbers of citations follow the order on the page, so marks are replaced in the finished text. A mark
that cannot be resolved is shown as such and logged as a warning, which a strict build counts as a failure.
"""

import logging
import re
import xml.etree.ElementTree as etree
from functools import lru_cache
from html import escape
from pathlib import Path
from typing import Any

from markdown import Extension, Markdown
from markdown.inlinepatterns import InlineProcessor
from markdown.postprocessors import Postprocessor
from markdown.preprocessors import Preprocessor
from markdown.treeprocessors import Treeprocessor

from attnsite.content import questions as content
from attnsite.records.mistakes import Mistake
from attnsite.site import addresses
from attnsite.site.addresses import Page
from attnsite.site.answers import Answers
from attnsite.site.markdown import formulas, glossary_links, numbers
from attnsite.site.markdown.citations import Citations

PAGE = "<!-- attnsite:page {} -->"
SOURCES = "<!-- attnsite:sources -->"
BRIEF = ("evidence.md",)  # cites nearly all sources: their own page has the notes
_PAGE = re.compile(r"\s*<!-- attnsite:page (\S+) -->\s*")
HELD = re.compile(r"<!--attnsite:mark (\d+)-->")
log = logging.getLogger("mkdocs.attnsite")


class Markup(Extension):
    """The extension. A builder that has read the checkout gives its `answers`; for others it is read once, from the
    folder `root`, found upwards from here when it is not named."""

    def __init__(self, **options: Any) -> None:
        self.config = {
            "answers": ["", "the checkout's answers, where they are known"],
            "root": ["", "the checkout; empty: the nearest folder upwards with an mkdocs.yml"],
            "rewritten": [False, "whether the site's builder rewrites the links of raw HTML, as Zensical does"],
        }
        super().__init__(**options)
        if self.getConfig("rewritten"):
            addresses.rewrite(True)
        self.page = Page("index.md")
        self.held: list[content.Mark | content.Malformed] = []
        self.figures: set[str] = set()
        self.warned: dict[str, int] = {}

    def extendMarkdown(self, md: Markdown) -> None:
        md.registerExtension(self)
        md.attnsite = self  # type: ignore[attr-defined]  # where the fence finds the page and its records
        md.ESCAPED_CHARS = [*md.ESCAPED_CHARS, "$"]
        md.preprocessors.register(_Directive(md, self), "attnsite_page", 100)
        md.parser.blockprocessors.register(formulas.BlockFormula(md.parser, self), "attnsite_formula", 90)
        md.inlinePatterns.register(formulas.InlineFormula(md, self), "attnsite_formula", 185)
        md.inlinePatterns.register(_Mark(md, self), "attnsite_mark", 175)
        md.treeprocessors.register(_Terms(md, self), "attnsite_terms", 15)
        md.treeprocessors.register(_Corners(md), "attnsite_corners", 14)
        md.postprocessors.register(formulas.FormulaStyle(md, self), "attnsite_formula_style", 1)
        md.postprocessors.register(_Resolve(md, self), "attnsite_resolve", 0)

    def reset(self) -> None:
        self.page = Page("index.md")
        self.held = []
        self.figures = set()
        self.warned = {}

    @property
    def root(self) -> Path:
        """The checkout's folder."""
        given = self.getConfig("answers")
        return given.checkout.root if given else find_root(self.getConfig("root"))

    @property
    def answers(self) -> Answers:
        return self.getConfig("answers") or answers_of(self.root)

    def warn(self, mistake: Mistake, source: str) -> None:
        """Tell of a mistake at the place where `source`, the text at fault, stands in the file behind the page."""
        file = Path("docs") / self.page.path
        known = file if (self.root / file).is_file() else Path(self.page.path)
        what = mistake.what if source in mistake.what else f"{source} {mistake.what}"
        log.warning(str(Mistake(known.as_posix(), self._line(known, source), what, mistake.remedy)))

    def _line(self, file: Path, source: str) -> int | str:
        """The line on which a text begins, the next one each time it is asked for again; empty on a generated page."""
        path = self.root / file
        text = path.read_text(encoding="utf-8-sig") if path.is_file() else ""
        places = [match.start() for match in re.finditer(re.escape(source), text)]
        if not places:
            return ""
        seen = self.warned[source] = self.warned.get(source, -1) + 1
        return text.count("\n", 0, places[min(seen, len(places) - 1)]) + 1


@lru_cache(maxsize=1)
def answers_of(root: Path) -> Answers:
    """The answers of a checkout, for a builder that knows this extension alone: they are read once in its process."""
    return Answers.load(root)


def find_root(named: str) -> Path:
    """The checkout: the folder named, else the nearest one upwards that holds an `mkdocs.yml`."""
    if named:
        return Path(named).resolve()
    here = Path.cwd()
    return next((folder for folder in (here, *here.parents) if (folder / "mkdocs.yml").is_file()), here)


class _Directive(Preprocessor):
    """Takes the page's own path from the comment it begins with."""

    def __init__(self, md: Markdown, markup: Markup) -> None:
        super().__init__(md)
        self.markup = markup

    def run(self, lines: list[str]) -> list[str]:
        for at, line in enumerate(lines):
            match = _PAGE.fullmatch(line)
            if match:
                self.markup.page = Page(match[1])
                return [*lines[:at], *lines[at + 1 :]]
            if line.strip():
                break
        return lines


class _Terms(Treeprocessor):
    """Links the terms of the glossary on pages of questions."""

    def __init__(self, md: Markdown, markup: Markup) -> None:
        super().__init__(md)
        self.markup = markup

    def run(self, root: etree.Element) -> None:
        if self.markup.page.path.startswith("questions/"):
            glossary_links.link(root, self.markup.answers.checkout.terms, self.markup.page)


class _Corners(Treeprocessor):
    """An empty head of a column, as the corner of a table has it, is an ordinary cell: a head must say something."""

    def run(self, root: etree.Element) -> None:
        for head in root.iter("th"):
            if not len(head) and not (head.text or "").strip():
                head.tag = "td"


class _Mark(InlineProcessor):
    """Holds a mark's place in the text; `_Resolve` fills it."""

    def __init__(self, md: Markdown, markup: Markup) -> None:
        super().__init__(r"\[(?=[@=])[^\[\]]*\](?!\()", md)
        self.markup = markup

    def handleMatch(self, match: re.Match[str], data: str) -> tuple[str | None, int | None, int | None]:  # type: ignore[override]
        found = content.marks(match[0]) or content.malformed(match[0])
        if not found:
            return None, None, None
        self.markup.held.append(found[0])
        held = f"<!--attnsite:mark {len(self.markup.held) - 1}-->"
        return self.md.htmlStash.store(held), match.start(0), match.end(0)


class _Resolve(Postprocessor):
    """Replaces the marks in the order in which they are read, then writes the list of sources in its place."""

    def __init__(self, md: Markdown, markup: Markup) -> None:
        super().__init__(md)
        self.markup = markup

    def run(self, text: str) -> str:
        if not self.markup.held and SOURCES not in text:
            return text
        citations = Citations(self.markup.answers.checkout.sources)

        def resolve(match: re.Match[str]) -> str:
            mark = self.markup.held[int(match[1])]
            try:
                if isinstance(mark, content.Malformed):
                    raise Mistake(self.markup.page.path, "", "is not a mark", mark.why)
                if isinstance(mark, content.Cite):
                    return citations.cite(mark, self.markup.page.path)
                return numbers.number(mark, self.markup.answers, self.markup.page, self.markup.figures)
            except Mistake as mistake:
                self.markup.warn(mistake, mark.source)
                return _unresolved(mark.source, mistake)

        text = HELD.sub(resolve, text)
        return text.replace(SOURCES, citations.listed(notes=self.markup.page.path not in BRIEF))


def _unresolved(source: str, mistake: Mistake) -> str:
    return f'<mark class="unresolved" title="{escape(mistake.what)}">{escape(source)}</mark>'


def makeExtension(**options: Any) -> Markup:
    return Markup(**options)
