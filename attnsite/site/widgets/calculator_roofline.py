"""Both phases on the roofline of the device, as an SVG (Williams et al. 2009). Both axes are logarithmic.

Translated for the browser as `calculator_words.py` is.
"""

from html import escape
from math import log2

from attnsite.records.quantity import Quantity
from attnsite.site.widgets.calculator_words import Chosen, machines

LEFT, RIGHT, WIDE, TOP, BOTTOM, HIGH = 60, 700, 720, 30, 220, 262
LEAST, MOST, LOWEST = -3, 17, -11  # powers of two: of FLOP/byte, and of the share of the peak
TICKS = {-3: "1/8", 1: "2", 5: "32", 9: "512", 13: "8k", 17: "128k"}
SHARES = {0: "100%", -3: "1/8", -6: "1/64", -9: "1/512"}


def across(intensity: float) -> int:
    power = min(MOST, max(LEAST, log2(intensity)))
    return int(LEFT + (RIGHT - LEFT) * (power - LEAST) / (MOST - LEAST))


def up(share: float) -> int:
    return int(TOP + (BOTTOM - TOP) * min(0, max(LOWEST, log2(share))) / LOWEST)


def mark(name: str, intensity: float, balance: float, row: int) -> str:
    """A dot on the roof and a line down to its name."""
    x, y, low = across(intensity), up(intensity / balance), BOTTOM - 12 - 26 * row
    left = x > WIDE // 2
    words = f"{name}, {Quantity(intensity)!s} FLOP/byte"
    place = f'x="{x - 8}" y="{low}" text-anchor="end"' if left else f'x="{x + 8}" y="{low}"'
    return (
        f'<g class="calc-mark is-{row}"><path d="M{x} {y}V{low}"/><circle cx="{x}" cy="{y}" r="6"/>'
        f"<text {place}>{words}</text></g>"
    )


def roofline(one: Chosen) -> str:
    """Nothing where no peak rate is published."""
    bandwidth, peak = one.device.rates(one.cost.weight_dtype.name)
    if not peak:
        return ""
    balance = peak / bandwidth
    decode = one.cost.decode.flops / one.cost.decode.bytes
    prompt = one.cost.prompt.flops / one.cost.prompt.bytes
    start = max(2.0**LEAST, balance * 2.0**LOWEST)
    ticks = "".join(
        f'<path d="M{across(2.0**power)} {TOP}V{BOTTOM}"/>'
        f'<text x="{across(2.0**power)}" y="{BOTTOM + 18}" text-anchor="middle">{text}</text>'
        for power, text in TICKS.items()
    )
    shares = "".join(
        f'<path d="M{LEFT} {up(2.0**power)}H{RIGHT}"/><text x="{LEFT - 8}" y="{up(2.0**power) + 4}" '
        f'text-anchor="end">{text}</text>'
        for power, text in SHARES.items()
    )
    told = (
        f"Roofline of {machines(one)}: the corner is at {Quantity(balance)!s} FLOP/byte; a decode step has "
        f"{Quantity(decode)!s} and prefill {Quantity(prompt)!s}."
    )
    return (
        f'<svg class="calc-chart" viewBox="0 0 {WIDE} {HIGH}" role="img" aria-label="{escape(told)}">'
        f'<g class="calc-grid">{ticks}{shares}</g><text class="calc-title" x="{LEFT}" y="18">'
        "Share of the peak that bandwidth allows</text>"
        f'<path class="calc-roof" d="M{across(start)} {up(start / balance)}'
        f'L{across(balance)} {TOP}H{RIGHT}"/>{mark("decode step", decode, balance, 0)}'
        f'{mark("prefill", prompt, balance, 1)}<text x="{RIGHT}" y="{HIGH - 6}" text-anchor="end">FLOP/byte</text>'
        "</svg>"
    )
