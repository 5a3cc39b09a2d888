"""The Content-Security-Policy of a built site, and what no page may hold whoever wrote it.

Scripts are those of files of the site and the few that the theme writes into every page, by their hashes. One policy
holds for all pages: with instant navigation the first page's rules for all that follow. Whatever looks like a script
and is not the theme's, or would load or send something elsewhere, stops the build.
"""

import base64
import hashlib
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from html import unescape

from attnsite.errors import Mistake

_INLINE = re.compile(r"<(script|style)\b([^>]*)>(.*?)</\1\s*>", re.DOTALL | re.IGNORECASE)
_TAG = re.compile(r"<([a-zA-Z][\w:-]*)((?:[^\"'<>]|\"[^\"]*\"|'[^']*')*)>?")
_ATTRIBUTE = re.compile(r"""([^\s"'<>/=]+)(?:\s*=\s*("[^"]*"|'[^']*'|[^\s"'>]+))?""")
_DATA = re.compile(r"""type=["']?(?:application|text)/(?:ld\+)?json\b""")
# The way to the site's root, which pages differ in; on the page of what is not found it is the root's whole path.
_SCOPE = re.compile(r'(?<=new URL\(")[\w./~-]*(?=",location\))')
_POLICY = re.compile(r'\s*<meta http-equiv="Content-Security-Policy"[^>]*>')
_CHARSET = re.compile(r"<meta charset=[^>]*>", re.IGNORECASE)
_SHARE = 'href="javascript:void(0)"'  # the theme's link to a search, whose address it sets when there is one

FORBIDDEN = {"iframe", "frame", "object", "embed", "applet", "base", "portal", "foreignobject", "marquee"}
ADDRESSES = {"href", "src", "srcset", "action", "formaction", "xlink:href", "data", "poster", "background", "ping"}
LOADED = {"src", "srcset", "poster", "background", "data"}
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*):")
_SAFE = {"http", "https", "mailto", "data"}
# Plotly puts an empty style element into the page and fills it rule by rule, which no policy can tell from outside.
EMPTY = ""


def policy(pages: Mapping[str, str]) -> str:
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
        "font-src 'self'",
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
        (kind.lower(), text)
        for kind, attributes, text in _INLINE.findall(html)
        if not _DATA.search(attributes) and not re.search(r"\bsrc\s*=", attributes)
    ]


def _alike(text: str) -> str:
    return _SCOPE.sub("", text)


def _template(pages: Mapping[str, str]) -> tuple[set[str], set[str]]:
    """Inline scripts and styles that the theme writes: those that every page has, but for the way to the root."""
    found = [_inline(html) for html in pages.values()]
    everywhere = set.intersection(*({(k, _alike(t)) for k, t in page} for page in found)) if found else set()
    ours = {(kind, text) for page in found for kind, text in page if (kind, _alike(text)) in everywhere}
    return {text for kind, text in ours if kind == "script"}, {text for kind, text in ours if kind == "style"}


def faults(pages: Mapping[str, str]) -> list[Mistake]:
    """What stands in a page and may not, one mistake for each kind of it and page."""
    scripts, styles = _template(pages)
    found: dict[Mistake, None] = {}
    for path, html in pages.items():
        for kind, text in _inline(html):
            if text not in (scripts if kind == "script" else styles):
                found[_mistake(path, f"a {kind} that the theme did not write: {_short(text)}")] = None
        for what in _in_tags(_INLINE.sub(_emptied, html)):
            found[_mistake(path, what)] = None
    return list(found)


def _mistake(path: str, what: str) -> Mistake:
    remedy = "take it out of the text, record or template that it comes from; `attnsite check` may know the line"
    return Mistake(path, "", f"holds {what}", remedy)


def _short(text: str) -> str:
    return repr(" ".join(text.split())[:60])


def _emptied(match: re.Match[str]) -> str:
    return f"<{match[1]}{match[2]}></{match[1]}>"


def _in_tags(html: str) -> Iterable[str]:
    html = re.sub(r"<!--.*?-->", "", html, flags=re.DOTALL)
    for name, attributes in dict.fromkeys(_TAG.findall(html)):
        yield from _in_tag(name.lower(), attributes)


@lru_cache(maxsize=65536)  # pages share their menus
def _in_tag(name: str, attributes: str) -> tuple[str, ...]:
    found = [f"the element {name}"] if name in FORBIDDEN else []
    for attribute, quoted in _ATTRIBUTE.findall(attributes):
        found += _in_attribute(name, attribute.lower(), unescape(quoted.strip("\"'")))
    return tuple(found)


def _in_attribute(element: str, name: str, value: str) -> Iterable[str]:
    if name.startswith("on"):
        yield f"the attribute {name}: {_short(value)}"
    elif name in ("style", "srcdoc"):
        yield f"the attribute {name}, which the policy ignores: {_short(value)}"
    elif name == "http-equiv" and value.lower() != "content-security-policy":
        yield f"a meta element that acts: {_short(value)}"
    elif name in ADDRESSES:
        address = re.sub(r"[\x00-\x20\x7f]", "", value).lower()
        scheme = _SCHEME.match(address)
        if scheme and (scheme[1] not in _SAFE or (scheme[1] == "data" and address.startswith("data:text/html"))):
            yield f"an address that acts: {_short(value)}"
        elif element not in ("a", "link") and name in LOADED and re.match(r"https?:|//", address):
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
