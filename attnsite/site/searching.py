"""A page's entries in the search index, kept from build to build: to find them was a fifth of a build's work."""

import sys
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from attnsite.site import kept

Entry = dict[str, Any]


def index_of(plugins: Mapping[str, Any]) -> Any:
    """The index that the theme's search plugin fills; None without that plugin."""
    found = (plugin for name, plugin in plugins.items() if name.rpartition("/")[2] == "search")
    index = getattr(next(found, None), "search_index", None)
    return index if hasattr(index, "entries") else None


def remember(index: Any, root: Path) -> None:
    """Let the index take the entries of a page that it has seen before from disk."""
    find = index.add_entry_from_context
    code = (version("mkdocs-material"), sys.version, "jieba" in sys.modules)

    def add(page: Any) -> None:
        def make() -> list[Entry]:
            before = len(index.entries)
            find(page)
            found = index.entries[before:]
            del index.entries[before:]
            return list(found)

        made_from = ("search", code, page.content, page.url, str(page.title), page.meta, list(_anchors(page.toc)))
        index.entries += kept.kept(root, made_from, make)

    index.add_entry_from_context = add


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
    return str(entry["location"]).partition("#")[0]
