"""Rolling buffers keep {gemma3_27b_share} of Gemma 3 27B’s cache at 128k; {gemma3_27b_full} full layers set the floor

The KV cache of one sequence with rolling buffers in the windowed layers, as a share of the full cache, by context
length. Each line ends at the model's own context.

Up to the window nothing is saved. Beyond it a windowed layer keeps W tokens of N, the others keep all: with f of L
layers full the share goes to f / L, the dotted lines, and without such layers to nothing. The cache is counted at 16
bits per element, which cancels.

A chart of falling lines over contexts from 1k to 128k tokens. Mistral 7B, with a window in every layer, ends at
{mistral_7b_share}; Gemma 3 27B, with {gemma3_27b_full} of {gemma3_27b_layers} layers full, at {gemma3_27b_share};
gpt-oss-20b, with every other layer full, at {gpt_oss_20b_share}; Gemma 2 27B at {gemma2_27b_share}.
"""

from typing import Any

import plotly.graph_objects as go

from attnsite.figures.toolkit import axes, style
from attnsite.records.quantity import Quantity
from attnsite.records.run_file import Row, Run

EXPERIMENT = "window_models"
TITLE_COLUMNS = ("share",)
NAMED = {"Mistral 7B v0.1": "mistral_7b", "Gemma 2 9B": "gemma2_9b", "Gemma 2 27B": "gemma2_27b",
         "Gemma 3 4B": "gemma3_4b", "Gemma 3 27B": "gemma3_27b", "gpt-oss-20b": "gpt_oss_20b",
         "gpt-oss-120b": "gpt_oss_120b"}  # fmt: skip
DRAWN = {
    "Gemma 2 27B": style.Look(style.OTHER_2, symbol="diamond"),
    "gpt-oss-20b": style.Look(style.OTHER, symbol="square"),
    "Gemma 3 27B": style.Look(style.OURS_2, symbol="triangle-up"),
    "Mistral 7B v0.1": style.Look(style.OURS),
}


def _shares(row: Row) -> dict[int, float]:
    whole, rolled = row.values["whole_bytes"], row.values["rolled_bytes"]
    return {int(n): rolled[n] / whole[n] for n in sorted(whole, key=int)}


def values(run: Run) -> dict[str, Quantity]:
    found = {"models": Quantity(len(run.where()), "count")}
    for row in run.where():
        if row.case["name"] not in NAMED:
            continue
        name, shares = NAMED[row.case["name"]], _shares(row)
        longest = max(shares)
        found |= {
            f"{name}_share": Quantity(shares[longest], "%"),
            f"{name}_saving": Quantity(1 / shares[longest], "×"),
            f"{name}_whole": Quantity(row.values["whole_bytes"][str(longest)], "B"),
            f"{name}_rolled": Quantity(row.values["rolled_bytes"][str(longest)], "B"),
            f"{name}_context": Quantity(longest, "count"),
            f"{name}_window": Quantity(row.case["window"], "count"),
            f"{name}_full": Quantity(row.values["full_layers"], "count"),
            f"{name}_layers": Quantity(row.case["layers"], "count"),
        }
    return found


def tabulate(runs: list[Run]) -> list[dict[str, Any]]:
    lines = []
    for row in runs[0].where():
        longest = max(row.values["whole_bytes"], key=int)
        lines.append(
            {
                "model": row.case["name"],
                "window": row.case["window"],
                "windowed layers": row.values["windowed_layers"],
                "layers that see everything": row.values["full_layers"],
                "context length": int(longest),
                "cache kept whole": Quantity(row.values["whole_bytes"][longest], "B"),
                "cache rolled": Quantity(row.values["rolled_bytes"][longest], "B"),
                "share": Quantity(_shares(row)[int(longest)], "%"),
            }
        )
    return lines


def draw(runs: list[Run]) -> go.Figure:
    rows = {row.case["name"]: row for row in runs[0].where() if row.case["name"] in DRAWN}
    if not rows:
        raise LookupError("none of the models that this figure draws has been counted yet")
    contexts = {n for row in rows.values() for n in _shares(row)}
    longest = max(contexts)  # a line of reference ends there, not in the names behind it
    x = axes.cases_axis("context length, in tokens", contexts, "tokens", most=8)
    y = axes.linear_axis("rolling buffers, share of the full cache", [0, 1], "%", most=5, pad=0.04)
    on = style.chart(x, y)
    for name, look in DRAWN.items():
        if name not in rows:
            continue
        shares = _shares(rows[name])
        floor = rows[name].values["full_layers"] / rows[name].case["layers"]
        if floor:
            style.reference(on, [x.low, longest], [floor, floor], f"{name}: layers that see all", colour=look.colour)
        hover = [f"{name}<br>{axes.tokens(n)} tokens: {Quantity(share, '%')}" for n, share in shares.items()]
        short = max(shares) < x.high / 2  # then there is room behind the end of the line
        label = name.removesuffix(" v0.1").replace(" 27B", "<br>27B")
        style.line(on, list(shares), list(shares.values()), look, label, hover=hover, label_end=not short)
        if short:
            style.note(on, max(shares), shares[max(shares)], label.replace("<br>", " "), look.colour, anchor="left",
                        shift=(9, -5))  # fmt: skip
    return style.finish(on, runs[0])
