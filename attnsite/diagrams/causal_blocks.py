"""A causal mask in blocks: full blocks, blocks on the diagonal, and blocks that are skipped

Queries run down and keys to the right, in blocks of {block}. Blocks right of the diagonal are never computed; blocks on
it are computed whole and masked.

A square of {side} by {side} blocks. {full} below the diagonal are computed without a mask, {diagonal} on it are
computed and half masked, {skipped} above it are skipped. Of {pairs} pairs of query and key {visible} are
visible and {computed} are computed.
"""

from attnsite.diagrams._panel import Panel
from attnsite.formulas.attention import visible_pairs
from attnsite.records.quantity import Quantity

SIDE, BLOCK = 6, 64
CELL, LEFT, TOP = 34, 30, 26


def values() -> dict[str, Quantity]:
    tokens = SIDE * BLOCK
    diagonal, full = SIDE, SIDE * (SIDE - 1) // 2
    counts = {
        "block": BLOCK, "side": SIDE, "full": full, "diagonal": diagonal, "skipped": SIDE * SIDE - full - diagonal,
        "pairs": tokens * tokens, "visible": visible_pairs(tokens, tokens, causal=True),
        "computed": (full + diagonal) * BLOCK * BLOCK,
    }  # fmt: skip
    return {name: Quantity(count, "count") for name, count in counts.items()}


def panels() -> list[Panel]:
    panel = Panel("Queries × keys", width=LEFT + SIDE * CELL + 4, height=TOP + SIDE * CELL + 4)
    panel.text(LEFT, 12, "keys →", kind="quiet")
    for query in range(SIDE):
        panel.text(0, TOP + query * CELL + CELL / 2, f"q{query + 1}", kind="quiet")
        for key in range(SIDE):
            x, y = LEFT + key * CELL, TOP + query * CELL
            if key < query:
                panel.box(x, y, CELL - 3, CELL - 3, "", "ours")
            elif key == query:
                panel.box(x, y, CELL - 3, CELL - 3, "", "other")
                panel.line((x, y), (x + CELL - 3, y + CELL - 3), kind="other")
            else:
                panel.box(x, y, CELL - 3, CELL - 3, "", "ghost")
    known = values()
    key_panel = Panel("What is computed", width=230, height=150)
    told = (
        ("ours", f"{known['full']} full blocks: no mask"),
        ("other", f"{known['diagonal']} on the diagonal: masked"),
        ("ghost", f"{known['skipped']} skipped"),
    )
    for number, (kind, words) in enumerate(told):
        key_panel.box(2, 4 + 34 * number, 24, 24, "", kind)
        key_panel.text(36, 16 + 34 * number, words)
    key_panel.text(2, 118, f"visible: {known['visible']} pairs", kind="quiet")
    key_panel.text(2, 138, f"computed: {known['computed']} pairs", kind="quiet")
    return [panel, key_panel]
