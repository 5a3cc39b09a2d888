"""The scores of one head have a rank of at most its head dimension

Numerical rank of QKᵀ for random queries and keys, by head dimension, for three sequence lengths. Where the lines
coincide, the rank is the head dimension.

Each line rises with the head dimension until it reaches the number of tokens, which no rank of a square matrix can
pass; from there it is flat. Both axes are logarithmic. Bands would hold the interquartile range over seeds; every seed
gave the same ranks.

A chart of lines, one for each number of tokens up to {most_tokens}. The rank equals the head dimension until that
exceeds the number of tokens, then the number of tokens: a head of dimension 16 gives scores of rank {rank_at_16}
whatever the context.
"""

import statistics
from typing import Any

import plotly.graph_objects as go

from attnsite.figures.toolkit import axes, style
from attnsite.records.quantity import Quantity
from attnsite.records.run_file import Run

EXPERIMENT = "rank_by_head_width"
TITLE_COLUMNS = ("rank of QKᵀ",)
LOOKS = (style.Look(style.OURS_2), style.Look(style.OURS), style.Look(style.OTHER))


def observed(run: Run, name: str) -> dict[tuple[int, int], Quantity]:
    """By tokens and head dimension: the median over seeds and the interquartile range."""
    seen: dict[tuple[int, int], list[float]] = {}
    for row in run.where():
        seen.setdefault((row.case["tokens"], row.case["dim"]), []).append(row.values[name])
    if not seen:
        raise LookupError("the rank of scores has not been measured yet on this machine")
    found = {}
    for key, samples in sorted(seen.items()):
        low, _, high = statistics.quantiles(samples, n=4, method="inclusive") if len(samples) > 1 else samples * 3
        found[key] = Quantity(statistics.median(samples), "1", low, high)
    return found


def values(run: Run) -> dict[str, Quantity]:
    ranks = observed(run, "rank")
    most = max(tokens for tokens, _ in ranks)
    found = {f"rank_at_{dim}": q for (tokens, dim), q in ranks.items() if tokens == most}
    within = [q.value == min(key) for key, q in ranks.items()]
    return found | {
        "most_tokens": Quantity(most, "count"),
        "share_equal_to_the_smaller": Quantity(sum(within) / len(within), "%"),
    }


def tabulate(runs: list[Run]) -> list[dict[str, Any]]:
    return [
        {"machine": run.machine, "head dim": dim, "tokens": tokens, "rank of QKᵀ": rank.value,
         "lowest quartile": rank.low, "highest quartile": rank.high}
        for run in runs
        for (tokens, dim), rank in observed(run, "rank").items()
    ]  # fmt: skip


def draw(runs: list[Run]) -> go.Figure:
    ranks = observed(runs[0], "rank")
    dims = sorted({dim for _, dim in ranks})
    on = style.chart(
        axes.cases_axis("head dimension", dims, "count"),
        axes.log_axis("rank of QKᵀ", [q.value for q in ranks.values()], "count", base=2, most=8),
    )
    style.note(on, 32, 32, "rank = head dimension", style.MUTE, anchor="right", shift=(-12, 4))
    for look, tokens in zip(LOOKS, sorted({tokens for tokens, _ in ranks}), strict=False):
        xs = [dim for dim in dims if (tokens, dim) in ranks]
        line = [ranks[tokens, dim] for dim in xs]
        hover = [f"{tokens} tokens, head dimension {x}<br>rank {q}" for x, q in zip(xs, line, strict=True)]
        style.line(on, xs, [q.value for q in line], look, f"{tokens} tokens", hover=hover,
                    low=[q.low or q.value for q in line], high=[q.high or q.value for q in line])  # fmt: skip
    return style.finish(on, runs[0])
