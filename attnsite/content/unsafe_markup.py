"""What a text from anybody may hold, judged by the HTML that a page would show of it: a list of what is allowed.

Raw HTML is nearly all refused in a `plain` text, a question's; in any text whatever acts, asks for something, or loads
from elsewhere. What a built page holds is looked at again when the site is finished, by
`site/builders/content_security_policy.py`.
"""

import ipaddress
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from attnsite.content.parsed_html import Element, enclosed

PLAIN = {"abbr", "br", "kbd", "small", "sub", "sup"}  # raw elements that a question may hold, with a title at most
ANY = {"class", "id", "title", "lang", "dir", "aria-label"}
# Classes that Markdown's extensions give, and those with which hand-written pages are laid out. Any other is the
# theme's or the site's own: one covers the page, one says that a number is evidence.
CLASSES = {
    "headerlink", "formula", "formula-block", "mark", "highlight", "highlighttable", "linenos", "linenodiv", "code",
    "filename", "scrolls", "is-wide", "unresolved", "lead", "path", "shelf", "unlinked", "admonition",
    "admonition-title", "inline", "end", "abstract", "bug", "danger", "example", "failure", "info", "note", "question",
    "quote", "success", "tip", "warning", "tabbed-set", "tabbed-labels", "tabbed-content", "tabbed-block",
    "tabbed-alternate", "footnote", "footnote-ref", "footnote-backref", "task-list", "task-list-item",
    "task-list-control", "task-list-indicator",
}  # fmt: skip
_TOKEN = re.compile(r"[a-z][a-z0-9]{0,2}|language-[\w+-]+|no-\w+")  # of a line of code, as Pygments names it
_LISTED = {
    "a": {"href", "name", "rel", "download"},
    "img": {"src", "srcset", "alt", "width", "height", "loading", "decoding"},
    "ol": {"start", "type", "reversed"},
    "li": {"value"},
    "td": {"colspan", "rowspan", "headers"},
    "th": {"colspan", "rowspan", "headers", "scope"},
    "col": {"span"},
    "colgroup": {"span"},
    "details": {"open", "name"},
    "input": {"checked", "id", "name", "type"},  # a tab's, made by an extension, and no others: see _tab
    "label": {"for"},
    "data": {"value"},
    "time": {"datetime"},
    "blockquote": {"cite"},
    "q": {"cite"},
    "del": {"cite", "datetime"},
    "ins": {"cite", "datetime"},
    "math": {"alttext", "display", "xmlns"},
}
_BARE = [
    "p", "h1", "h2", "h3", "h4", "h5", "h6", "em", "strong", "code", "pre", "span", "div", "section", "article",
    "aside", "header", "footer", "hr", "br", "b", "i", "s", "u", "small", "sub", "sup", "abbr", "kbd", "samp",
    "var", "mark", "cite", "dfn", "bdi", "bdo", "wbr", "ul", "dl", "dt", "dd", "table", "caption", "thead", "tbody",
    "tfoot", "tr", "figure", "figcaption", "summary", "picture",
]  # fmt: skip
FORMULA = [
    "semantics", "annotation", "mrow", "mi", "mn", "mo", "ms", "mtext", "mspace", "mfrac", "msqrt", "mroot", "msub",
    "msup", "msubsup", "munder", "mover", "munderover", "mmultiscripts", "mprescripts", "mtable", "mtr", "mtd",
    "mpadded", "mphantom", "merror", "menclose", "mstyle", "none",
]  # fmt: skip
_MATHEMATICAL = {
    "accent", "accentunder", "align", "class", "columnalign", "columnlines", "columnspacing", "depth", "display",
    "displaystyle", "fence", "form", "frame", "height", "largeop", "linethickness", "lspace", "mathcolor",
    "mathsize", "mathvariant", "maxsize", "minsize", "movablelimits", "notation", "rowlines", "rowspacing", "rspace",
    "scriptlevel", "separator", "stretchy", "symmetric", "voffset", "width",
}  # fmt: skip
ALLOWED: Mapping[str, set[str]] = {
    **{name: set() for name in _BARE},
    **dict.fromkeys(FORMULA, _MATHEMATICAL),
    **_LISTED,
}
LOADED = {"src", "srcset"}
ADDRESSES = {"href", "cite", *LOADED}
SCHEMES = {"http", "https", "mailto"}
# What extensions give besides, and how a part of a page is kept out of the search.
GIVEN = {"role": re.compile(r"doc-\w+"), "data-tabs": re.compile(r"\d+:\d+"),
         "data-search-exclude": re.compile(r"(data-search-exclude)?")}  # fmt: skip
