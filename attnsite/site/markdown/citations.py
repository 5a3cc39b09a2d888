"""Citations of a page: numbered by first use, listed at the end with a link out and ways back."""

from collections.abc import Mapping
from html import escape

from attnsite.content.questions import Cite, Source
from attnsite.records.mistakes import Mistake


class Citations:
    """The numbering of one page."""

    def __init__(self, sources: Mapping[str, Source]) -> None:
        self.sources = sources
        self.uses: dict[str, list[str]] = {}  # key: the locator of each use; in order of first use

    def cite(self, mark: Cite, path: str) -> str:
        """The HTML of a citation. Raises `Mistake` when a source is not there."""
        unknown = [key for key in mark.keys if key not in self.sources]
        if unknown:
            raise Mistake(path, "", f"cites {', '.join(unknown)}", f"write docs/sources/{unknown[0]}.bib")
        links = (self._link(reference.key, reference.locator) for reference in mark.references)
        return f'<span class="cites">[{"; ".join(links)}]</span>'

    def _link(self, key: str, locator: str) -> str:
        source = self.sources[key]
        uses = self.uses.setdefault(key, [])
        uses.append(locator)
        number = list(self.uses).index(key) + 1
        told = f"{source.short}, {source.title}" + (f", {locator}" if locator else "")
        place = f' data-place="{escape(locator)}"' if locator else ""
        named = f'id="cite-{key}-{len(uses)}" href="#source-{key}"{place} title="{escape(told)}"'
        link = f'<a class="cite" {named}>{number}</a>'
        return link + (f'<span class="place">, {escape(locator)}</span>' if locator else "")

    def listed(self, notes: bool = True) -> str:
        """The page's list of sources, with `notes` of what is taken from each; nothing when it cites none."""
        if not self.uses:
            return ""
        items = "".join(
            f'<li id="source-{key}">{reference(self.sources[key], notes)}{self._back(key)}</li>' for key in self.uses
        )
        return f'<ol class="sources">{items}</ol>'

    def _back(self, key: str) -> str:
        uses = self.uses[key]
        short = escape(self.sources[key].short)
        links = []
        for count, locator in enumerate(uses, 1):
            shown = "↩" + (f" {escape(locator)}" if locator else f" {count}" if len(uses) > 1 else "")
            label = f"Back to citation {count} of {short}" + (f" ({escape(locator)})" if locator else "")
            links.append(f'<a href="#cite-{key}-{count}" aria-label="{label}">{shown}</a>')
        return f' <span class="back">{" ".join(links)}</span>'


def people(source: Source) -> str:
    """The authors as a list names them: all of three, else the first and "et al."."""
    names = list(source.authors)
    if source.more_authors or len(names) > 3:
        return f"{names[0]} et al."
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def reference(source: Source, notes: bool = True) -> str:
    """A source in full: authors, title, venue, year, links, and, in its `notes`, what is taken from it."""
    parts = [part for part in (source.venue, source.year) if part]
    links = ", ".join(f'<a href="{escape(address)}">{escape(text)}</a>' for text, address in source.links[:2])
    authors = escape(people(source)).removesuffix(".")  # of "et al."
    taken = f'<span class="taken">{escape(source.annote)} ({escape(source.checked)})</span>' if notes else ""
    return f"{authors}. <cite>{escape(source.title)}</cite>. {escape(', '.join(parts))}. {links}{taken}"
