"""A panel of a diagram: boxes, words, lines and arrows, as an SVG whose colours the page gives.

A panel is as wide as a phone lets it be, so that a diagram of several stands in a row on a desk and in a column on a
phone. Positions and sizes are in pixels at that width; y runs downwards.
"""

from dataclasses import dataclass, field
from html import escape

from attnsite.figures.toolkit import labels

SIZE = 12.0  # of the type
KINDS = ("plain", "ours", "ours-2", "other", "ghost")  # of boxes and lines, as the page's style has them


@dataclass
class Panel:
    """`title` stands above it. Raises `ValueError` where words do not fit into their box or into the panel."""

    title: str
    width: float = 320
    height: float = 200
    parts: list[str] = field(default_factory=list)

    def box(self, x: float, y: float, width: float, height: float, words: str = "", kind: str = "plain",
            size: float = SIZE) -> None:  # fmt: skip
        """A rectangle with words in its middle, in lines."""
        self._inside(x, y, x + width, y + height)
        self.parts.append(
            f'<rect class="d-box d-{_known(kind)}" x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="3"/>'
        )
        if words:
            lines = words.split("\n")
            widest = max(labels.width(line, size) for line in lines)
            if widest > width - 2:
                raise ValueError(f"{words!r} is {widest:.0f} wide, in a box of {width:g}")
            top = y + height / 2 - (len(lines) - 1) * size * 0.6
            for number, line in enumerate(lines):
                self._word(x + width / 2, top + number * size * 1.2, line, "middle", "", size)

    def text(self, x: float, y: float, words: str, anchor: str = "start", kind: str = "", size: float = SIZE) -> None:
        """A line of words that starts at `x`, or whose middle is there, at the height `y`."""
        wide = labels.width(words, size)
        left = x if anchor == "start" else x - wide / 2
        self._inside(left, y - size / 2, left + wide, y + size / 2)
        self._word(x, y, words, anchor, kind, size)

    def line(self, *points: tuple[float, float], kind: str = "plain", arrow: bool = False) -> None:
        """A line through points, with a head at its end if it is an arrow."""
        for x, y in points:
            self._inside(x, y, x, y)
        path = "M" + "L".join(f"{x:g},{y:g}" for x, y in points)
        self.parts.append(f'<path class="d-line d-{_known(kind)}" d="{path}"/>')
        if arrow:
            self._head(points[-2], points[-1], kind)

    def dot(self, x: float, y: float, kind: str = "ours", radius: float = 4.5) -> None:
        self._inside(x - radius, y - radius, x + radius, y + radius)
        self.parts.append(f'<circle class="d-dot d-{_known(kind)}" cx="{x:g}" cy="{y:g}" r="{radius:g}"/>')

    def svg(self) -> str:
        """The panel as a picture; its words are told by the diagram as a whole."""
        return (
            f'<svg class="d-panel" viewBox="0 0 {self.width:g} {self.height:g}" width="{self.width:g}" '
            f'height="{self.height:g}" aria-hidden="true" focusable="false">{"".join(self.parts)}</svg>'
        )

    def _word(self, x: float, y: float, words: str, anchor: str, kind: str, size: float) -> None:
        style = f' class="d-{kind}"' if kind else ""
        where = "" if anchor == "start" else f' text-anchor="{anchor}"'
        self.parts.append(
            f'<text{style} x="{x:g}" y="{y + size * 0.35:g}" font-size="{size:g}"{where}>{escape(words)}</text>'
        )

    def _head(self, before: tuple[float, float], end: tuple[float, float], kind: str) -> None:
        dx, dy = end[0] - before[0], end[1] - before[1]
        long = (dx * dx + dy * dy) ** 0.5 or 1.0
        dx, dy = 7 * dx / long, 7 * dy / long
        points = [end, (end[0] - dx - dy / 2, end[1] - dy + dx / 2), (end[0] - dx + dy / 2, end[1] - dy - dx / 2)]
        shape = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        self.parts.append(f'<polygon class="d-head d-{_known(kind)}" points="{shape}"/>')

    def _inside(self, left: float, top: float, right: float, bottom: float) -> None:
        if left < -0.5 or top < -0.5 or right > self.width + 0.5 or bottom > self.height + 0.5:
            raise ValueError(
                f"{left:.0f}…{right:.0f}, {top:.0f}…{bottom:.0f} is outside of {self.width:g} × {self.height:g}"
            )


def _known(kind: str) -> str:
    if kind not in KINDS:
        raise ValueError(f"{kind!r} is none of {', '.join(KINDS)}")
    return kind
