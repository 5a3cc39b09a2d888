"""HTML as a browser reads it, by a parser that follows the same standard: which elements it makes, what they show."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from selectolax.lexbor import LexborHTMLParser, LexborNode

# What a text stands in on a page; whatever it closes of these, it did not open.
_BEFORE = "<!DOCTYPE html><html><head><title>t</title></head><body><main><section><div><span>text</span>"
_AFTER = "<hr></div></section></main></body></html>"
_AROUND = ("html", "head", "title", "body", "main", "section", "div", "span")
Step = tuple[Literal["open", "text", "close"], LexborNode]


@dataclass(frozen=True)
class Element:
    """An element by its name in lower case; an attribute without a value has the empty one."""

    name: str
    attributes: Mapping[str, str]


def elements(page: str) -> list[Element]:
    """Every element of a whole page, in order."""
    root = LexborHTMLParser(page).root
    return [*(_element(node) for node in _inside(root)), *_lost(page)] if root else []


def scripts(page: str) -> list[tuple[str, Mapping[str, str], str]]:
    """The scripts and style sheets that stand in a page: name, attributes and the text that its hash is of."""
    found = LexborHTMLParser(page).css("script, style")
    return [(node.tag or "", _attributes(node), node.text() or "") for node in found]


def enclosed(text: str) -> tuple[list[Element], bool]:
    """The elements of a text that stands within a page, and whether it stays within: whether what comes before and
    behind it is as it would be without it."""
    root = LexborHTMLParser(_BEFORE + text + _AFTER).root
    found = [_element(node) for node in _inside(root)] if root else []
    around, own, last = found[: len(_AROUND)], found[len(_AROUND) : -1], found[-1:]
    whole = [each.name for each in around] == list(_AROUND) and not any(each.attributes for each in around)
    return [*own, *_lost(text)], whole and [each.name for each in last] == ["hr"] and _stays(root)


def _stays(root: LexborNode | None) -> bool:
    """Whether the line behind the text is the last thing in the innermost element that was opened before it."""
    bodies = root.css("body") if root else []
    node: LexborNode | None = bodies[0] if len(bodies) == 1 else None
    for name in ("main", "section", "div"):
        children = list(node.iter()) if node else []
        node = children[0] if [child.tag for child in children] == [name] else None
    return node is not None and list(node.iter())[-1].tag == "hr"


def steps(text: str) -> Iterator[Step]:
    """Walk through a text that stands within a page: each element as it opens and closes, and its texts."""
    root = LexborHTMLParser(_BEFORE.removesuffix("<span>text</span>") + text).body
    waiting: list[Step] = [("open", root)] if root else []
    while waiting:
        kind, node = waiting.pop()
        yield kind, node
        if kind == "open":
            waiting.append(("close", node))
            children = list(node.iter(include_text=True))
            waiting += [("text" if child.is_text_node else "open", child) for child in reversed(children)]


def _lost(text: str) -> list[Element]:
    """What browsers make a picture of anywhere, and this parser loses within a table: said by its name, wherever."""
    return [Element("image", {})] if re.search(r"<image[\s/>]", text, re.IGNORECASE) else []


def _inside(root: LexborNode) -> Iterator[LexborNode]:
    """All elements, in order; not what stands in a template, which no page of ours may have."""
    return (node for node in root.traverse() if node.is_element_node)


def _element(node: LexborNode) -> Element:
    return Element((node.tag or "").lower(), _attributes(node))


def _attributes(node: LexborNode) -> dict[str, str]:
    return {name.lower(): value or "" for name, value in node.attributes.items()}
