"""Pages that are made of text alone, as MkDocs renders them, kept from build to build: most pages of the site are.

A page is such a one where nothing but its own text, the site's extensions and the pages that it links to decide what
becomes of it: it holds no mark, no figure and no term of the glossary. MkDocs parses each page's HTML twice and makes
all extensions anew for each, which for the models' pages alone was most of a build.
"""

import logging
import posixpath
import re
from collections.abc import Iterable
from functools import cache as once
from importlib.metadata import version
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import Files
from mkdocs.structure.pages import Page
from mkdocs.structure.toc import AnchorLink, TableOfContents

from attnsite.site import disk_cache
from attnsite.site.disk_cache import Cache
from attnsite.site.markdown import extension

_DEPENDS = re.compile(r"\[[@=]|^[ \t]*[`~]{3,}\s*figure\b|<!-- attnsite:(?!page )", re.MULTILINE)
_TARGET = re.compile(r"\]\(\s*<?([^)\s>]+)|^\s*\[[^\]]+\]:\s*<?(\S+)", re.MULTILINE)
_LINKED = "questions/"  # of these pages the terms are links to the glossary


def remember(page: Page, cache: Cache) -> None:
    """Let a page that was generated be rendered from what is kept, if it is one of those."""
    render = page.render

    def rendered(config: MkDocsConfig, files: Files) -> None:
        text = page.markdown or ""
        if _DEPENDS.search(text):
            render(config, files)
            return
        heard = _Heard()

        def make() -> Any:
            logging.getLogger("mkdocs").addHandler(heard)
            try:
                render(config, files)
            finally:
                logging.getLogger("mkdocs").removeHandler(heard)
            return None if heard.warned else _written(page)

        made_from = ("page", _code(), _options(config), page.file.src_uri, text, _targets(page, text, files))
        held = cache.kept(made_from, lambda: make() or object())  # which is no JSON, and not kept
        if isinstance(held, dict):
            _read(page, held, files)

    if page.file.generated_by and not page.file.src_uri.startswith(_LINKED):
        page.render = rendered  # type: ignore[method-assign]


class _Heard(logging.Handler):
    """Whether anything was warned of: a page that is kept would not be warned of again."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.warned = False

    def emit(self, record: logging.LogRecord) -> None:
        self.warned = True


@once
def _code() -> tuple[str, ...]:
    """The code that makes HTML of a page's text."""
    libraries = ("mkdocs", "markdown", "pymdown-extensions", "pygments", "latex2mathml")
    own = (disk_cache.code_of(Path(extension.__file__)), disk_cache.code_of(Path(__file__)))
    return (*own, *map(version, libraries))


def _options(config: MkDocsConfig) -> str:
    """What the configuration says of extensions and links."""
    options = {name: options for name, options in config.mdx_configs.items() if name != extension.__name__}
    fences = re.sub(r" at 0x[0-9a-f]+", "", repr((config.markdown_extensions, options)))
    return f"{fences} {config.use_directory_urls} {config.validation.links}"


def _targets(page: Page, text: str, files: Files) -> list[tuple[str, str | None]]:
    """The files of the site that a text may link to, each with its address; None for one that is not there."""
    folder = posixpath.dirname(page.file.src_uri)
    found = dict.fromkeys((one or other).partition("#")[0].partition("?")[0] for one, other in _TARGET.findall(text))
    paths = [posixpath.normpath(posixpath.join(folder, path)) for path in found if path and "://" not in path]
    known = {path: files.get_file_from_path(path) for path in paths}
    return [(path, file.url if file else None) for path, file in sorted(known.items())]


def _written(page: Page) -> dict[str, Any]:
    return {
        "content": page.content,
        "toc": [_entry(item) for item in page.toc],
        "title": page._title_from_render,
        "anchors": sorted(page.present_anchor_ids or ()),
        "links": {file.src_uri: dict(anchors) for file, anchors in (page.links_to_anchors or {}).items()},
    }


def _entry(item: AnchorLink) -> list[Any]:
    return [item.title, item.id, item.level, [_entry(child) for child in item.children]]


def _read(page: Page, held: dict[str, Any], files: Files) -> None:
    page.content = held["content"]
    page.toc = TableOfContents(list(_entries(held["toc"])))
    for item in page.toc.items[:1]:
        item.active = True  # type: ignore[attr-defined]  # as MkDocs has it
    page._title_from_render = held["title"]
    page.present_anchor_ids = set(held["anchors"])
    found = {files.get_file_from_path(path): anchors for path, anchors in held["links"].items()}
    page.links_to_anchors = {file: anchors for file, anchors in found.items() if file}


def _entries(items: list[list[Any]]) -> Iterable[AnchorLink]:
    for title, anchor, level, children in items:
        entry = AnchorLink(title, anchor, level)
        entry.children = list(_entries(children))
        yield entry
