"""Past its window, Gemma 3 27B adds {gemma_rate_after} per token and not {gemma_rate_before}

The KV cache of one sequence by context length, in four models. Dashed: Gemma 3 27B with every layer counted as full
attention.

With full attention in all layers the cache is the same number of bytes per token at any length. Of the layers of Gemma
3 27B {gemma_windowed} of {gemma_layers} see only the last {gemma_window} tokens, and of gpt-oss-20b {gpt_oss_windowed}
of {gpt_oss_layers} only {gpt_oss_window}; their part of the cache stops growing there if the engine lets it.
DeepSeek-V3 caches a latent in each layer for every token. 16 bits per element, both axes logarithmic; what an engine
reserves may be more.

A chart of four rising lines over contexts from {smallest_context} to {largest_context} tokens. At the longest Llama 3.1
8B keeps {llama_last}, Gemma 3 27B {gemma_last} where it would be {gemma_full_last} with all layers full, DeepSeek-V3
{deepseek_last} and gpt-oss-20b {gpt_oss_last}. Below the window Gemma 3 27B keeps more than any of the others.
"""

from typing import Any

import plotly.graph_objects as go

from attnsite.figures.toolkit import axes, style
from attnsite.records.quantity import Quantity
from attnsite.records.run_file import Row, Run

EXPERIMENT = "kv_calculators"
TITLE_COLUMNS = ("KV cache",)
DRAWN = {
    "Llama 3.1 8B": ("llama", "Llama 3.1 8B", style.Look(style.OTHER)),
    "Gemma 3 27B": ("gemma", "Gemma 3", style.Look(style.OURS)),
    "DeepSeek-V3 671B": ("deepseek", "DeepSeek-V3", style.Look(style.OTHER_2, symbol="square")),
    "gpt-oss-20b": ("gpt_oss", "gpt-oss-20b", style.Look(style.OURS_2, symbol="diamond")),
}
HYBRID = "Gemma 3 27B"


def _rows(run: Run) -> dict[str, Row]:
    found = {row.case["name"]: row for row in run.where() if row.case["name"] in DRAWN}
    if missing := DRAWN.keys() - found.keys():
        raise LookupError(f"not counted yet: {', '.join(sorted(missing))}")
    return found


def _curve(row: Row, which: str = "by_context") -> tuple[list[int], list[float]]:
    sizes = sorted((int(context), size) for context, size in row.values[which].items())
    return [context for context, _ in sizes], [size for _, size in sizes]


def values(run: Run) -> dict[str, Quantity]:
    found: dict[str, Quantity] = {}
    for model, row in _rows(run).items():
        short = DRAWN[model][0]
        contexts, sizes = _curve(row)
        full = _curve(row, "as_full_by_context")[1]
        for n, size, counted_full in zip(contexts, sizes, full, strict=True):
            found[f"{short}_at_{axes.tokens(n)}"] = Quantity(size, "B")
            found[f"{short}_full_over_right_at_{axes.tokens(n)}"] = Quantity(counted_full / size, "×")
        found |= {
            f"{short}_first": Quantity(sizes[0], "B"),
            f"{short}_last": Quantity(sizes[-1], "B"),
            f"{short}_full_last": Quantity(full[-1], "B"),
            f"{short}_rate_before": Quantity(row.values["bytes"], "B"),
            f"{short}_rate_after": Quantity((sizes[-1] - sizes[-2]) / (contexts[-1] - contexts[-2]), "B"),
            f"{short}_windowed": Quantity(row.case["windowed_layers"], "count"),
            f"{short}_layers": Quantity(row.case["layers"], "count"),
            f"{short}_window": Quantity(row.case["window"], "count"),
        }
        found["smallest_context"] = Quantity(contexts[0], "count")
        found["largest_context"] = Quantity(contexts[-1], "count")
    return found


def tabulate(runs: list[Run]) -> list[dict[str, Any]]:
    return [
        {"model": model, "windowed layers": row.case["windowed_layers"], "layers": row.case["layers"],
         "window": row.case["window"] or None, "context length": n, "KV cache": Quantity(size, "B"),
         "if all layers were full": Quantity(full, "B"), "full over right": Quantity(full / size, "×")}
        for model, row in _rows(runs[0]).items()
        for n, size, full in zip(*_curve(row), _curve(row, "as_full_by_context")[1], strict=True)
    ]  # fmt: skip


def draw(runs: list[Run]) -> go.Figure:
    rows = _rows(runs[0])
    contexts, full = _curve(rows[HYBRID], "as_full_by_context")
    every = [size for row in rows.values() for size in _curve(row)[1]]
    x = axes.cases_axis("context length, in tokens", contexts, "tokens", most=6)
    on = style.chart(x, axes.log_axis("KV cache of a sequence", every + full, "B", base=2, most=6))
    style.reference(on, contexts, full, "Gemma 3, full", dash="dash", colour=style.OURS, end=True)
    for model, (_, label, look) in DRAWN.items():
        sizes = _curve(rows[model])[1]
        hover = [
            f"{model}<br>{axes.tokens(n)} tokens: {Quantity(s, 'B')}" for n, s in zip(contexts, sizes, strict=True)
        ]
        style.line(on, contexts, sizes, look, label, hover=hover)
    return style.finish(on, runs[0])
