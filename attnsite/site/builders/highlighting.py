"""Code in colours, kept from build to build: that of the kernels alone was an eighth of a build's work."""

from importlib.metadata import version
from typing import Any

import pygments
from pymdownx import highlight

from attnsite.site.disk_cache import Cache

_BY = (version("pygments"), version("pymdown-extensions"))


def remember(cache: Cache) -> None:
    """Let the Markdown extension take from disk what it has highlighted before."""

    def highlighted(code: str, lexer: Any, formatter: Any) -> str:
        made_from = ("highlighted", _BY, code, _told(lexer), _told(formatter))
        return str(cache.kept(made_from, lambda: pygments.highlight(code, lexer, formatter)))

    highlight.highlight = highlighted


def _told(by: Any) -> tuple[str, object]:
    """What a lexer or formatter is and was told."""
    return f"{type(by).__module__}.{type(by).__qualname__}", sorted(by.options.items())
