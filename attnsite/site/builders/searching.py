"""A page's entries in the search index: made from its text as a reader would search it, kept from build to build.

The index has a field of its own for `aliases`, the words that people search by and a page does not use; a page's front
matter has them, and how much the page counts, `search: {boost: …}`. Nothing else of the theme's index is changed.
"""

import html as entities
import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from attnsite.site.disk_cache import Cache

Entry = dict[str, Any]


_MATH = re.compile(r'<math\b[^>]*?\balttext="([^"]*)"[^>]*>.*?</math>', re.DOTALL)
_PERMALINK = re.compile(r'<a\b[^>]*\bclass="headerlink"[^>]*>.*?</a>', re.DOTALL)
_TITLE = re.compile(r'<p class="exhibit-title"[^>]*>(.*?)</p>', re.DOTALL)
_ACTS = re.compile(r'<div class="exhibit-bar"[^>]*>.*?</div>', re.DOTALL)
_SOURCE = re.compile(r'<li id="([^"]+)">(.*?)<cite>(.*?)</cite>(.*?)</li>', re.DOTALL)
_APART = re.compile(r"</(?:td|th|tr|dt|dd|div|figcaption|summary|output|label|option)>|<br\b[^>]*>|"
                    r'(?=<span class="(?:taken|cited-by|back|kind|state)\b)')  # fmt: skip
_ALSO = re.compile(r"<p>Also: (.+?)\.</p>\s*")
_TEX = (
    (re.compile(r"\\(?:text|mathrm|mathbf|operatorname)\{([^{}]*)\}"), r"\1"),
    (re.compile(r"\\sqrt\{([^{}]*)\}"), r"sqrt(\1)"),
    (re.compile(r"\\[dt]?frac\{([^{}]*)\}\{([^{}]*)\}"), r"\1/\2"),
    (re.compile(r"\s*\\(?:cdot|times)(?![A-Za-z])\s*"), "·"),
    (re.compile(r"\\(?:top|intercal)(?![A-Za-z])"), "ᵀ"),
    (re.compile(r"\\(?:left|right|qquad|quad|displaystyle|[,;:!> ])"), " "),
    (re.compile(r"\\([A-Za-z]+)"), r"\1 "),
    (re.compile(r"[{}\\]"), ""),
)


@dataclass(frozen=True)
class Searched:
    """A page as the index is given it."""

    content: str
    url: str
    title: Any
    meta: Mapping[str, Any]
    toc: Any


def index_of(plugins: Mapping[str, Any]) -> Any:
    """The index that the theme's search plugin fills; None without that plugin."""
    found = (plugin for name, plugin in plugins.items() if name.rpartition("/")[2] == "search")
    index = getattr(next(found, None), "search_index", None)
    return index if hasattr(index, "entries") else None


def remember(index: Any, cache: Cache) -> None:
    """Let the index take the entries of a page that it has seen before from disk."""
    find = index.add_entry_from_context
    code = (version("mkdocs-material"), sys.version, "jieba" in sys.modules, Path(__file__).read_bytes())

    def add(page: Any) -> None:
        def make() -> list[Entry]:
            before = len(index.entries)
            find(Searched(searchable(page.content), page.url, page.title, page.meta, page.toc))
            found = index.entries[before:]
            del index.entries[before:]
            return completed(list(found), page.url, page.meta)

        made_from = ("search", code, page.content, page.url, str(page.title), page.meta, list(_anchors(page.toc)))
        index.entries += cache.kept(made_from, make)

    index.add_entry_from_context = add


def searchable(content: str) -> str:
    """A page's HTML as its words are searched: formulas as they are typed, and nothing runs into what stands beside it.

    Each entry of a list of sources is a section, so that a search leads to it and not to a page of a hundred.
    """
    content = _MATH.sub(lambda found: entities.escape(typed(entities.unescape(found[1]))), content)
    content = _PERMALINK.sub("", _ACTS.sub("", content))
    content = _TITLE.sub(r"<p>\1.</p>", content)
    if '<ul class="sources">' in content:
        content = _SOURCE.sub(r'<h2 id="\1">\3</h2><p>\2\4</p>', content)
    return _APART.sub(lambda found: f" {found[0]}", content)


def typed(latex: str) -> str:
    r"""A formula in the words that somebody types who looks for it: `\sqrt{d}` is sqrt(d), `d_\text{model}` d_model."""
    before = ""
    while before != latex:  # a root in a fraction in a sum
        before = latex
        for form, words in _TEX:
            latex = form.sub(words, latex)
    return " ".join(latex.split())


def completed(entries: list[Entry], url: str, meta: Mapping[str, Any]) -> list[Entry]:
    """A page's entries with its aliases at the first, and those that only a search leads to: `finds` in its front
    matter, which names addresses of this page and what is found there."""
    aliases = [str(alias) for alias in meta.get("aliases") or ()]
    if entries and aliases:
        entries[0]["aliases"] = aliases
    for entry in entries:  # a term of the glossary is found by each of its names
        if also := _ALSO.match(entry["text"]):
            entry["aliases"] = [*entry.get("aliases", ()), *also[1].split(", ")]
            entry["text"] = entry["text"][also.end() :]
    boost = (meta.get("search") or {}).get("boost")
    for query, title in (meta.get("finds") or {}).items():
        found = {"location": f"{url}?{query}", "title": entities.escape(str(title), quote=False), "text": ""}
        entries.append(found | ({"boost": boost} if boost else {}))
    return entries


def _anchors(items: Iterable[Any]) -> Iterable[tuple[str, str]]:
    for item in items:
        yield item.id, item.url
        yield from _anchors(item.children)


def merged(before: list[Entry], after: list[Entry]) -> list[Entry]:
    """The entries of the pages in `after` in the place of those that the same pages had `before`."""
    fresh: dict[str, list[Entry]] = {_page(entry): [] for entry in [*before, *after]}
    renewed = {_page(entry) for entry in after}
    for entry in [*(entry for entry in before if _page(entry) not in renewed), *after]:
        fresh[_page(entry)].append(entry)
    return [entry for entries in fresh.values() for entry in entries]


def _page(entry: Entry) -> str:
    return str(entry["location"]).partition("#")[0].partition("?")[0]
