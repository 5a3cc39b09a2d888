"""Memory and the bound of decode tokens/s over the context length, as one SVG of two panels.

Translated for the browser as `calculator_words.py` is. Coordinates are whole numbers of the view's box. Both axes of
both panels are logarithmic.
"""

from html import escape
from math import log2

from attnsite.formulas.cost import Cost
from attnsite.formulas.counts import Count
from attnsite.records.quantity import Quantity
from attnsite.site.widgets.calculator_words import Chosen, decode_seconds, machines, rate, size

LEFT, RIGHT, WIDE, HIGH, TOP = 96, 700, 720, 490, 40
PANEL, GAP = 160, 70  # height of a panel, and from one to the next
FIRST, LAST = 10, 20  # powers of two: 1k and 1M tokens
MARKED = (f'x="{LEFT + 6}"', f'x="{RIGHT}" text-anchor="end"')  # two devices: one name at each end
NAMES = {10: "1k", 12: "4k", 14: "16k", 16: "64k", 18: "256k", 20: "1M"}


def across(tokens: float) -> int:
    power = min(LAST, max(FIRST, log2(tokens)))
    return int(LEFT + (RIGHT - LEFT) * (power - FIRST) / (LAST - FIRST))


def at_context(one: Chosen, tokens: int) -> Chosen:
    """The same at another context length."""
    old = one.cost
    count = Count(tokens, old.count.spare, old.count.page, old.count.source)
    cost = Cost(old.decoder, count, old.batch, old.kv, old.weights, old.ranks, old.device)
    return Chosen(one.name, cost, one.device, one.devices, one.slug)


def spread(values: list[float]) -> tuple[int, int]:
    """Whole powers of two around the values."""
    return int(log2(min(values)) + 100) - 100, int(log2(max(values)) + 101) - 100


def up(value: float, low: int, high: int, top: int) -> int:
    return int(top + PANEL * (high - log2(value)) / (high - low))


def curve(values: list[float], low: int, high: int, top: int, place: int) -> str:
    """A line over all contexts; the second of two is dashed."""
    points = [f"{across(2.0 ** (FIRST + i))} {up(value, low, high, top)}" for i, value in enumerate(values)]
    return f'<path class="calc-curve is-{place}" d="M{"L".join(points)}"/>'


def grid(low: int, high: int, top: int, unit: str) -> str:
    """Lines and numbers of a panel, at most six."""
    step = max(1, -(-(high - low) // 5))
    lines = []
    for power in range(low, high + 1, step):
        y = up(2.0**power, low, high, top)
        value = 2.0**power
        text = size(value) if unit == "B" else str(Quantity(value))
        lines.append(f'<path d="M{LEFT} {y}H{RIGHT}"/><text x="{LEFT - 8}" y="{y + 4}" text-anchor="end">{text}</text>')
    for power, name in NAMES.items():
        x = across(2.0**power)
        lines.append(f'<text x="{x}" y="{top + PANEL + 18}" text-anchor="middle">{name}</text>')
    return f'<g class="calc-grid">{"".join(lines)}</g>'


def panel(title: str, rows: list[list[float]], top: int, unit: str, marks: list[str], others: list[float]) -> str:
    low, high = spread([value for row in rows for value in row] + others)
    curves = "".join(curve(row, low, high, top, place) for place, row in enumerate(rows))
    lines = "".join(
        f'<path class="calc-limit is-{place}" d="M{LEFT} {up(value, low, high, top)}H{RIGHT}"/>'
        f'<text {MARKED[place]} y="{up(value, low, high, top) - 5}">{marks[place]}</text>'
        for place, value in enumerate(others)
    )
    return (
        f'<text class="calc-title" x="{LEFT}" y="{top - 12}">{title}</text>{grid(low, high, top, unit)}{curves}{lines}'
    )


def chart(chosen: list[Chosen]) -> str:
    """Both panels; with two choices each has a line of its own and they are named below."""
    along = [[at_context(one, 2**power) for power in range(FIRST, LAST + 1)] for one in chosen]
    memory = [[float(one.cost.memory_bytes) for one in row] for row in along]
    speed = [[one.cost.batch / decode_seconds(one) for one in row] for row in along]
    held = [float(one.device.memory_bytes) for one in chosen]
    marks = [f"memory of {escape(one.device.name)}" for one in chosen]
    if len(chosen) == 2 and chosen[0].device.key == chosen[1].device.key:
        held, marks = held[:1], marks[:1]
    each = " on each device" if chosen[0].cost.ranks > 1 else ""
    second = TOP + PANEL + GAP
    names = "".join(
        f'<path class="calc-curve is-{place}" d="M{LEFT} {HIGH - 32 + 20 * place}h30"/>'
        f'<text x="{LEFT + 38}" y="{HIGH - 28 + 20 * place}">{escape(label(one))}</text>'
        for place, one in enumerate(chosen)
    )
    return (
        f'<svg class="calc-chart" viewBox="0 0 {WIDE} {HIGH}" role="img" aria-label="{escape(told(along))}">'
        + panel(f"Memory{each}, by context length in tokens", memory, TOP, "B", marks, held)
        + panel("Decode tokens/s, at most", speed, second, "1", [], [])
        + f"{names}</svg>"
    )


def label(one: Chosen) -> str:
    text = f"{one.name}, {machines(one)}"
    return text if len(text) <= 42 else text[:41] + "…"


def told(along: list[list[Chosen]]) -> str:
    """The picture in words: both ends of each line."""
    ends = [
        f"{row[0].name} on {machines(row[0])}: from {size(row[0].cost.memory_bytes)} and at most "
        f"{rate(row[0].cost.batch / decode_seconds(row[0]))} at 1k tokens to {size(row[-1].cost.memory_bytes)} and "
        f"{rate(row[-1].cost.batch / decode_seconds(row[-1]))} at 1M"
        for row in along
    ]
    return "Memory and decode speed over the context length. " + "; ".join(ends)
