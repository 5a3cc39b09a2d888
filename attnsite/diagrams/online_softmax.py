"""An online softmax keeps a maximum and a sum, and rescales both when a larger score comes

One query, its scores in three tiles. After each tile the kernel has the largest score so far, m, and the sum l of
exponentials against it; the output is rescaled in the same way and is not drawn.

Three panels, one a tile. After the scores {s_1} and {s_2} the maximum is {m_1} and the sum {l_1}. The second tile
brings a larger score, so the old sum is multiplied by {scale} before its exponentials are added: maximum {m_2}, sum
{l_2}. The third tile brings none, nothing is rescaled, and the sum becomes {l_3}, the same as in two passes.
"""

import math

from attnsite.diagrams._panel import Panel
from attnsite.records.quantity import Quantity

TILES = ((1.0, 3.0), (2.0, 5.0), (4.0, 0.0))


def states() -> list[tuple[float, float, float]]:
    """After each tile: the maximum, what the old sum was multiplied by, and the sum."""
    found, top, total = [], -math.inf, 0.0
    for tile in TILES:
        new = max(top, *tile)
        scale = math.exp(top - new) if top > -math.inf else 0.0
        total = total * scale + sum(math.exp(score - new) for score in tile)
        top = new
        found.append((top, scale, total))
    return found


def values() -> dict[str, Quantity]:
    after = states()
    found = {f"m_{n}": Quantity(top, "1") for n, (top, _, _) in enumerate(after, 1)}
    found |= {f"l_{n}": Quantity(total, "1") for n, (_, _, total) in enumerate(after, 1)}
    found |= {f"s_{n}": Quantity(score, "1") for n, score in enumerate(TILES[0], 1)}
    return found | {"scale": Quantity(after[1][1], "small")}


def panels() -> list[Panel]:
    made, before = [], 0.0
    for number, (tile, (top, scale, total)) in enumerate(zip(TILES, states(), strict=True), 1):
        panel = Panel(f"Tile {number}", width=218, height=118)
        for place, score in enumerate(tile):
            biggest = score == top
            panel.box(4 + place * 56, 4, 50, 24, f"{score:g}", "other" if biggest else "ours")
        panel.text(120, 16, "scores", kind="quiet")
        panel.text(4, 48, f"m = {top:g}" + (", larger than before" if number > 1 and scale != 1 else ""))
        if number == 1:
            panel.text(4, 72, "l = sum of exp(s − m)", kind="quiet")
        else:
            panel.text(4, 72, f"l = {before:.2f} × {scale:.2g} + new", kind="quiet")
        panel.box(4, 88, 110, 24, f"l = {total:.3f}", "ours-2")
        made.append(panel)
        before = total
    return made
