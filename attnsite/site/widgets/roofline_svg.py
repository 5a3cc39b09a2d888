"""The calculator's roofline as an SVG: drawn for its first state here, and moved by `calculator.js` from there on.

Both axes are logarithmic and the same for every machine: what attention, the weights and the whole step do for each
byte, and the share of the machine's arithmetic that this allows. The script knows the same geometry by `data-` names.
"""

import math
from collections.abc import Mapping
from html import escape

from attnsite.records.quantity import Quantity

WIDE, HIGH, LEFT, RIGHT, TOP, BOTTOM = 560, 318, 62, 540, 32, 272
LEAST, MOST, LOWEST = -1, 6, -4  # powers of ten: of FLOPs a byte, and of the share
TICKS = ("0.1", "1", "10", "100", "1k", "10k", "100k", "1M")
ROW = 24  # between two labels
NAMES = {"weights": "products with weights", "attention": "attention", "all": "the whole"}


def across(intensity: float) -> float:
    power = min(MOST, max(LEAST, math.log10(intensity))) if intensity > 0 else LEAST
    return LEFT + (RIGHT - LEFT) * (power - LEAST) / (MOST - LEAST)


def up(share: float) -> float:
    power = min(0, max(LOWEST, math.log10(share))) if share > 0 else LOWEST
    return TOP + (BOTTOM - TOP) * power / LOWEST


def roof(balance: float) -> str:
    """The path of the roof, for a machine that needs so many FLOPs a byte."""
    start = max(10.0**LEAST, balance * 10.0**LOWEST)
    return f"M{across(start):.1f} {up(start / balance):.1f}L{across(balance):.1f} {TOP}H{RIGHT}"


def mark(name: str, intensity: float, balance: float, row: int) -> str:
    """One of the three: a dot on the roof, a line down to its name. `row` counts from the lowest name."""
    x, y, low = across(intensity), up(intensity / balance), BOTTOM - 10 - ROW * row
    left = x > WIDE * 0.55
    words = f"{NAMES[name]}, {Quantity(intensity)}"
    return (
        f'<g data-mark="{name}"><path d="M{x:.1f} {y:.1f}V{low}"/><circle cx="{x:.1f}" cy="{y:.1f}" r="5"/>'
        f'<text x="{x + (-7 if left else 7):.1f}" y="{low - 2}" text-anchor="{"end" if left else "start"}">'
        f"{escape(words)}</text></g>"
    )


def draw(intensities: Mapping[str, float], balance: float, told: str) -> str:
    """The picture; `told` says in words what it shows."""
    grid = "".join(
        f'<path d="M{across(10.0**p):.1f} {TOP}V{BOTTOM}"/><text x="{across(10.0**p):.1f}" y="{BOTTOM + 16}" '
        f'text-anchor="middle">{TICKS[p - LEAST]}</text>'
        for p in range(LEAST, MOST + 1)
    ) + "".join(
        f'<path d="M{LEFT} {up(10.0**p):.1f}H{RIGHT}"/><text x="{LEFT - 6}" y="{up(10.0**p) + 4:.1f}" '
        f'text-anchor="end">{100 * 10.0**p:g}\u202f%</text>'
        for p in range(LOWEST, 1)
    )
    order = sorted(intensities, key=lambda name: intensities[name])
    marks = "".join(mark(name, intensities[name], balance, order.index(name)) for name in NAMES)
    return (
        f'<svg class="calc-roof" viewBox="0 0 {WIDE} {HIGH}" role="img" aria-label="{escape(told)}">'
        f'<g class="calc-grid">{grid}<text x="{(LEFT + RIGHT) / 2}" y="{HIGH - 8}" text-anchor="middle">'
        f"FLOPs for each byte that has to move</text></g>"
        f'<path class="calc-line" d="{roof(balance)}"/>'
        f'<text class="calc-share" x="4" y="16">share of the arithmetic that can be kept busy</text>'
        f"{marks}</svg>"
    )
