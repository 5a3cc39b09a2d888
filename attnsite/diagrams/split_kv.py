"""Split-KV decode: parts of the cache are read side by side, and their results are combined

One query against a long cache. Each part gives its own output, maximum and sum; the combination rescales them to the
largest maximum, as an online softmax does.

From left to right: a query; a cache in {splits} parts, each read by another thread or multiprocessor; {splits} partial
results of an output o, a maximum m and a sum l; and one output, the partial ones weighted by exp(m of the part − the
largest m) and divided by the sum of all l, weighted alike.
"""

from attnsite.diagrams._panel import Panel
from attnsite.records.quantity import Quantity

SPLITS = 4
ROW = 38


def values() -> dict[str, Quantity]:
    return {"splits": Quantity(SPLITS, "count")}


def panels() -> list[Panel]:
    panel = Panel("One query, several readers", height=SPLITS * ROW + 26)
    middle = (SPLITS * ROW - 8) / 2 + 20
    panel.text(88, 8, "KV cache", "middle", "quiet")
    panel.text(196, 8, "partial", "middle", "quiet")
    panel.box(2, middle - 14, 30, 28, "q", "ours")
    panel.box(276, middle - 14, 40, 28, "out", "ours-2")
    for part in range(SPLITS):
        y = 20 + part * ROW
        panel.line((32, middle), (50, y + 15), kind="ours", arrow=True)
        panel.box(50, y, 80, 30, f"keys, part {part + 1}", "other", size=11)
        panel.line((130, y + 15), (154, y + 15), kind="other", arrow=True)
        panel.box(154, y, 86, 30, f"o{part + 1}, m{part + 1}, l{part + 1}", "plain")
        panel.line((240, y + 15), (276, middle), kind="plain", arrow=True)
    return [panel]
