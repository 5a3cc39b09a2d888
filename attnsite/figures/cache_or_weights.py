"""Within their context caches outgrow weights in {reached_alone} of {whole_models} models, at batch 16 in {reached_16}

Context length at which a decode step reads as many bytes of KV cache as of weights, for one sequence and for batches of
16 and 256. The cross is the model's own context.

Right of a mark the step's time is mostly that of its caches and grows with the context, left of it mostly that of the
weights and does not. Counted per layer, with as many bits for a weight as for a cached element, and with the MLP of
each model's own configuration; embeddings and the output layer are left out. All models here are dense, without latent
attention: a batch reads their weights once and a cache for each sequence, so it moves the mark left by its number.
Models with windows are not among those of the title. A cross is missing where the table gives no context. The axis is
logarithmic.

A chart of one row for each model and three marks in it. For one sequence the two are equal at {llama2_7b} tokens in
Llama 2 7B, with a KV head for each query head, and at {llama3_8b} in Llama 3.1 8B, which shares each among four; with
256 sequences at {llama2_7b_256} and {llama3_8b_256}. Among those that share no heads and have no windows it is
{mha_widths} the hidden size in the median, for one sequence, from {mha_widths_least} to {mha_widths_most}.
"""

import statistics
from typing import Any

import plotly.graph_objects as go

from attnsite.figures.toolkit import axes, style
from attnsite.records.quantity import Quantity
from attnsite.records.run_file import Row, Run

EXPERIMENT = "cache_or_weights"
TITLE_COLUMNS = ("equal at, batch of 1", "equal at, batch of 16")
DRAWN = ("GPT-2 XL (1558M)", "Llama 2 7B", "GPT-3 175B", "Qwen3-0.6B", "Llama 3.2 1B", "Llama 3.1 8B", "Qwen2.5-72B",
         "Llama 3.1 405B", "Falcon-7B")  # fmt: skip
NAMED = {"Llama 2 7B": "llama2_7b", "Llama 3.1 8B": "llama3_8b", "Llama 3.1 405B": "llama3_405b",
         "Falcon-7B": "falcon_7b", "Qwen3-0.6B": "qwen3_0_6b"}  # fmt: skip
BATCHES = {1: ("batch 1", style.Look(style.OURS)), 16: ("batch 16", style.Look(style.OURS_2, symbol="diamond")),
           256: ("batch 256", style.Look(style.OTHER_2, symbol="square"))}  # fmt: skip


def values(run: Run) -> dict[str, Quantity]:
    rows = run.where()
    whole = [row for row in rows if not row.case["window"]]  # a window ends the growth of a cache
    # A few printed configurations have heads that together are a little wider or narrower than the model.
    mha = [row.values["widths"] for row in whole if row.case["kv_heads"] == row.case["query_heads"]]
    needed = [row.values["batch_for_full_context"] for row in whole if row.case["context"]]
    early = [row.values["batch_for_full_context"] for row in whole if row.case["context"] and row.case["year"] < 2024]
    found = {
        "models": Quantity(len(rows), "count"),
        "whole_models": Quantity(len(needed), "count"),
        "reached_alone": Quantity(sum(batch <= 1 for batch in needed), "count"),
        "reached_16": Quantity(sum(batch <= 16 for batch in needed), "count"),
        "reached_256": Quantity(sum(batch <= 256 for batch in needed), "count"),
        "early_models": Quantity(len(early), "count"),
        "early_reached_alone": Quantity(sum(batch <= 1 for batch in early), "count"),
        "mha_widths": Quantity(statistics.median(mha), "×"),
        "mha_widths_least": Quantity(min(mha), "×"),
        "mha_widths_most": Quantity(max(mha), "×"),
    }
    for row in rows:
        if row.case["name"] in NAMED:
            name, seen = NAMED[row.case["name"]], row.values
            found[name] = Quantity(seen["equal_at"]["1"], "count")
            found[f"{name}_widths"] = Quantity(seen["widths"], "×")
            found[f"{name}_weights"] = Quantity(seen["layer_weights"], "parameters")
            found[f"{name}_batch"] = Quantity(seen["batch_for_full_context"], "1")
            found |= {f"{name}_{batch}": Quantity(seen["equal_at"][str(batch)], "count") for batch in (16, 64, 256)}
    return found


def tabulate(runs: list[Run]) -> list[dict[str, Any]]:
    return [
        {"model": row.case["name"], "year": row.case["year"], "query heads": row.case["query_heads"],
         "KV heads": row.case["kv_heads"], "hidden size": row.case["width"], "context": row.case["context"],
         "weights per layer": Quantity(row.values["layer_weights"], "parameters"),
         "cached elements per token and layer": Quantity(row.values["cache_elements"], "count")}
        | {f"equal at, batch of {batch}": Quantity(tokens, "count") for batch, tokens in row.values["equal_at"].items()}
        | {"equal at / hidden size": Quantity(row.values["widths"], "×"),
           "windowed layers": "yes" if row.case["window"] else "no"}
        for row in runs[0].where()
    ]  # fmt: skip


def _rows(run: Run) -> list[Row]:
    rows = {row.case["name"]: row for row in run.where() if row.case["name"] in DRAWN}
    if not rows:
        raise LookupError("none of the models that this figure draws has been counted yet")
    return sorted(rows.values(), key=lambda row: -row.values["equal_at"]["1"])


def draw(runs: list[Run]) -> go.Figure:
    rows = _rows(runs[0])
    shown = [row.values["equal_at"][str(batch)] for row in rows for batch in BATCHES]
    x = axes.log_axis("tokens at which cache = weights", shown, "tokens", base=2, pad=1.6)
    names = tuple(row.case["name"].removesuffix(" (1558M)") for row in rows)
    on = style.chart(x, axes.Axis("model", -1.1, len(rows) - 0.25, tuple(map(float, range(len(rows)))), names))
    on.figure.update_yaxes(showgrid=False)
    for y, row in enumerate(rows):
        ends = [row.values["equal_at"][str(batch)] for batch in (max(BATCHES), min(BATCHES))]
        style.reference(on, ends, [y, y], row.case["name"], dash="solid")
    for batch, (label, look) in BATCHES.items():
        xs = [row.values["equal_at"][str(batch)] for row in rows]
        hover = [f"{row.case['name']}, batch of {batch}: {Quantity(n, 'count')} tokens"
                 for row, n in zip(rows, xs, strict=True)]  # fmt: skip
        style.points(on, xs, [float(y) for y in range(len(rows))], look, f"batch of {batch}", hover, size=9)
        style.note(on, xs[-1], len(rows) - 1, label, look.colour, above=True, shift=(0, 8))
    limits = [(row.case["context"], float(y)) for y, row in enumerate(rows) if row.case["context"]]
    on.figure.add_scatter(
        x=[n for n, _ in limits], y=[y for _, y in limits], mode="markers", name="the model’s context",
        hovertext=[f"the model’s context: {axes.tokens(n)} tokens" for n, _ in limits], hoverinfo="text",
        marker={"color": style.INK, "symbol": "x-thin", "size": 9, "line": {"width": 2, "color": style.INK}},
    )  # fmt: skip
    style.note(on, x.low, -0.7, "× the model’s own context", style.INK, anchor="left", shift=(4, 0))
    return style.finish(on, runs[0])
