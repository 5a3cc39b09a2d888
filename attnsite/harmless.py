"""What a text from anybody may not hold: markup that acts, or loads from elsewhere. Read where it is written, so that
its author is told the line; what a built page holds is looked at again when the site is finished."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape

from attnsite.marks import blank

PLAIN = {"abbr", "br", "kbd", "small", "sub", "sup"}  # elements that a question may hold, with a title at most
ACTING = {
    "applet", "audio", "base", "embed", "foreignobject", "frame", "frameset", "iframe", "link", "math", "meta",
    "noscript", "object", "portal", "script", "style", "svg", "template", "video", "xml",
}  # fmt: skip
SCHEMES = {"http", "https", "mailto"}
# Not what looks like an address in angle brackets, which Markdown makes a link of.
_TAG = re.compile(r"</?([a-zA-Z][\w-]*)(?=[\s/>]|$)((?:[^\"'<>]|\"[^\"]*\"|'[^']*')*)>?|<[!?][^>]*>?", re.MULTILINE)
_ATTRIBUTE = re.compile(r"([^\s\"'<>/=]+)(?:\s*=\s*(\"[^\"]*\"|'[^']*'|[^\s\"'>]+))?")
_LIST = re.compile(r"\{:?([^{}\n]*)\}")
_TARGET = re.compile(r"\]\([ \t]*\n?[ \t]*<?[ \t]*([^\s)>]+)|^ {0,3}\[[^\]\n]+\]:\s*<?\s*(\S+)", re.MULTILINE)
_IMAGE = re.compile(r"!\[[^\[\]\n]{0,500}\]\([ \t]*\n?[ \t]*<?[ \t]*([^\s)>]+)")
_AUTO = re.compile(r"<([a-zA-Z][a-zA-Z0-9+.-]{0,30}):[^\s<>]*>")
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*):")


@dataclass(frozen=True)
class Found:
    """Something that may not stand in a text: on which of its lines, what it is, and what to do instead."""

    line: int
    what: str
    remedy: str


def find(text: str, plain: bool) -> list[Found]:
    """What a Markdown text may not hold; in a `plain` one, a question's, raw HTML is nearly all of it."""
    shown = blank(text)
    found = [*_in_tags(shown, plain), *_in_lists(shown), *_in_links(shown)]
    return sorted(set(found), key=lambda each: (each.line, each.what))


def _line(text: str, at: int) -> int:
    return text.count("\n", 0, at) + 1


def _in_tags(text: str, plain: bool) -> Iterator[Found]:
    for match in _TAG.finditer(text):
        line, name = _line(text, match.start()), (match[1] or "").lower()
        shown = f"holds {match[0][:40].splitlines()[0]!r}"
        if not name or name in ACTING:
            if name or plain:
                yield Found(line, shown, "write it as Markdown; a figure is a fence named `figure`")
        elif plain and name not in PLAIN:
            yield Found(
                line, shown, f"write Markdown, or &lt; for the sign; of HTML there may be {', '.join(sorted(PLAIN))}"
            )
        for attribute, value in _ATTRIBUTE.findall(match[2] or ""):
            yield from _attribute(line, attribute.lower(), value.strip("\"'"), plain and name in PLAIN)


def _attribute(line: int, name: str, value: str, plain: bool) -> Iterator[Found]:
    if name.startswith("on") or name in ("style", "srcdoc", "formaction"):
        yield Found(line, f"holds the attribute {name}", "leave it out: no page may run or dress what a text says")
    elif plain and name != "title":
        yield Found(line, f"holds the attribute {name}", "leave it out; a title may stay")
    elif name in ("href", "src", "srcset", "action", "data", "xlink:href", "poster"):
        yield from _address(line, value, loads=name in ("src", "srcset", "data", "poster"))


def _in_lists(text: str) -> Iterator[Found]:
    """Attributes in braces, behind a heading, a paragraph or a word."""
    for match in _LIST.finditer(text):
        for name, value in _ATTRIBUTE.findall(match[1]):
            if value:
                yield from _attribute(_line(text, match.start()), name.lower(), value.strip("\"'"), plain=False)


def _in_links(text: str) -> Iterator[Found]:
    for match in _TARGET.finditer(text):
        yield from _address(_line(text, match.start()), match[1] or match[2], loads=False)
    for match in _IMAGE.finditer(text):
        yield from _address(_line(text, match.start()), match[1], loads=True)
    for match in _AUTO.finditer(text):
        yield from _address(_line(text, match.start()), f"{match[1]}:", loads=False)


def _address(line: int, address: str, loads: bool) -> Iterator[Found]:
    plain = re.sub(r"[\x00-\x20\x7f\\]", "", unescape(address)).lower()
    scheme = _SCHEME.match(plain)
    if scheme and scheme[1] not in SCHEMES:
        yield Found(line, f"links to {address[:40]!r}", f"link to a page, a file or {', '.join(sorted(SCHEMES))}")
    elif loads and (scheme or plain.startswith("//")):
        yield Found(line, f"loads {address[:40]!r} from another host", "put the file into docs/assets, or link to it")
