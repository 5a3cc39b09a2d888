"""Qwen3-Next keeps {qwen3_next_share_1k} of what attention in every layer would at 1k, {qwen3_next_share_128k} at 128k

What one sequence keeps by context length, constant states and KV cache together, in three hybrid models. Dashed:
Qwen3-Next 80B A3B with a KV cache in all of its layers.

On the left the states are most of it, and a short sequence takes as much as with attention in every layer. Beyond a few
thousand tokens the cache decides, and its slope is that of the layers that have attention. States are counted in the
dtypes of transformers, the cache in bf16. Both axes are logarithmic.

A chart of four lines over {shortest} to {longest} tokens. Qwen3-Next 80B A3B goes from {qwen3_next_1k} to
{qwen3_next_1m}, with attention everywhere from {qwen3_next_alike_1k} to {qwen3_next_alike_1m}; Qwen3.5 27B from
{qwen3_5_27b_1k} to {qwen3_5_27b_1m} and Nemotron 3 Nano from {nemotron_nano_1k} to {nemotron_nano_1m}.
"""

from typing import Any

import plotly.graph_objects as go

from attnsite.figures import hybrid_states
from attnsite.figures.toolkit import axes, measured_rows, style
from attnsite.records.quantity import Quantity
from attnsite.records.run_file import Run

EXPERIMENT = "hybrid_states"
TITLE_COLUMNS = ("kept",)
LINES = {  # the model, what of it, and how the line is called and looks
    ("qwen3.5-27b", "kept"): ("Qwen3.5 27B", style.Look(style.OTHER, symbol="square")),
    ("qwen3-next-80b-a3b", "alike"): ("Qwen3-Next,<br>attention only", style.Look(style.OURS, "dash")),
    ("qwen3-next-80b-a3b", "kept"): ("Qwen3-Next", style.Look(style.OURS)),
    ("nemotron-3-nano-30b-a3b", "kept"): ("Nemotron 3<br>Nano", style.Look(style.OURS_2, symbol="diamond")),
}


def line(run: Run, model: str, what: str) -> dict[int, float]:
    """Bytes by context."""
    row = measured_rows.counted(run, model, model=model)
    return {int(tokens): float(held) for tokens, held in row.values[what].items()}


def values(run: Run) -> dict[str, Quantity]:
    contexts = line(run, *next(iter(LINES)))
    return hybrid_states.values(run) | {
        "shortest": Quantity(min(contexts), "count"),
        "longest": Quantity(max(contexts), "count"),
    }


def tabulate(runs: list[Run]) -> list[dict[str, Any]]:
    return [
        {"model": label.replace("<br>", " "), "tokens": tokens, "kept": Quantity(held, "B")}
        for (model, what), (label, _) in LINES.items()
        for tokens, held in line(runs[0], model, what).items()
    ]


def draw(runs: list[Run]) -> go.Figure:
    run = runs[0]
    lines = {key: line(run, *key) for key in LINES}
    every = [held for those in lines.values() for held in those.values()]
    on = style.chart(
        axes.cases_axis("context length, in tokens", next(iter(lines.values())), "tokens", most=6),
        axes.log_axis("kept of one sequence", every, "B", base=2, most=6, pad=1.5),
    )
    for key, (label, look) in LINES.items():
        plain = label.replace("<br>", " ")
        style.line(
            on, list(lines[key]), list(lines[key].values()), look, label,
            hover=[f"{plain}, {axes.tokens(tokens)} tokens: {Quantity(held, 'B')}"
                   for tokens, held in lines[key].items()],
        )  # fmt: skip
    return style.finish(on, run)
