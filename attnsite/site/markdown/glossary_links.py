"""Terms of the glossary in a page's text: the first time a question uses one, it is a link to its meaning."""

import posixpath
import re
import xml.etree.ElementTree as etree
from collections.abc import Sequence

from attnsite.content.glossary import Term
from attnsite.site.addresses import Page

PAGE = "glossary.md"
SKIPPED = {"a", "code", "pre", "abbr", "h1", "h2", "h3", "h4", "h5", "h6", "script", "style", "figure", "summary"}


def link(tree: etree.Element, terms: Sequence[Term], page: Page) -> None:
    """Make the first use of every term in prose a link with its meaning as a title; headings stay as they are."""
    names = {name.lower(): term for term in terms if term.linked for name in (term.name, *term.others)}
    if not names:
        return
    wanted = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
    pattern = re.compile(rf"(?<![\w-])({wanted})(?:s|es)?(?![\w-])", re.IGNORECASE)
    there = posixpath.relpath(PAGE, posixpath.dirname(page.path))
    seen: set[str] = set()

    def split(text: str | None) -> tuple[str | None, list[etree.Element]]:
        """A text as what stands before its first term, and links with what follows each."""
        if not text:
            return text, []
        links: list[etree.Element] = []
        first, at = text, 0
        for match in pattern.finditer(text):
            term = names[match[1].lower()]
            if term.name in seen:
                continue
            seen.add(term.name)
            href = f"{there}#{term.anchor}"  # of the source, as authors write links: the site's builder resolves it
            made = etree.Element("a", {"class": "term", "href": href, "title": f"{term.name} · {term.meaning}"})
            made.text = match[0]
            if links:
                links[-1].tail = text[at : match.start()]
            else:
                first = text[: match.start()]
            links.append(made)
            at = match.end()
        if links:
            links[-1].tail = text[at:]
        return first, links

    def walk(node: etree.Element) -> None:
        node.text, links = split(node.text)
        children = list(node)
        for place, made in enumerate(links):
            node.insert(place, made)
        for child in children:
            if child.tag not in SKIPPED and isinstance(child.tag, str):
                walk(child)
            child.tail, links = split(child.tail)
            for made in reversed(links):
                node.insert(list(node).index(child) + 1, made)

    walk(tree)
