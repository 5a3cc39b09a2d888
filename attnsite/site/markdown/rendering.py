"""Markdown as the site renders it, for what is judged by what a page would show: the same extensions, without results.

Marks become empty `data` elements, and a figure is left out: what stands for them on a page is ours.
"""

import copy
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any
from xml.etree.ElementTree import Element

from markdown import Markdown
from markdown.postprocessors import Postprocessor
from markdown.treeprocessors import Treeprocessor

from attnsite.records.mistakes import Mistake
from attnsite.site.markdown import extension as markup

BUILTINS = ("toc", "tables", "fenced_code")  # of MkDocs, whatever the configuration lists
MARK = "mark"  # the class of what stands for a mark


@dataclass(frozen=True)
class Rendered:
    """A text's HTML, the HTML in it that its author wrote, its marks as they were written, and each text that an
    extension could not read, with the reason. `defined` are the abbreviations and addresses that it gives names to,
    with what they say, used or not."""

    html: str
    raw: tuple[str, ...]
    marks: tuple[str, ...]
    unread: tuple[tuple[str, Mistake], ...]
    defined: tuple[tuple[str, str], ...]


class Renderer:
    """The site's Markdown, as the configuration of a checkout has it."""

    def __init__(self, configuration: Mapping[str, Any]) -> None:
        names, options = extensions(configuration)
        self._markup = _Markup()
        self._markdown = Markdown(extensions=[*names, self._markup], extension_configs=options)
        self._raw: list[str] = []
        self._labels = _Labels(self._markdown)
        self._markdown.treeprocessors.register(self._labels, "attnsite_labels", 7.5)  # between attr_list and toc
        self._listen()

    def render(self, text: str) -> Rendered:
        self._raw.clear()
        md: Any = self._markdown
        html = md.reset().convert(text)
        marks = tuple(mark.source for mark in self._markup.held)
        named = {**getattr(md.treeprocessors["abbr"], "abbrs", {})} if "abbr" in md.treeprocessors else {}
        named |= {name: " ".join(filter(None, told)) for name, told in md.references.items()}
        unread = (*self._markup.unread, *((label, _LABEL) for label in self._labels.found))
        return Rendered(html, tuple(self._raw), marks, unread, tuple(named.items()))

    def _listen(self) -> None:
        """Keep what the two readers of raw HTML, of blocks and of words, take for it."""
        md = self._markdown
        block: Any = md.preprocessors["html_block"]
        inline: Any = md.inlinePatterns["html"]
        run, handle = block.run, inline.handleMatch

        def blocks(lines: list[str]) -> list[str]:
            before = len(md.htmlStash.rawHtmlBlocks)
            made: list[str] = run(lines)
            self._raw += map(_written, md.htmlStash.rawHtmlBlocks[before:])
            return made

        def words(match: Any, data: str) -> Any:
            self._raw.append(match[1])
            return handle(match, data)

        block.run, inline.handleMatch = blocks, words


def extensions(configuration: Mapping[str, Any]) -> tuple[list[str], dict[str, dict[str, Any]]]:
    """The Markdown extensions of the site and their options, without the one for marks; figures are left out."""
    names, options = list(BUILTINS), {}
    for entry in configuration.get("markdown_extensions") or []:
        name, given = next(iter(entry.items())) if isinstance(entry, dict) else (entry, None)
        if name != "attnsite.site.markdown.extension":
            names.append(name)
            options[name] = copy.deepcopy(dict(given or {}))
    for fence in options.get("pymdownx.superfences", {}).get("custom_fences", []):
        fence["format"] = _figure
    return list(dict.fromkeys(names)), options


def _figure(source: str, *_: object, **__: object) -> str:
    return "<figure></figure>"


def _written(block: str | Element) -> str:
    """Raw HTML as text; what was written to hold Markdown by its tags alone."""
    if isinstance(block, str):
        return block
    return "".join(f"<{tag.tag} {' '.join(_attributes(tag))}>" for tag in block.iter() if isinstance(tag.tag, str))


def _attributes(tag: Element) -> Sequence[str]:
    return [f'{name}="{escape(value)}"' for name, value in tag.attrib.items()]


class _Markup(markup.Markup):
    """The site's extension, which reads no records: marks are held, and what it would warn of."""

    def extendMarkdown(self, md: Markdown) -> None:
        super().extendMarkdown(md)
        md.treeprocessors.deregister("attnsite_terms")
        md.postprocessors.deregister("attnsite_resolve")
        for own in ("attnsite_formula_style",):  # what the site adds to a page of itself
            if own in md.postprocessors:
                md.postprocessors.deregister(own)
        md.postprocessors.register(_Marks(md, self), "attnsite_resolve", 0)

    def reset(self) -> None:
        super().reset()
        self.unread: list[tuple[str, Mistake]] = []

    def warn(self, mistake: Mistake, source: str) -> None:
        self.unread.append((source, mistake))


_LABEL = Mistake(
    "", "", "holds the attribute data-toc-label", "leave it out: a heading is what the contents show of it"
)


class _Labels(Treeprocessor):
    """Sees what a table of contents would say in a heading's place, before it is taken off the heading."""

    def __init__(self, md: Markdown) -> None:
        super().__init__(md)
        self.found: list[str] = []

    def run(self, root: Element) -> None:
        self.found = ["data-toc-" for each in root.iter() for name in each.attrib if name.startswith("data-toc")]


class _Marks(Postprocessor):
    def __init__(self, md: Markdown, held: _Markup) -> None:
        super().__init__(md)
        self.held = held

    def run(self, text: str) -> str:
        def mark(match: re.Match[str]) -> str:
            at = int(match[1])  # of one that somebody typed there is none
            written = self.held.held[at].source if at < len(self.held.held) else ""
            return f'<data class="{MARK}" value="{escape(written)}"></data>'

        return markup.HELD.sub(mark, text).replace(markup.SOURCES, "")
