"""A figure inside a notebook: the same markup as on a page, with its files inside it."""

import base64
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from attnsite.records.run_file import Run
from attnsite.site.exhibits import Exhibit, exhibit
from attnsite.site.figures import fence, svg
from attnsite.site.pages import render as pages


@dataclass(frozen=True)
class Shown:
    """What a notebook cell ends in to show a figure."""

    exhibit: Exhibit
    root: Path

    def _repr_html_(self) -> str:
        """The figure, its picture and its data inside it as data addresses: it needs no other file."""
        chart = self.exhibit.chart
        if chart is not None:
            svg.Pictures(self.root).draw([chart])
        pictured = chart is not None and svg.Pictures(self.root).drawn(chart)
        return fence.figure(
            self.exhibit,
            anchor=f"figure-{self.exhibit.name}",
            files=self._file,
            run="data:application/json,{}",
            machines=[],
            pictured=pictured,
        )

    def _file(self, ending: str) -> str:
        if ending == ".csv":
            return _address("text/csv", self.exhibit.csv.encode())
        if ending == ".json":
            return _address("application/json", pages.described(self.exhibit).encode())
        assert self.exhibit.chart is not None
        size = ending.removeprefix("-").removesuffix(".svg")
        return _address("image/svg+xml", svg.Pictures(self.root).path(self.exhibit.chart, size).read_bytes())


def _address(kind: str, held: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(held).decode()}"


def show(figure: ModuleType, run: Run, root: Path) -> Shown:
    """A run through one of the project's figure modules."""
    return Shown(exhibit(figure, {run.machine: run}, run.machine, "fresh"), root)
