"""The fence named `diagram`: a diagram of a mechanism, with its words, complete without JavaScript."""

from html import escape
from types import ModuleType
from typing import Any

from markdown import Markdown

from attnsite.records import registry
from attnsite.records.mistakes import Mistake
from attnsite.records.nearest import nearest
from attnsite.site.exhibits import fill, paragraphs

WORDS = ("title", "caption", "text for readers who cannot see it")


def fence(source: str, language: str, css_class: str, options: dict[str, Any], md: Markdown, **_: Any) -> str:
    """What superfences calls for the fence: the diagram named in it."""
    markup, name = md.attnsite, source.strip()  # type: ignore[attr-defined]
    try:
        return diagram(name)
    except Mistake as mistake:
        markup.warn(mistake, name)
        return f'<p><mark class="unresolved" title="{escape(mistake.what)}">diagram {escape(name)}</mark></p>'


def diagram(name: str) -> str:
    """The markup of a diagram: its title, its panels as pictures with one text for all, and its caption.

    Raises `Mistake` where there is none of that name, or its docstring is not as it should be.
    """
    drawn = module(name)
    title, caption, told = words(drawn, name)
    shown = "".join(
        f'<div class="d-part"><p class="d-title">{escape(panel.title)}</p>{panel.svg()}</div>'
        for panel in drawn.panels()
    )
    anchor = f"diagram-{name}"
    return (
        f'<figure class="diagram" id="{anchor}" aria-labelledby="{anchor}-title">'
        f'<p class="exhibit-title"><span id="{anchor}-title">{escape(title)}</span>'
        f'<a class="headerlink" href="#{anchor}" title="Link to this diagram" aria-label="Link to this diagram">¶</a>'
        "</p>"
        f'<div class="d-parts" role="img" aria-label="{escape(told)}" data-search-exclude>{shown}</div>'
        f"<figcaption><p>{escape(caption)}</p></figcaption></figure>"
    )


def module(name: str) -> ModuleType:
    """The diagram's module. Raises `Mistake` where there is none of that name."""
    if name not in registry.names("diagrams"):
        raise Mistake("", "", f"there is no diagram {name}", nearest(name, registry.names("diagrams")))
    return registry.module("diagrams", name, "panels")


def words(drawn: ModuleType, name: str) -> list[str]:
    """The three paragraphs of a diagram's docstring, with its numbers in them. Raises `Mistake`."""
    values = drawn.values() if hasattr(drawn, "values") else {}
    return [fill(text, values, f"attnsite/diagrams/{name}.py") for text in paragraphs(drawn, "diagrams", WORDS)]