OWN_CLASSES = {"lead", "path", "shelf", "unlinked"}
# The headings of a question's page that its template writes, whose addresses other pages lead to.
TEMPLATE = {"sources", "what-this-rests-on", "check-it-yourself", "related-questions"}
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*):")
_CLOSED = re.compile(r"</\s*([a-zA-Z][^\s/>]*)")
_TAB = re.compile(r"__tabbed_\d+(?:_\d+)?")
_OWN = re.compile(r"__")  # how the theme's own names begin, which its scripts look for
_NAMED = re.compile(r"__(?:tabbed|span|codelineno)[\w-]*")


@dataclass(frozen=True)
class Found:
    """Something that may not stand in a text: what it is, what to do instead, and how it begins where it is written."""

    what: str
    remedy: str
    begins: str


def find(html: str, raw: Iterable[str], plain: bool, template: bool = False) -> list[Found]:
    """What a rendered text may not hold; `raw` are the pieces of it that were written as HTML. On a `template`'s page
    its addresses are its own."""
    made, whole = enclosed(html)
    found = [fault for element in made for fault in _in_element(element)]  # of Markdown too: links, lists of attributes
    for taken in sorted({each.attributes.get("id", "") for each in made} & TEMPLATE if template else ()):
        found.append(Found(f"holds the id {taken!r}, the page's own", "word or name the heading otherwise", taken[:5]))
    for piece in raw:
        found += _in_raw(piece, plain)
    if not whole and not found:
        found.append(Found("closes an element that it did not open, or leaves one open", "close what it opens", "<"))
    return list(dict.fromkeys(found))


def _in_raw(piece: str, plain: bool) -> Iterator[Found]:
    """Faults of a piece by itself; an end without its beginning is the piece's own, too."""
    made, whole = enclosed(piece)
    opened = {element.name for element in made}
    ends = {name.lower() for name in _CLOSED.findall(piece)} - opened
    for element in [*made, *(Element(name, {}) for name in sorted(ends))]:
        if element.name in ("data", "bdo"):
            remedy = "leave it out: it is what marks become, or turns a text"
            yield Found(f"holds the raw element {element.name!r}", remedy, f"<{element.name}")
        elif plain and element.name not in PLAIN:
            what = f"holds the raw element {element.name[:40]!r}"
            remedy = f"write Markdown, or &lt; for the sign; of HTML there may be {', '.join(sorted(PLAIN))}"
            yield Found(what, remedy, f"<{element.name}" if element.name in opened else f"</{element.name}")
        elif plain:
            for name in sorted(set(element.attributes) - {"title"}):
                yield Found(f"holds the attribute {name}", "leave it out; a title may stay", name)
        else:
            held = {name: value for name, value in element.attributes.items() if name != "markdown"}
            yield from _in_element(Element(element.name, held))
    begun = piece.lstrip()
    unread = begun.startswith(("<!", "<?", "</")) and not begun.startswith("<!--")  # a comment for a browser alone
    if plain and not made and not ends and (unread or not whole):
        yield Found(f"holds {_short(piece)}", "write it as Markdown; a figure is a fence named `figure`", piece[:4])


def _in_element(element: Element) -> Iterator[Found]:
    name = element.name
    if name not in ALLOWED:
        remedy = "write it as Markdown; a figure is a fence named `figure`"
        yield Found(f"holds the element {name[:40]!r}", remedy, f"<{name}")
        return
    if name == "input" and not _tab(element):
        yield Found("holds a field to fill in", "leave it out: no page asks its reader for anything", "<input")
    for attribute, value in element.attributes.items():
        yield from _in_attribute(name, attribute, value)


