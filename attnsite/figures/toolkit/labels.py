"""Where the words in a chart stand: inside the picture, and near their point, yet on no mark, line or other word."""

import itertools
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_WIDTHS = {letter: width for letters, width in (
    ("ijlI|'’.,:; ", 0.32), ("ft()[]-/", 0.39), ("r", 0.42), ("sczJ", 0.54), ("w+=<>×~−", 0.83), ("m", 0.98),
    ("M", 0.87), ("W", 0.99), ("\u202f", 0.2), ("\u00a0", 0.32), ("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", 0.45), ("%", 0.95),
) for letter in letters}  # fmt: skip
_LINE = 1.32  # height of a line of text, in units of its size
Trace = Mapping[str, Any]
_PAD = 2.0  # px that Plotly leaves around an annotation


def width(text: str, size: float) -> float:
    """How wide a line of text is at most in pixels, in a wide face of those that a reader may have."""
    return size * sum(_WIDTHS.get(letter, 0.7 if letter.isupper() else 0.62) for letter in text)


def parts(text: str) -> list[str]:
    """The lines of a label, without its markup."""
    return [re.sub(r"<[^>]+>", "", line) for line in text.split("<br>")]


@dataclass(frozen=True)
class Box:
    """A rectangle in pixels of the picture, y downwards."""

    left: float
    top: float
    right: float
    bottom: float

    def holds(self, x: float, y: float, room: float = 0.0) -> bool:
        return self.left - room < x < self.right + room and self.top - room < y < self.bottom + room

    def meets(self, other: "Box") -> bool:
        return (min(self.right, other.right) > max(self.left, other.left)
                and min(self.bottom, other.bottom) > max(self.top, other.top))  # fmt: skip


class Page:
    """A laid-out figure in pixels: where its marks and lines are, and which labels have their place."""

    def __init__(self, layout: Any, traces: Sequence[Trace], whole: tuple[int, int], font: int) -> None:
        (self.wide, self.high), self.font, margin = whole, font, layout.margin
        self.left, self.top, self.right, self.bottom = margin.l, margin.t, self.wide - margin.r, self.high - margin.b
        self.axes = [(axis.type == "log", *axis.range) for axis in (layout.xaxis, layout.yaxis)]
        self.marks: list[tuple[float, float]] = []
        self.lines: list[tuple[float, float]] = []
        self.taken: list[Box] = []
        for trace in traces:
            if trace["type"] == "scatter" and trace.get("fill") != "toself":
                self._add(trace)

    def _add(self, trace: Trace) -> None:
        places = [self.at(x, y) if isinstance(x, int | float) and isinstance(y, int | float) else None
                  for x, y in zip(trace["x"], trace["y"], strict=False)]  # fmt: skip
        mode = trace.get("mode", "")
        if "markers" in mode and trace.get("marker", {}).get("opacity") != 0:
            self.marks += [place for place in places if place]
        if "lines" in mode:
            for one, other in itertools.pairwise(places):
                if one and other:
                    steps = max(1, round(math.dist(one, other) / 5))
                    self.lines += [(one[0] + (other[0] - one[0]) * i / steps, one[1] + (other[1] - one[1]) * i / steps)
                                   for i in range(steps + 1)]  # fmt: skip

    def at(self, x: float, y: float, *, placed: bool = False) -> tuple[float, float] | None:
        """The pixel of a data point; `placed` where its coordinates are powers of ten on a log axis already."""
        found = []
        for value, (log, low, high) in zip((x, y), self.axes, strict=True):
            if log and not placed:
                if value <= 0:
                    return None
                value = math.log10(value)
            found.append((value - low) / (high - low))
        if not all(math.isfinite(share) for share in found):
            return None
        return self.left + found[0] * (self.right - self.left), self.bottom - found[1] * (self.bottom - self.top)

    def box(self, label: Any, anchor: str, side: str, shift: tuple[float, float]) -> Box:
        """Where the words of a label stand, were it placed so; `shift` is Plotly's, y upwards."""
        x, y = self.at(label.x, label.y, placed=True) or (0.0, 0.0)
        lines = parts(label.text)
        wide, high = max(width(line, self.font) for line in lines), _LINE * self.font * len(lines)
        x, y = x + shift[0], y - shift[1]
        left = x - {"left": -_PAD, "center": wide / 2, "right": wide + _PAD}[anchor]
        top = y - {"top": -_PAD, "middle": high / 2, "bottom": high + _PAD}[side]
        return Box(left, top, left + wide, top + high)

    def cost(self, box: Box) -> float:
        """How much a label would hide, or leave the picture, in marks."""
        outside = max(
            0.0, 2 - box.left, box.right - self.wide + 2, self.top - 26 - box.top, box.bottom - self.bottom - 1
        )
        marks = sum(box.holds(x, y, 3) for x, y in self.marks)
        return (
            outside
            + 3 * marks
            + 0.25 * sum(box.holds(x, y) for x, y in self.lines)
            + 8 * sum(map(box.meets, self.taken))
        )


def _ways(label: Any, font: int) -> Iterator[tuple[str, str, tuple[float, float]]]:
    """The place that a figure gave a label, then others around its point, the nearest first."""
    yield label.xanchor, label.yanchor, (label.xshift or 0, label.yshift or 0)
    for far in (9, 18, 30, 44):
        yield "left", "middle", (far, 0)
        yield "right", "middle", (-far, 0)
        yield "center", "bottom", (0, far - 2)
        yield "center", "top", (0, 2 - far)
        for x, anchor in ((-far, "right"), (far, "left")):
            for y, side in ((far - font / 2, "bottom"), (font / 2 - far, "top")):
                yield anchor, side, (x * 0.6, y)


def settle(layout: Any, traces: Sequence[Trace], whole: tuple[int, int], font: int) -> None:
    """Give each label of a layout the first of its places that hides nothing, or the one that hides least.

    `traces` are Plotly's as JSON values; `whole` is the size of the picture, `font` that of its type, in pixels.
    """
    page = Page(layout, traces, whole, font)
    ends = [note for note in layout.annotations if note.name == "end"]
    for note in ends:
        page.taken.append(page.box(note, note.xanchor, note.yanchor, (note.xshift or 0, note.yshift or 0)))
    for note in layout.annotations:
        if note.name != "label":
            continue
        least = math.inf
        for way in _ways(note, font):
            cost = page.cost(tried := page.box(note, *way))
            if cost < least - 0.2:
                least, best, box = cost, way, tried
            if not least:
                break
        note.xanchor, note.yanchor, (note.xshift, note.yshift) = best
        page.taken.append(box)
    for note in layout.annotations:
        if note.name in ("label", "end"):  # what hides least may still be a little too wide
            box = page.box(note, note.xanchor, note.yanchor, (note.xshift or 0, note.yshift or 0))
            note.xshift = (note.xshift or 0) - max(0.0, box.right - whole[0] + 2) + max(0.0, 2 - box.left)
