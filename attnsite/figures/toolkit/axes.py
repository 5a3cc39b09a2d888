"""Axes of figures: a title with its unit, an honest range, ticks that read as quantities."""

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from attnsite.figures.toolkit import labels
from attnsite.records.quantity import Quantity, power_of_ten

_STEPS = (2, 4, 8, 16, 32, 64, 256, 1024, 4096, 32768, 2**20)


@dataclass(frozen=True)
class Axis:
    """One axis: what it shows, from where to where (in data values), and its ticks with their texts."""

    title: str
    low: float
    high: float
    ticks: tuple[float, ...]
    texts: tuple[str, ...]
    log: bool = False

    def place(self, value: float) -> float:
        """The value in Plotly's own coordinate: the power of ten on a log axis."""
        return math.log10(value) if self.log else value

    def fraction(self, value: float) -> float:
        """How far along the axis a value lies, from 0 to 1."""
        low, high = self.place(self.low), self.place(self.high)
        return (self.place(value) - low) / (high - low)

    def value_at(self, fraction: float) -> float:
        low, high = self.place(self.low), self.place(self.high)
        at = low + fraction * (high - low)
        return 10**at if self.log else at

    def layout(self, grid: str) -> dict:
        """Plotly's description of the axis, without the title."""
        return {
            "type": "log" if self.log else "linear",
            "range": [self.place(self.low), self.place(self.high)],
            "tickmode": "array",
            "tickvals": list(self.ticks),
            "ticktext": list(self.texts),
            "gridcolor": grid,
            "zeroline": False,
        }


def tokens(count: float) -> str:
    """A number of tokens as people say it: 512, 4k, 128k, 1M."""
    for step, letter in ((2**20, "M"), (2**10, "k")):
        if count >= step and count % step == 0:
            return f"{round(count / step)}{letter}"
    return f"{count:g}"


def text(value: float, unit: str) -> str:
    """A tick's text: the quantity without trailing zeros, or tokens where the unit is "tokens"."""
    if unit == "tokens":
        return tokens(value)
    if value == 0 and unit != "%":
        return "0"
    written = str(Quantity(value, unit)) if unit != "count" else f"{value:g}"
    return re.sub(r"(?:\.|(\.\d*?[1-9]))0+(?!\d)", r"\1", written)


def log_axis(title: str, values: Iterable[float], unit: str = "1", base: int = 10, most: int = 7,
             pad: float = 1.25) -> Axis:  # fmt: skip
    """A log axis around the values, ticks at powers of `base` (or of a power of it, so that there are few).

    Raises `LookupError` when no value is positive and finite: there is nothing to draw.
    """
    positive = [v for v in values if v > 0 and math.isfinite(v)]
    if not positive:
        raise LookupError(f"not measured yet: there is no value for the axis “{title}”")
    low, high = min(positive) / pad, max(positive) * pad
    if high / low < 3:  # a narrow range still shows a tick or two
        low, high = low / 1.5, high * 1.5
    ticks = _powers(low, high, base, most)
    if base == 10 and len(ticks) < 3:
        ticks = [m * p for p in _powers(low / 10, high, 10, 99) for m in (1, 2, 5) if low <= m * p <= high]
    return Axis(title, low, high, tuple(ticks), _texts(ticks, unit), log=True)


def _texts(ticks: list[float], unit: str) -> tuple[str, ...]:
    """Texts of a log axis: ratios as powers of ten below 1 where one of them is too small to count its zeros."""
    if unit != "1" or not ticks or min(ticks) >= 1e-2:
        return tuple(text(tick, unit) for tick in ticks)
    return tuple(_power(tick) if tick < 1 else text(tick, unit) for tick in ticks)


def small(value: float) -> str:
    """A positive number that may be tiny, with two digits: 0.026, 1.3 × 10⁻⁶."""
    return str(Quantity(value, "small"))


def _power(tick: float) -> str:
    """A tick of an axis of powers of ten: 10⁻⁶, 2 × 10⁻⁷."""
    digits, exponent = f"{tick:.0e}".split("e")
    return ("" if digits == "1" else f"{digits}\u00a0×\u00a0") + power_of_ten(int(exponent))


def power_axis(title: str, values: Iterable[float], most: int = 6, pad: float = 2.0) -> Axis:
    """A log axis over many powers of ten, whose ticks are written as powers. Raises `LookupError` like `log_axis`."""
    return log_axis(title, values, most=most, pad=pad)


def _powers(low: float, high: float, base: int, most: int) -> list[float]:
    steps = _STEPS if base == 2 else tuple(10**n for n in range(1, 9))
    for step in steps:
        first = math.ceil(math.log(low, step) - 1e-9)
        last = math.floor(math.log(high, step) + 1e-9)
        ticks = [float(step) ** n for n in range(first, last + 1)]
        if len(ticks) <= most:
            return ticks
    return ticks


def cases_axis(title: str, values: Iterable[float], unit: str = "1", pad: float = 1.15, most: int = 9) -> Axis:
    """A log axis with a tick at every value that was asked for; where there are many, or some too close, at fewer."""
    ticks = sorted(set(values))
    if not ticks:
        raise LookupError(f"not measured yet: there is no value for the axis “{title}”")
    low, high = ticks[0] / pad, ticks[-1] * pad
    while len(ticks) > most:
        ticks = ticks[::2] if len(ticks) % 2 else ticks[1::2]
    least, kept = (high / low) ** 0.08, ticks[:1]
    for tick in ticks[1:]:
        if tick >= least * kept[-1]:
            kept.append(tick)
    ticks = kept
    return Axis(title, low, high, tuple(ticks), tuple(text(t, unit) for t in ticks), log=True)


def linear_axis(title: str, values: Iterable[float], unit: str = "1", zero: bool = True, pad: float = 0.06,
                most: int = 7) -> Axis:  # fmt: skip
    """A linear axis from zero (or from just under the least value), ticks at round steps."""
    finite = [v for v in values if math.isfinite(v)]
    if not finite:
        raise LookupError(f"not measured yet: there is no value for the axis “{title}”")
    low = 0.0 if zero else min(finite)
    high = max(*finite, low + 1e-12)
    span = high - low
    low, high = (low if zero else low - pad * span), high + pad * span
    rough = (high - low) / most
    power = 10 ** math.floor(math.log10(rough))
    step = next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= rough * 0.999)
    ticks = [n * step for n in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)]
    return Axis(title, low, high, tuple(ticks), tuple(text(round(t, 12), unit) for t in ticks))


def apart(figure: Any, width: float, font: float) -> tuple[str, ...] | None:
    """The texts of the ticks without those for which there is no room: they would be turned, or run into each other.

    `figure` is Plotly's; its `width` and the size of the `font` are in pixels.
    """
    axis, margin = figure.layout.xaxis, figure.layout.margin
    if not axis.ticktext or not axis.range:
        return axis.ticktext
    first, last = axis.range
    log = axis.type == "log"
    kept: list[str] = []
    free = -float("inf")  # the first pixel that no text has taken
    room = width - margin.l - margin.r
    places = [((math.log10(value) if log else value) - first) / (last - first) * room for value in axis.tickvals]
    back = len(places) > 1 and places[0] > places[-1]  # an axis that runs from right to left
    if back:
        places = [room - at for at in places]
    for at, text in zip(places, axis.ticktext, strict=True):
        half = max(labels.width(part, font) for part in labels.parts(text)) / 2
        if at - half >= free:
            kept.append(text)
            free = at + half + 5
        else:
            kept.append("")
    return tuple(kept)