def _tab(element: Element) -> bool:
    """Whether a field is that of an extension's tabs."""
    return element.attributes.get("type") == "radio" and bool(_TAB.fullmatch(element.attributes.get("name", "")))


def _in_attribute(element: str, name: str, value: str) -> Iterator[Found]:
    if name.startswith("on") or name in ("style", "srcdoc", "formaction"):
        yield Found(f"holds the attribute {name}", "leave it out: no page may run or dress what a text says", name)
    elif name == "class" and (
        odd := [one for one in value.split() if one not in CLASSES and not _TOKEN.fullmatch(one)]
    ):
        what = f"holds the class {odd[0][:40]!r}"
        yield Found(what, f"leave it out; there may be {', '.join(sorted(OWN_CLASSES))}", odd[0])
    elif name not in ALLOWED[element] | ANY and not (name in GIVEN and GIVEN[name].fullmatch(value)):
        yield Found(f"holds the attribute {name[:40]!r}", f"leave it out: {element} has no such attribute here", name)
    elif name in ADDRESSES:
        for one in re.split(r"[\s,]+", value.strip()) if name == "srcset" else [value]:
            yield from _in_address(one, loads=name in LOADED)
    elif name in ("for", "headers", "name") and _OWN.match(value) and not _NAMED.fullmatch(value):
        yield Found(f"holds {name}={value[:40]!r}", "name nothing of the theme's", value)
    elif name == "id" and (value == "content" or (_OWN.match(value) and not _NAMED.fullmatch(value))):
        yield Found(f"holds the id {value[:40]!r}", "choose one that is not the theme's own", value)


def _in_address(address: str, loads: bool) -> Iterator[Found]:
    plain = plainly(address)
    scheme = _SCHEME.match(plain)
    begins = re.split(r"[\s\\&]", address.strip(), maxsplit=1)[0][:40]
    if scheme and scheme[1] not in SCHEMES:
        yield Found(f"links to {_short(address)}", f"link to a page, a file or {', '.join(sorted(SCHEMES))}", begins)
    elif host := at_home(address):
        yield Found(f"links to {host[:40]}, which is another machine for each reader", "link to a public page", begins)
    elif loads and foreign(address):
        what = f"loads {_short(address)} from another host"
        yield Found(what, "put the file into docs/assets, or link to it", begins)


def at_home(address: str) -> str:
    """The host that an address names, where that is the reader's own machine or network, or stands behind a name or a
    password; empty where it is a public one, or none."""
    plain = plainly(address)
    if not plain.startswith(("http:", "https:", "//")):
        return ""
    try:
        place = urlsplit(re.sub(r"^(https?:)?/*", r"https://", plain))
        host, named = place.hostname or "", place.username is not None
    except ValueError:
        return plain
    bare = host.rstrip(".")
    if (
        named
        or bare == "localhost"
        or re.search(r"(?:^|\.)(?:localhost|local|lan|internal|home|corp|localdomain)$", bare)
    ):
        return host or plain
    if re.fullmatch(r"(?:0x[0-9a-f]+|\d+)(?:\.(?:0x[0-9a-f]+|\d+)){0,2}", bare):  # 127.1, 2130706433: numbers of hosts
        return host
    try:
        return "" if ipaddress.ip_address(bare).is_global else host
    except ValueError:
        return ""


def plainly(address: str) -> str:
    """An address as a browser reads it: without what it leaves out, its slashes forwards."""
    return re.sub(r"[\t\n\r]", "", address.strip("".join(map(chr, range(0x21))))).replace("\\", "/").lower()


def foreign(address: str) -> bool:
    """Whether an address names a host, or a scheme that can."""
    plain = plainly(address)
    return plain.startswith("//") or bool(_SCHEME.match(plain))


def _short(text: str) -> str:
    return repr(" ".join(text.split())[:40])
