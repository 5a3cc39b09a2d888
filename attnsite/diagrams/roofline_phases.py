"""On a roofline decode lies on the slope and prefill under the flat roof

An H100 SXM with {memory}: printed bandwidth and printed bf16 peak. The points are Llama 3.1 8B in bf16 over 8k tokens
of context: one sequence decoding, {batch} of them, and a prefill.

A chart on two logarithmic axes, FLOP/byte to the right and FLOP/s upwards. The roof rises with the memory bandwidth up
to {balance} and is flat from there on. One sequence decoding lies at {one} and {batch} at {many}, both on the slope;
prefill lies at {prefill}, far to the right under the flat part.
"""

import math

from attnsite.diagrams._panel import Panel
from attnsite.formulas import devices, models
from attnsite.formulas.cost import Cost
from attnsite.formulas.counts import Count
from attnsite.records.quantity import Quantity

MODEL, DEVICE, TOKENS, BATCH = "llama-3.1-8b", "h100-sxm", 8192, 32
LEFT, RIGHT, TOP, BOTTOM = 34.0, 312.0, 20.0, 176.0
SPAN = (0.5, 30_000.0)  # FLOP/byte


def intensities() -> dict[str, float]:
    """FLOP/byte of a decode step of one sequence and of several, and of a prefill."""
    shape = models.find(MODEL).decoder()
    one, many = Cost(shape, Count(TOKENS)), Cost(shape, Count(TOKENS), BATCH)
    return {
        "one": one.decode.flops / one.decode.bytes,
        "many": many.decode.flops / many.decode.bytes,
        "prefill": one.prompt.flops / one.prompt.bytes,
    }


def values() -> dict[str, Quantity]:
    device = devices.find(DEVICE)
    bandwidth, peak = device.rates("bf16")
    found = {name: Quantity(value, "FLOP/byte") for name, value in intensities().items()}
    return found | {
        "balance": Quantity(peak / bandwidth, "FLOP/byte"),
        "batch": Quantity(BATCH, "sequences"),
        "memory": Quantity(device.memory_gb, "GB"),
    }


def panels() -> list[Panel]:
    bandwidth, peak = devices.find(DEVICE).rates("bf16")
    low, high = SPAN
    floor = bandwidth * low

    def place(intensity: float) -> tuple[float, float]:
        rate = min(peak, bandwidth * intensity)
        x = LEFT + (RIGHT - LEFT) * math.log(intensity / low) / math.log(high / low)
        return x, BOTTOM - (BOTTOM - TOP) * math.log(rate / floor) / math.log(peak / floor)

    panel = Panel("Attainable FLOP/s", height=216)
    panel.line((LEFT, BOTTOM), (RIGHT, BOTTOM))
    panel.line(place(low), place(peak / bandwidth), place(high), kind="ours")
    for power in (1, 100, 10_000):
        x, _ = place(power)
        panel.line((x, BOTTOM), (x, BOTTOM + 4))
        panel.text(x, BOTTOM + 13, f"{power:,}".replace(",", "\u202f"), "middle", "quiet", 11)
    panel.text((LEFT + RIGHT) / 2, BOTTOM + 32, "FLOP/byte", "middle", "quiet", 11)
    told = {"one": ("decode, 1", 8.0, 6.0), "many": (f"decode, {BATCH}", 8.0, 6.0), "prefill": ("prefill", 0.0, 18.0)}
    for name, intensity in intensities().items():
        words, right, down = told[name]
        x, y = place(intensity)
        panel.dot(x, y, "other")
        panel.text(x + right, y + down, words, "start" if right else "middle")
    return [panel]
