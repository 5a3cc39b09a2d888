"""Batching amortises weights, not attention: Llama 2 7B stays below {limit_mha} with 32 KV heads

FLOP/byte of one decode step by batch size. The line of the weights rises, the lines of attention are flat.

Counted for Llama 2 7B, its MLP and its output layer with it, and {context} tokens of context, all elements of 16 bits,
activations left out. All sequences are multiplied with the same weights, so those are read once for all of them; each
sequence brings a cache of its own, so FLOPs and bytes of attention grow together. Only sequences that share a prefix,
with a kernel that reads it once, move attention up; that line nearly hides the weights' one. Both axes are logarithmic.

A chart of lines over batches of 1 to {batch}. The weights rise from {weights_at_1} to {weights}; attention stays at
{mha} with 32 KV heads and at {gqa} with 8. The whole step with 32 KV heads reaches {whole_mha} and could never pass
{limit_mha}; with 8 it reaches {whole_gqa}, of at most {limit_gqa}. Sequences that share their whole context would bring
attention to {shared}.
"""

from collections.abc import Callable
from typing import Any

import plotly.graph_objects as go

from attnsite.figures.toolkit import axes, style
from attnsite.records.quantity import Quantity
from attnsite.records.run_file import Row, Run

EXPERIMENT = "batch_intensity"
TITLE_COLUMNS = ("whole step, FLOP/byte", "weights, FLOP/byte")
UNIT = "FLOP/byte"
CONTEXT = 4096  # of the experiment


def weights(row: Row) -> float:
    return row.values["weight_flops"] / row.values["weight_bytes"]


def attention(row: Row) -> float:
    return row.values["attention_flops"] / row.values["cache_bytes"]


def shared(row: Row) -> float:
    """Where all sequences read one cache."""
    return row.values["attention_flops"] / row.values["shared_cache_bytes"]


def whole(row: Row) -> float:
    seen = row.values
    return (seen["weight_flops"] + seen["attention_flops"]) / (seen["weight_bytes"] + seen["cache_bytes"])


def limit(row: Row) -> float:
    """Where the whole step ends with ever more sequences: the bytes of the weights no longer count."""
    return (row.values["weight_flops"] + row.values["attention_flops"]) / row.values["cache_bytes"]


LINES: dict[str, tuple[int, Callable[[Row], float], style.Look]] = {
    "weights": (32, weights, style.Look(style.OTHER)),
    "attention, shared prefix": (32, shared, style.Look(style.OURS_2, "dot", "cross")),
    "whole step, 8 KV heads": (8, whole, style.Look(style.OTHER_2, "dash", "diamond")),
    "whole step, 32 KV heads": (32, whole, style.Look(style.OTHER_2, symbol="diamond")),
    "attention, 8 KV heads": (8, attention, style.Look(style.OURS, "dash", "square")),
    "attention, 32 KV heads": (32, attention, style.Look(style.OURS, symbol="square")),
}


def _rows(run: Run, kv_heads: int) -> list[Row]:
    return sorted(run.where(kv_heads=kv_heads), key=lambda row: row.case["batch"])


def values(run: Run) -> dict[str, Quantity]:
    mha, gqa = _rows(run, 32), _rows(run, 8)
    found = {"weights_at_1": weights(mha[0]), "weights": weights(mha[-1]), "mha": attention(mha[-1]),
             "gqa": attention(gqa[-1]), "whole_mha": whole(mha[-1]), "whole_gqa": whole(gqa[-1]),
             "limit_mha": limit(mha[-1]), "limit_gqa": limit(gqa[-1]), "shared": shared(mha[-1])}  # fmt: skip
    intensities = {name: Quantity(value, UNIT) for name, value in found.items()}
    rise = {"mha_growth": attention(mha[-1]) / attention(mha[0]), "weights_growth": weights(mha[-1]) / weights(mha[0])}
    return intensities | {name: Quantity(value, "×") for name, value in rise.items()} | {
        "batch": Quantity(mha[-1].case["batch"], "count"),
        "context": Quantity(CONTEXT, "count"),
        "cache_bytes": Quantity(mha[0].values["cache_bytes"], "B"),
        "weight_bytes": Quantity(mha[0].values["weight_bytes"], "B"),
    }  # fmt: skip


def tabulate(runs: list[Run]) -> list[dict[str, Any]]:
    return [
        {"batch": row.case["batch"], "KV heads": row.case["kv_heads"]}
        | {f"{name}, FLOP/byte": Quantity(of(row))
           for name, of in (("weights", weights), ("attention", attention), ("whole step", whole),
                            ("attention, shared prefix", shared))}
        for row in runs[0].where()
    ]  # fmt: skip


def draw(runs: list[Run]) -> go.Figure:
    run = runs[0]
    every = [of(row) for kv_heads, of, _ in LINES.values() for row in _rows(run, kv_heads)]
    on = style.chart(
        axes.cases_axis("batch size", [row.case["batch"] for row in run.where()], most=10),
        axes.log_axis("FLOP/byte", every, base=2, pad=1.5),
    )
    for name, (kv_heads, of, look) in LINES.items():
        rows = _rows(run, kv_heads)
        hover = [f"{name}<br>{row.case['batch']} sequences: {Quantity(of(row), UNIT)}" for row in rows]
        style.line(on, [row.case["batch"] for row in rows], [of(row) for row in rows], look, name, hover=hover)
    return style.finish(on, run)
