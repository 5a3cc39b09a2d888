"""Where things lie on the site, and the relative address of one from another: right under any sub-path."""

import posixpath
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from attnsite.content.questions import Question

# MkDocs leaves the links of raw HTML as they are, so they are written as the reader's browser needs them. Zensical
# takes them for links between source files, as Markdown's are, and rewrites them: for it they are written that way.
# Which of the two it is, is a fact about the builder that this process works for.
_rewritten = False


@dataclass(frozen=True)
class Page:
    """A page by its source path, such as `questions/cost/kv_cache.md`, built with directory addresses."""

    path: str

    @property
    def folder(self) -> str:
        """The folder that the page is served from: `questions/cost/kv_cache`; empty for the home page."""
        return address(self.path).rstrip("/")

    def to(self, target: str) -> str:
        """The address of another page (its `.md` path) or of any other file of the site, for a link of this page."""
        return self._relative(target, posixpath.dirname(self.path) if _rewritten else self.folder)

    def at(self, target: str) -> str:
        """The same as the reader's browser needs it, for what no builder takes for a link."""
        return self._relative(target, self.folder)

    @staticmethod
    def _relative(target: str, origin: str) -> str:
        path, mark, fragment = target.partition("#")
        if not path:
            return target
        goal = address(path) if path.endswith(".md") else path
        relative = posixpath.relpath(goal or ".", origin or ".")
        if goal.endswith("/") or not goal:
            relative += "/"
        return relative + mark + fragment


def rewrite(links: bool) -> None:
    """Say whether the builder rewrites the links of raw HTML."""
    global _rewritten
    _rewritten = links


@contextmanager
def rewritten() -> Iterator[None]:
    """Addresses for a builder that rewrites links, for as long as this lasts."""
    before = _rewritten
    rewrite(True)
    try:
        yield
    finally:
        rewrite(before)


def within(html: str) -> str:
    """HTML of a page with a folder of its own, as the builder needs it: one level less deep, if it rewrites links."""
    return re.sub(r'((?:href|src|srcset)=")\.\./', r"\1", html) if _rewritten else html


def address(path: str) -> str:
    """The address of a page below the site's root: `method.md` is `method/`, `questions/index.md` is `questions/`."""
    folder, name = posixpath.split(path.removesuffix(".md"))
    parts = [folder] if name == "index" else [folder, name]
    joined = "/".join(part for part in parts if part)
    return joined + "/" if joined else ""


CATALOGUE = "results/index.json"  # what is published of whom, for the page's script


def result(machine: str, experiment: str) -> str:
    """Where a run's file is published."""
    return f"results/{machine}/{experiment}.json"


def figure(name: str, machine: str, ending: str) -> str:
    """Where a figure's file is published; `ending` is `.json`, `.csv`, `.svg`, `-wide.svg` or `-narrow.svg`."""
    return f"figures/{name}/{machine}{ending}"


def numbers(name: str) -> str:
    """The page that says where the numbers of a figure come from, by its source path."""
    return f"figures/{name}.md"


def number(name: str, value: str, machine: str) -> str:
    """The place of one number on that page; a count belongs to no machine, whose name is then empty."""
    return f"{numbers(name)}#{value}-{machine}" if machine else f"{numbers(name)}#{value}"


def path_of(question: Question) -> str:
    """The source path of a question's page."""
    return f"questions/{question.theme}/{question.slug}.md"
