"""{h100_8b_8k_last_batch} sequences of 8k tokens raise the bound of Llama 3.1 8B on an H100 {h100_8b_8k_last_gain} only

Upper bound of all sequences together over 8k tokens of context, by the number of sequences. A line ends where weights
and cache no longer fit into the device's memory.

A sequence more costs nothing while reading the weights is most of a step. It costs its own cache, though, and with 8k
tokens that is soon more than the weights: the lines bend. Each sequence by itself becomes slower all the while. Both
axes are logarithmic; bounds are of printed bandwidth and peak.

A chart of four rising lines. Llama 3.1 8B on an H100 goes from {h100_8b_8k_1} for one sequence to {h100_8b_8k_last} for
{h100_8b_8k_last_batch}, in 4 bits on an RTX 4090 from {rtx_4090_8b_8k_1} to {rtx_4090_8b_8k_last}, and on an M4 Max
from {m4_max_8b_8k_1} to {m4_max_8b_8k_last}. Qwen3 30B A3B on an H100 goes from {h100_30b_8k_1} to {h100_30b_8k_last}.
"""

from typing import Any

import plotly.graph_objects as go

from attnsite.figures import decode_bounds
from attnsite.figures.decode_bounds import one, speed
from attnsite.figures.toolkit import axes, style
from attnsite.records.quantity import Quantity
from attnsite.records.run_file import Run

EXPERIMENT = "decode_bounds"
TITLE_COLUMNS = ("all together, at most", "sequences")
TOKENS = 8192
LINES = {
    ("h100-sxm", "llama-3.1-8b", "bf16"): ("H100, 8B", style.Look(style.OURS)),
    ("h100-sxm", "qwen3-30b-a3b", "bf16"): ("H100, 30B-A3B", style.Look(style.OURS_2, symbol="diamond")),
    ("rtx-4090", "llama-3.1-8b", "q4_0"): ("RTX 4090, 8B q4", style.Look(style.OTHER, symbol="square")),
    ("apple-m4-max", "llama-3.1-8b", "q4_0"): ("M4 Max, 8B q4", style.Look(style.OTHER_2, symbol="triangle-up")),
}
values = decode_bounds.values


def bounds(run: Run, pair: tuple[str, str, str]) -> dict[int, Quantity]:
    """By number of sequences, as far as they fit."""
    batches = sorted({row.case["batch"] for row in run.where()})
    rows = {batch: one(run, pair, TOKENS, batch) for batch in batches}
    return {batch: speed(row) for batch, row in rows.items() if row.values["fits"]}


def tabulate(runs: list[Run]) -> list[dict[str, Any]]:
    return [
        {"model": row.values["name"], "weights": pair[2], "device": row.values["device_name"], "sequences": batch,
         "all together, at most": speed(row), "each": speed(row, batch),
         "KV cache": Quantity(row.values["kv_bytes"], "B"), "read in a step": Quantity(row.values["step_bytes"], "B")}
        for pair in LINES
        for batch in bounds(runs[0], pair)
        for row in (one(runs[0], pair, TOKENS, batch),)
    ]  # fmt: skip


def draw(runs: list[Run]) -> go.Figure:
    run = runs[0]
    those = {pair: bounds(run, pair) for pair in LINES}
    shown = [q.value for line in those.values() for q in line.values()]
    on = style.chart(
        axes.log_axis("sequences", [batch for line in those.values() for batch in line], base=2, pad=1.15),
        axes.log_axis("all sequences together, tokens/s", shown, pad=1.3),
    )
    for pair, (label, look) in LINES.items():
        style.line(
            on, list(those[pair]), [q.value for q in those[pair].values()], look, label,
            hover=[f"{label}, {batch} sequences: {q}" for batch, q in those[pair].items()],
        )  # fmt: skip
    return style.finish(on, run)
