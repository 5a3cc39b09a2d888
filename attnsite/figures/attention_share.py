"""Until sequences are very long, most of a model's FLOPs are not in QKᵀ and AV

Share of QKᵀ and AV in the forward FLOPs of a model's layers, by sequence length. Each line crosses half where attention
becomes the larger part.

Counted for a decoder with a causal mask in which every layer has full attention: QKᵀ and AV, averaged over the
positions, against these and the products with the parameters of the same layers. Each model has the MLP of its own
configuration. Models whose MLP is not in the table are left out, and so are embeddings and the output layer. Models
with a larger hidden size cross later, those with a wide MLP too.

A chart of rising curves over sequences of 1k to 1M tokens on a logarithmic scale. For a model shaped like Llama 2 7B
the share is {llama2_7b_at_4k} at 4k tokens and reaches half at {llama2_7b_crossover} tokens; among the models counted
the crossing lies between {earliest_crossover} and {latest_crossover} tokens.
"""

import statistics
from typing import Any

import plotly.graph_objects as go

from attnsite.figures.toolkit import axes, style
from attnsite.records.quantity import Quantity
from attnsite.records.run_file import Row, Run

EXPERIMENT = "attention_share"
TITLE_COLUMNS = ("share at 32k", "half at")
NAMED = {"Qwen2.5-0.5B": "qwen2_5_0_5b", "Llama 2 7B": "llama2_7b", "Llama 2 70B": "llama2_70b",
         "GPT-3 175B": "gpt3_175b", "Llama 3 8B": "llama3_8b", "Llama 3.1 405B": "llama3_405b"}  # fmt: skip
DRAWN = {
    "Qwen2.5-0.5B": style.Look(style.OTHER_2),
    "Llama 2 7B": style.Look(style.OTHER, symbol="square"),
    "Llama 2 70B": style.Look(style.OURS_2, symbol="diamond"),
    "Llama 3.1 405B": style.Look(style.OURS, symbol="triangle-up"),
}


def _curve(row: Row) -> tuple[list[int], list[float]]:
    shares = sorted((int(context), share) for context, share in row.values["shares"].items())
    return [context for context, _ in shares], [share for _, share in shares]


def values(run: Run) -> dict[str, Quantity]:
    crossings = [row.values["crossover"] for row in run.where()]
    found = {
        "models": Quantity(len(crossings), "count"),
        "earliest_crossover": Quantity(min(crossings), "count"),
        "median_crossover": Quantity(statistics.median(crossings), "count"),
        "latest_crossover": Quantity(max(crossings), "count"),
    }
    for row in run.where():
        if row.case["name"] in NAMED:
            name = NAMED[row.case["name"]]
            found[f"{name}_crossover"] = Quantity(row.values["crossover"], "count")
            for context, share in zip(*_curve(row), strict=True):
                found[f"{name}_at_{axes.tokens(context).lower()}"] = Quantity(share, "%")
    return found


def tabulate(runs: list[Run]) -> list[dict[str, Any]]:
    return [
        {"model": row.case["name"], "hidden size": row.case["width"], "all heads": row.case["query_heads"]
         * row.case["head_dim"], "half at": Quantity(row.values["crossover"], "count")}
        | {f"share at {axes.tokens(n)}": Quantity(s, "%") for n, s in zip(*_curve(row), strict=True)}
        | {"windowed layers": "yes" if row.case["window"] else "no"}
        for row in runs[0].where()
    ]  # fmt: skip


def draw(runs: list[Run]) -> go.Figure:
    rows = {row.case["name"]: row for row in runs[0].where() if row.case["name"] in DRAWN}
    if not rows:
        raise LookupError("none of the models that this figure draws has been counted yet")
    contexts = _curve(next(iter(rows.values())))[0]
    x = axes.cases_axis("sequence length, in tokens", contexts, "tokens", most=6)
    on = style.chart(x, axes.linear_axis("QKᵀ and AV, share of forward FLOPs", [0, 1], "%", most=5, pad=0))
    style.reference(on, [x.low, x.high], [0.5, 0.5], "half", at=0.03)
    for name, look in DRAWN.items():
        if name in rows:
            xs, ys = _curve(rows[name])
            hover = [f"{name}<br>{axes.tokens(n)} tokens: {Quantity(s, '%')}" for n, s in zip(xs, ys, strict=True)]
            style.line(on, xs, ys, look, name, hover=hover)
    return style.finish(on, runs[0])
