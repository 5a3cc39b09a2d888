"""A figure of the site inside a notebook: the same markup, found by its name."""

from html import escape
from pathlib import Path

from attnsite.site import addresses
from attnsite.site.addresses import Page
from attnsite.site.answers import Answers
from attnsite.site.figures import fence, svg


class Shown:
    """`Shown("flat_and_growing", "heads_by_hand")` as the last line of a cell shows the figure on the notebook's page.

    Addresses are relative to the page, so the picture is there in the built site; elsewhere the data table is.
    """

    def __init__(self, name: str, notebook: str, root: Path | None = None) -> None:
        self.name, self.page = name, Page(f"notebooks/{notebook}.md")
        self.root = root or _checkout()

    def __repr__(self) -> str:
        return f"figure {self.name}"

    def _repr_html_(self) -> str:
        known = Answers.load(self.root)
        shown = known.exhibits(self.name)
        if not shown:
            return fence.unmeasured(self.name, known.figure(self.name))
        first = shown[0]
        return fence.figure(
            first,
            anchor=f"figure-{escape(self.name)}",
            files=lambda ending: self.page.to(addresses.figure(self.name, first.machine, ending)),
            run=self.page.to(addresses.result(first.machine, first.run.experiment)),
            machines=[],
            pictured=first.chart is not None and svg.Pictures(self.root).drawn(first.chart),
        )


def _checkout() -> Path:
    """The checkout that holds the notebook, wherever it is run from inside it."""
    here = Path.cwd().resolve()
    return next((folder for folder in (here, *here.parents) if (folder / "mkdocs.yml").is_file()), here)
