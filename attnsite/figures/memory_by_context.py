"""32 sequences of Llama 3.1 8B at 8k tokens: {llama_8b_q4_batch_kv_share_8k} of the memory is KV cache

Memory of weights and bf16 KV cache by context length, for one sequence and for 32, with 4-bit weights. The level lines
are devices of 24 GB and 80 GB.

Where a line is level the weights are nearly all of it; where it rises in proportion, the cache is. One chunk of prefill
is counted, too. Both axes are logarithmic.

A chart of four rising lines. One sequence of Llama 3.1 8B needs {llama_8b_q4_total_1k} at 1k tokens and
{llama_8b_q4_total_128k} at 128k; 32 sequences need {llama_8b_q4_batch_total_1k} and {llama_8b_q4_batch_total_128k}. One
of the 70B model needs {llama_70b_q4_total_1k} and {llama_70b_q4_total_128k}, 32 need {llama_70b_q4_batch_total_128k} at
128k tokens.
"""

from typing import Any

import plotly.graph_objects as go

from attnsite.figures import memory_needed
from attnsite.figures.memory_needed import BATCH, one, total
from attnsite.figures.toolkit import axes, style
from attnsite.formulas import devices
from attnsite.records.quantity import Quantity
from attnsite.records.run_file import Run

EXPERIMENT = "memory_needed"
TITLE_COLUMNS = ("memory in all",)
LINES = {  # model and batch
    ("llama-3.1-8b", 1): ("8B, 1 sequence", style.Look(style.OURS)),
    ("llama-3.1-8b", BATCH): (f"8B, {BATCH} sequences", style.Look(style.OURS, "dash", "circle-open")),
    ("llama-3.1-70b", 1): ("70B, 1 sequence", style.Look(style.OTHER_2, symbol="square")),
    ("llama-3.1-70b", BATCH): (f"70B, {BATCH} sequences", style.Look(style.OTHER_2, "dash", "square-open")),
}
DEVICES = ("rtx-4090", "h100-sxm")
WEIGHTS = "q4_0"
values = memory_needed.values


def sizes(run: Run, model: str, batch: int) -> dict[int, Quantity]:
    """By context length."""
    contexts = sorted({row.case["tokens"] for row in run.where(model=model)})
    return {tokens: total(one(run, model, WEIGHTS, tokens, batch)) for tokens in contexts}


def tabulate(runs: list[Run]) -> list[dict[str, Any]]:
    return [
        {"model": one(runs[0], model, WEIGHTS, tokens).values["name"], "sequences": batch, "context length": tokens,
         "memory in all": size}
        for model, batch in LINES
        for tokens, size in sizes(runs[0], model, batch).items()
    ]  # fmt: skip


def draw(runs: list[Run]) -> go.Figure:
    run = runs[0]
    those = {key: sizes(run, *key) for key in LINES}
    x = axes.cases_axis("context length", [tokens for line in those.values() for tokens in line], "tokens")
    y = axes.log_axis(
        "memory in all", [q.value for line in those.values() for q in line.values()], "B", base=2, pad=1.4
    )
    on = style.chart(x, y)
    for each in DEVICES:
        device = devices.find(each)
        style.reference(on, [x.low, x.high], [device.memory_bytes] * 2, f"{device.memory_gb:g} GB", at=0.35)
    for key, (label, look) in LINES.items():
        style.line(
            on, list(those[key]), [q.value for q in those[key].values()], look, label,
            hover=[f"{label}, {axes.tokens(tokens)} tokens: {q}" for tokens, q in those[key].items()],
        )  # fmt: skip
    return style.finish(on, run)
