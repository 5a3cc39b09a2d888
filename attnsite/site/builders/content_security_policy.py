"""The Content-Security-Policy of a built site, and what no page may hold whoever wrote it.

Scripts are those of files of the site and the few that the theme writes into every page, by their hashes. One policy
holds for all pages: with instant navigation the first page's rules for all that follow. Whatever looks like a script
and is not the theme's, or would load or send something elsewhere, stops the build.
"""

import base64
import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from attnsite.content import unsafe_markup
from attnsite.content.parsed_html import Element, elements, scripts
from attnsite.records.mistakes import Mistake
from attnsite.site import disk_cache
from attnsite.site.disk_cache import Cache

_DATA = re.compile(r"(?:application|text)/(?:ld\+)?json")
# The way to the site's root, which pages differ in; on the page of what is not found it is the root's whole path.
_SCOPE = re.compile(r'(?<=new URL\(")[\w./~-]*(?=",location\))')
_POLICY = re.compile(r'\s*<meta http-equiv="Content-Security-Policy"[^>]*>')
_CHARSET = re.compile(r"<meta charset=[^>]*>", re.IGNORECASE)
_SHARE = 'href="javascript:void(0)"'  # the theme's link to a search, whose address it sets when there is one

# What the pages of the site are made of: elements of a text, of the theme, of forms that send nothing, of drawings.
# No frame, no embedded document, no template, nothing that animates an attribute.
ALLOWED = {
    *unsafe_markup.ALLOWED,
    "html", "head", "body", "title", "meta", "link", "script", "style", "nav", "main", "form", "fieldset", "legend",
    "label", "button", "input", "select", "option", "optgroup", "datalist", "textarea", "output", "progress",
    "meter", "dialog", "search", "canvas", "address", "hgroup", "ruby", "rt", "rp", "source", "svg", "g", "defs",
    "symbol", "use", "path", "rect", "circle", "ellipse", "line", "polyline", "polygon", "text", "tspan", "desc",
    "marker", "clippath", "mask", "pattern", "lineargradient", "radialgradient", "stop",
}  # fmt: skip
FIELDS = {"", "button", "checkbox", "color", "date", "number", "radio", "range", "reset", "search", "text"}
LINKS = {  # what a page may be linked with; only what is not fetched may lie elsewhere
    "alternate", "author", "canonical", "describedby", "feed", "icon", "license", "manifest", "modulepreload",
    "next", "preload", "prefetch", "prev", "stylesheet", "shortcut",
}  # fmt: skip
TOLD = {"alternate", "author", "canonical", "describedby", "feed", "license", "next", "prev"}
ADDRESSES = {"href", "src", "srcset", "xlink:href", "data", "poster", "background", "ping", "cite", "longdesc"}
LOADED = {"src", "srcset", "poster", "background", "data", "ping"}
SENDING = {"action", "formaction", "method", "formmethod", "srcdoc", "target", "formtarget", "is", "ping"}
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*):")
_SAFE = {"http", "https", "mailto", "data"}
# Plotly puts an empty style element into the page and fills it rule by rule, which no policy can tell from outside.
EMPTY = ""


@dataclass(frozen=True)
class Held:
    """What a page holds that a policy decides on: the scripts and styles in it that a browser would heed, each with its
    element's name; and what no page may hold."""

    inline: tuple[tuple[str, str], ...]
    faults: tuple[str, ...]


def read(html: str, cache: Cache | None = None) -> Held:
    """What a page holds; with a `cache`, of pages that it has seen before as they are, from there."""
    if cache is None:
        return Held(tuple(_inline(html)), tuple(_in_elements(html)))

    def make() -> list[Any]:
        held = read(html)
        return [[list(each) for each in held.inline], list(held.faults)]

    inline, faults = cache.kept(("policy", disk_cache.code_of(Path(__file__)), html), make)
    return Held(tuple((kind, text) for kind, text in inline), tuple(faults))


def policy(pages: Mapping[str, Held]) -> str:
    """The policy under which all these pages run. Raises nothing: `faults` names what it does not allow."""
    scripts, styles = _template(pages)
    return "; ".join([
        "default-src 'self'",  # what is left to it here is fetching the next page early, which Firefox counts under it
        "object-src 'none'",
        "frame-src 'none'",
        "media-src 'none'",
        f"script-src 'self' {' '.join(sorted(map(digest, scripts)))}".rstrip(),
        f"style-src 'self' {' '.join(sorted(map(digest, styles | {EMPTY})))}",
        "img-src 'self' data: blob:",
        "font-src 'self' data:",  # the font of formulas lies in its style sheet
        "connect-src 'self'",
        "worker-src 'self'",
        "manifest-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
    ])  # fmt: skip


def digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _inline(html: str) -> list[tuple[str, str]]:
    """The scripts and styles that a page holds and a browser would heed, each with its element's name."""
    return [
        (kind, text)
        for kind, attributes, text in scripts(html)
        if not (kind == "script" and _DATA.fullmatch(attributes.get("type", ""))) and "src" not in attributes
    ]


def _alike(text: str) -> str:
    return _SCOPE.sub("", text)


def _template(pages: Mapping[str, Held]) -> tuple[set[str], set[str]]:
    """Inline scripts and styles that the theme writes: those that every page has, but for the way to the root."""
    found = [page.inline for page in pages.values()]
    everywhere = set.intersection(*({(k, _alike(t)) for k, t in page} for page in found)) if found else set()
    ours = {(kind, text) for page in found for kind, text in page if (kind, _alike(text)) in everywhere}
    return {text for kind, text in ours if kind == "script"}, {text for kind, text in ours if kind == "style"}


def faults(pages: Mapping[str, Held]) -> list[Mistake]:
    """What stands in a page and may not, one mistake for each kind of it and page."""
    scripts, styles = _template(pages)
    found: dict[Mistake, None] = {}
    for path, page in pages.items():
        for kind, text in page.inline:
            if text not in (scripts if kind == "script" else styles):
                found[_mistake(path, f"a {kind} that the theme did not write: {_short(text)}")] = None
        for what in page.faults:
            found[_mistake(path, what)] = None
    return list(found)


def _mistake(path: str, what: str) -> Mistake:
    remedy = "take it out of the text, record or template that it comes from; `attnsite check` may know the line"
    return Mistake(path, "", f"holds {what}", remedy)


def _short(text: str) -> str:
    return repr(" ".join(text.split())[:60])


def _in_elements(html: str) -> Iterable[str]:
    found = dict.fromkeys((each.name, *each.attributes.items()) for each in elements(html))
    for name, *attributes in found:
        yield from _in_element(str(name), tuple(attributes))  # type: ignore[arg-type]


@lru_cache(maxsize=65536)  # pages share their menus
def _in_element(name: str, attributes: tuple[tuple[str, str], ...]) -> tuple[str, ...]:
    element = Element(name, dict(attributes))
    found = [] if name in ALLOWED else [f"the element {name}"]
    if name == "input" and element.attributes.get("type", "").lower() not in FIELDS:
        found.append(f"a field of the type {_short(element.attributes['type'])}")
    if name == "link":
        kinds = set(element.attributes.get("rel", "").lower().split())
        if not kinds or not kinds <= LINKS:
            found.append(f"a link of the kind {_short(element.attributes.get('rel', ''))}")
        elif not kinds <= TOLD and unsafe_markup.foreign(element.attributes.get("href", "")):
            found.append(f"something that loads from another host: {_short(element.attributes['href'])}")
    for attribute, value in attributes:
        found += _in_attribute(name, attribute, value)
    return tuple(found)


def _in_attribute(element: str, name: str, value: str) -> Iterable[str]:
    if name.startswith("on"):
        yield f"the attribute {name}: {_short(value)}"
    elif name == "style":
        yield f"the attribute {name}, which the policy ignores: {_short(value)}"
    elif name in SENDING and not (name == "target" and value in ("_blank", "_self")):
        yield f"the attribute {name}, which sends or shows something elsewhere: {_short(value)}"
    elif name == "http-equiv" and value.lower() != "content-security-policy":
        yield f"a meta element that acts: {_short(value)}"
    elif name in ADDRESSES:
        for address in re.split(r",\s+", value) if name == "srcset" else [value]:
            yield from _in_address(element, name, address)


def _in_address(element: str, name: str, value: str) -> Iterable[str]:
    address = unsafe_markup.plainly(value)
    scheme = _SCHEME.match(address)
    inside = bool(scheme and scheme[1] == "data")
    if (scheme and scheme[1] not in _SAFE) or (inside and re.match(r"data:\s*text/html", address)):
        yield f"an address that acts: {_short(value)}"
    elif element == "use" and not address.startswith("#"):
        yield f"a drawing of another file: {_short(value)}"
    elif name in LOADED and unsafe_markup.foreign(value) and not (inside and element in ("img", "source")):
        yield f"something that loads from another host: {_short(value)}"


def secured(html: str, rules: str) -> str:
    """A page with its policy as soon as its character set is said, before anything that it rules."""
    head, mark, rest = html.partition("</head>")
    meta = f'<meta http-equiv="Content-Security-Policy" content="{rules}">'
    head = _CHARSET.sub(lambda charset: f"{charset[0]}\n      {meta}", _POLICY.sub("", head), count=1)
    return head + mark + rest


def tame(html: str) -> str:
    """The theme's own page without the one address that no policy lets pass; its script sets a real one."""
    return html.replace(_SHARE, 'href="?q="')
