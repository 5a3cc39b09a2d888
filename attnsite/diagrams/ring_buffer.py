"""A KV cache grows with every token; a ring buffer overwrites the oldest

Left, all keys and values are kept. Right, a layer with a window of {window} tokens keeps {window} places, and a token
goes to the place of the one that has just left the window.

Two panels of {steps} decode steps, one a row. In the left one each row has one cell more than the one above, up to
{steps}. In the right one there are never more than {window} cells: token {next} is written to place 1, where token 1
was, and the tokens after it overwrite the places that follow.
"""

from attnsite.diagrams._panel import Panel
from attnsite.records.quantity import Quantity

STEPS, WINDOW = 7, 4
ROW, TOP, CELL, LEFT = 26, 26, 30, 62


def values() -> dict[str, Quantity]:
    return {
        "steps": Quantity(STEPS, "count"),
        "window": Quantity(WINDOW, "count"),
        "next": Quantity(WINDOW + 1, "count"),
    }


def held(step: int, places: int) -> list[int]:
    """Which token each place holds after so many steps; token t goes to place (t − 1) mod `places`."""
    kept = [0] * min(step, places)
    for token in range(1, step + 1):
        kept[(token - 1) % places] = token
    return kept


def panels() -> list[Panel]:
    return [_panel("Full attention: the cache grows", STEPS), _panel(f"Window of {WINDOW}: a ring buffer", WINDOW)]


def _panel(title: str, places: int) -> Panel:
    panel = Panel(title, height=TOP + STEPS * ROW + 8)
    panel.text(0, 12, "place", kind="quiet")
    for place in range(places):
        panel.text(LEFT + place * (CELL + 4) + CELL / 2, 12, str(place + 1), "middle", "quiet")
    for step in range(1, STEPS + 1):
        y = TOP + (step - 1) * ROW
        panel.text(0, y + 10, f"step {step}", kind="quiet")
        for place, token in enumerate(held(step, places)):
            panel.box(LEFT + place * (CELL + 4), y, CELL, 20, str(token), "other" if token == step else "plain")
    return panel
