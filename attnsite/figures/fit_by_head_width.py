"""Of those tried, only head_dim ≥ sequence length fits a random attention pattern exactly

Error of the best possible fit of a random attention pattern, by head dimension and sequence length. Follow one line to
zero.

The pattern is random: each query spreads its attention uniformly at random over all tokens. The error is the least
distance, over all queries and keys of that head dimension, between the logarithms of the wanted and of the fitted
attention weights, as a share of the error of attending to everything equally. It is computed exactly, from singular
values. A constant added to a row is free, because softmax ignores it, so one dimension fewer than tokens would be
enough; dimensions tried are powers of two. The error is measured on logarithms and for independent random rows, the
worst case; the error in the attention weights themselves is smaller. Bands hold the interquartile range over seeds, and
are narrower than the lines.

A chart of lines falling from almost one to zero over head dimensions from 2 to 256. With {most_tokens} tokens, a head
of dimension 64 leaves {error_at_64} of that distance, and of the dimensions tried the error is zero only where there
are at least as many as tokens.
"""

from typing import Any

import plotly.graph_objects as go

from attnsite.figures.rank_by_head_width import LOOKS, observed
from attnsite.figures.toolkit import axes, style
from attnsite.records.quantity import Quantity
from attnsite.records.run_file import Run

EXPERIMENT = "rank_by_head_width"
TITLE_COLUMNS = ("fit error",)


def values(run: Run) -> dict[str, Quantity]:
    errors = observed(run, "fit_error")
    most = max(tokens for tokens, _ in errors)
    found = {f"error_at_{d}": Quantity(q.value, "%", q.low, q.high) for (n, d), q in errors.items() if n == most}
    widths = [d / n for (n, d), q in errors.items() if q.value < 1e-6]
    return found | {"most_tokens": Quantity(most, "count"), "exact_from_width_over_tokens": Quantity(min(widths), "×")}


def tabulate(runs: list[Run]) -> list[dict[str, Any]]:
    return [
        {"machine": run.machine, "head dim": dim, "tokens": tokens,
         "fit error": Quantity(q.value, "%", q.low, q.high)}
        for run in runs
        for (tokens, dim), q in observed(run, "fit_error").items()
    ]  # fmt: skip


def draw(runs: list[Run]) -> go.Figure:
    errors = observed(runs[0], "fit_error")
    dims = sorted({dim for _, dim in errors})
    on = style.chart(
        axes.cases_axis("head dimension", dims, "count"),
        axes.linear_axis("error of the best fit over that of uniform attention", [0, 1], "%", most=5),
    )
    lengths = sorted({tokens for tokens, _ in errors})
    for look, tokens in zip(LOOKS, lengths, strict=False):
        xs = [dim for dim in dims if (tokens, dim) in errors]
        line = [errors[tokens, dim] for dim in xs]
        style.line(on, xs, [q.value for q in line], look, f"{tokens} tokens", label_end=False,
                    low=[q.low or 0 for q in line], high=[q.high or 0 for q in line],
                    hover=[f"{tokens} tokens, head dimension {x}<br>error {Quantity(q.value, '%')}"
                           for x, q in zip(xs, line, strict=True)])  # fmt: skip
        near = max(0, len([q for q in line if q.value > 0.5]) - 1)  # the lines meet at zero: label them on their way
        label = f"{tokens} tokens" if tokens == lengths[-1] else str(tokens)
        style.note(on, xs[near], line[near].value, label, look.colour, anchor="left", shift=(8, 4))
    return style.finish(on, runs[0])
