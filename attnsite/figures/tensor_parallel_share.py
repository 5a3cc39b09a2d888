"""A device's share of the KV cache stops falling at the number of KV heads, and with MLA it never falls

Share of a sequence's KV cache that each device keeps under tensor parallelism, by number of devices, for four models.

With 32 KV heads each further device keeps less, up to 32 devices. With 8 or 4 KV heads the share stays once each device
has one head, which other devices keep too. The latent of DeepSeek-V3 is kept whole by each. Both axes are logarithmic.

A chart of four lines over 1 to {most} devices. With 8 devices each keeps {mha_8} of the cache of Llama 2 7B,
{gqa_8} of that of Llama 3.1 70B, {four_8} of that of Qwen3 235B A22B and {mla_8} of that of DeepSeek-V3; with {most},
{mha_most}, {gqa_most}, {four_most} and {mla_most}.
"""

from typing import Any

import plotly.graph_objects as go

from attnsite.figures.toolkit import axes, style
from attnsite.figures.toolkit.by_devices import divides, one
from attnsite.records.quantity import Quantity
from attnsite.records.run_file import Row, Run

EXPERIMENT = "tensor_parallel"
TITLE_COLUMNS = ("devices", "share of the KV cache")
LINES = {
    "deepseek-v3": ("mla", "MLA", style.Look(style.OTHER, symbol="square")),
    "qwen3-235b-a22b": ("four", "4 KV heads", style.Look(style.OURS_2, symbol="diamond")),
    "llama-3.1-70b": ("gqa", "8 KV heads", style.Look(style.OURS)),
    "llama-2-7b": ("mha", "32 KV heads", style.Look(style.OTHER_2, symbol="triangle-up")),
}


def shares(row: Row) -> dict[int, Quantity]:
    """By number of devices."""
    every = {int(ranks): held for ranks, held in row.values["kept"].items()}
    return {ranks: Quantity(held / every[1], "%") for ranks, held in sorted(every.items()) if divides(row, ranks)}


def values(run: Run) -> dict[str, Quantity]:
    found: dict[str, Quantity] = {}
    for model, (name, _, _) in LINES.items():
        those = shares(one(run, model))
        found |= {f"{name}_{ranks}": share for ranks, share in those.items()}
        found[f"{name}_most"] = those[max(those)]
        found["most"] = Quantity(max(those), "count")
    return found


def tabulate(runs: list[Run]) -> list[dict[str, Any]]:
    return [
        {"model": row.values["name"], "KV heads": row.values["kv_heads"], "devices": ranks, "share of the KV cache": q}
        for row in (one(runs[0], model) for model in LINES)
        for ranks, q in shares(row).items()
    ]


def draw(runs: list[Run]) -> go.Figure:
    run = runs[0]
    those = {model: shares(one(run, model)) for model in LINES}
    x = axes.log_axis(
        "devices that share the heads", [ranks for lines in those.values() for ranks in lines], base=2, pad=1.1
    )
    y = axes.log_axis("share of the KV cache on each", [q.value for s in those.values() for q in s.values()], "%",
                      pad=1.25)  # fmt: skip
    on = style.chart(x, y)
    for model, (_, label, look) in LINES.items():
        name = one(run, model).values["name"]
        style.line(
            on, list(those[model]), [q.value for q in those[model].values()], look, label,
            hover=[f"{name}, {ranks} devices: {q} on each" for ranks, q in those[model].items()],
        )  # fmt: skip
    return style.finish(on, run)
