"""A head reads the residual stream, attends, and adds its part back

The stream of one token through a layer. Every head reads all of it and writes a vector of its full width, so that heads
add up; nothing is concatenated that could not be added.

A line from left to right is the residual stream of a token. A branch leaves it, is normed, and goes to {heads} heads.
Each head makes a query from this token, reads keys and values of this and earlier tokens, and multiplies its result by
its own rows of the output matrix. The results of all heads are added to the stream, then the MLP reads and adds in the
same way.
"""

from attnsite.diagrams._panel import Panel
from attnsite.records.quantity import Quantity

HEADS = 3


def values() -> dict[str, Quantity]:
    return {"heads": Quantity(HEADS, "count")}


def panels() -> list[Panel]:
    panel = Panel("Attention, in one layer", height=190)
    panel.line((4, 170), (314, 170), kind="ours", arrow=True)
    panel.text(4, 184, "residual stream", kind="quiet", size=11)
    panel.line((22, 170), (22, 88), (36, 88), kind="ours", arrow=True)
    panel.box(36, 74, 46, 28, "norm", "plain")
    for head in range(HEADS):
        y = 6 + head * 50
        panel.line((82, 88), (100, y + 17), kind="plain", arrow=True)
        panel.box(100, y, 84, 34, f"head {head + 1}\nq · k, softmax, v", "ours-2", size=9.5)
        panel.line((184, y + 17), (202, y + 17), kind="plain", arrow=True)
        panel.box(202, y, 52, 34, f"Wo rows\nof head {head + 1}", "other", size=9.5)
        panel.line((254, y + 17), (280, y + 17), (280, 162), kind="other", arrow=head == 0)
    panel.box(272, 162, 16, 16, "+", "ours")
    mlp = Panel("Then the MLP", width=180, height=190)
    mlp.line((4, 170), (174, 170), kind="ours", arrow=True)
    mlp.line((22, 170), (22, 88), (36, 88), kind="ours", arrow=True)
    mlp.box(36, 74, 46, 28, "norm", "plain")
    mlp.line((82, 88), (96, 88), kind="plain", arrow=True)
    mlp.box(96, 74, 46, 28, "MLP", "ours-2")
    mlp.line((142, 88), (156, 88), (156, 162), kind="ours-2", arrow=True)
    mlp.box(148, 162, 16, 16, "+", "ours")
    return [panel, mlp]
