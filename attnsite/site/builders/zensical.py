"""The site as a project for Zensical, which follows Material: the same pages, and a configuration made from ours.

Zensical runs Python-Markdown extensions and no hooks, so everything that a hook hands to MkDocs is written to a folder
first. What is not carried over is named in DIFFERENCES; `tests/test_successor.py` compares the two builds.
"""

from pathlib import Path
from typing import Any

import yaml

from attnsite.site import about, addresses
from attnsite.site.answers import Answers
from attnsite.site.builders import folder as folder_of_pages
from attnsite.site.checkout import Checkout
from attnsite.site.pages import render as pages

DOCS = "docs"
# What differs between the builds, and why it does not matter or what takes its place.
DIFFERENCES = {
    "menus": "the theme's own; names of nested menus are not made different",
    "search": "an index of its own; search and its index load as that theme does it",
    "templates": "the overrides are Jinja for Material; `attnsite finish site` gives pages their heads and policy",
    "notebooks": "rendered from Markdown that was executed beforehand, without the plugin's markup",
}
_DROPPED = ("hooks", "watch", "exclude_docs", "not_in_nav", "validation", "strict")


class _Name(str):
    """A value that stands behind the tag `!!python/name:`."""


class _Loader(about.Loader):
    pass


class _Dumper(yaml.SafeDumper):
    pass


_TAG = "tag:yaml.org,2002:python/name:"
_Loader.add_multi_constructor(_TAG, lambda loader, suffix, node: _Name(suffix))
_Dumper.add_representer(_Name, lambda dumper, value: dumper.represent_scalar(_TAG + value, ""))


def write(answers: Answers, folder: Path) -> int:
    """Write the project into a folder: `mkdocs.yml` and `docs/`; returns the number of pages."""
    with addresses.rewritten():
        count = folder_of_pages.write(answers, folder / DOCS)
    (folder / "mkdocs.yml").write_text(configuration(answers.checkout), encoding="utf-8", newline="\n")
    return count


def configuration(checkout: Checkout) -> str:
    """Our `mkdocs.yml` with what the successor reads, the menu written out and the checkout named."""
    known: dict[str, Any] = yaml.load((checkout.root / "mkdocs.yml").read_text(encoding="utf-8"), _Loader)
    known = {name: value for name, value in known.items() if name not in _DROPPED}
    known["docs_dir"] = DOCS
    known["theme"] = {name: value for name, value in known["theme"].items() if name not in ("name", "custom_dir")}
    known["plugins"] = ["search"]
    known["markdown_extensions"] = [
        {name: {"root": str(checkout.root), "rewritten": True}} if name == "attnsite.site.markdown.extension" else name
        for name in known["markdown_extensions"]
    ]
    known["nav"] = [_as_markdown(entry) for entry in pages.navigation(checkout)]
    return yaml.dump(known, Dumper=_Dumper, sort_keys=False, allow_unicode=True)


def _as_markdown(entry: Any) -> Any:
    """A menu's entry with notebooks by the pages that stand in their place."""
    if isinstance(entry, dict):
        return {title: _as_markdown(inner) for title, inner in entry.items()}
    if isinstance(entry, list):
        return [_as_markdown(inner) for inner in entry]
    return entry.removesuffix(".py") + ".md" if entry.endswith(".py") else entry
