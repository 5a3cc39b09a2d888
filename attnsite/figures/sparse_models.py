"""A larger sparse model costs what a smaller dense one does only at very long prefills

Sequence length at which both take the same prefill FLOPs, by the share of pairs that the larger one keeps. Longer
sequences favour the larger, sparse model.

Counted are the products with the parameters and QKᵀ and AV over the visible pairs. To the right a line ends in the
share above which its larger model costs more at any length. To the left it levels out where the larger model's
attention costs nothing and only its parameters are left. The dotted line is the context length that these models are
made for. Nothing is said here about quality, and choosing the pairs is free. Both axes are logarithmic.

A chart of three rising lines for neighbours among the Qwen2.5 models. With a tenth of the pairs kept, 14B costs what a
dense 7B costs at {from_7b_to_14b_at_10} tokens, 32B what 14B costs at {from_14b_to_32b_at_10}, and 72B what 32B costs
at {from_32b_to_72b_at_10}.
"""

from typing import Any

import plotly.graph_objects as go

from attnsite.figures.toolkit import axes, style
from attnsite.records.quantity import Quantity
from attnsite.records.run_file import Row, Run

EXPERIMENT = "sparse_models"
TITLE_COLUMNS = ("same FLOPs at", "pairs kept")
DRAWN = {("7B", "14B"): style.Look(style.OURS_2), ("14B", "32B"): style.Look(style.OURS, symbol="diamond"),
         ("32B", "72B"): style.Look(style.OTHER, symbol="square")}  # fmt: skip
CONTEXT = 131072  # of all four models
SHOWN = {"0.2": "20", "0.1": "10", "0.05": "5", "0.0": "0"}  # shares that sentences speak of, in percent


def _size(name: str) -> str:
    return name.rsplit("-", 1)[-1]


def _pairs(run: Run) -> dict[tuple[str, str], Row]:
    return {(_size(row.case["small"]), _size(row.case["large"])): row for row in run.where() if "small" in row.case}


def _crossings(row: Row, count: str = "causal") -> dict[float, float]:
    """By the share that is kept, where there is a crossing; without the share 0, which has no place on a log axis."""
    found = {float(share): tokens for share, tokens in row.values[count].items() if tokens is not None}
    return dict(sorted((share, tokens) for share, tokens in found.items() if share > 0))


def values(run: Run) -> dict[str, Quantity]:
    found = {"context": Quantity(CONTEXT, "count")}
    for (small, large), row in _pairs(run).items():
        name = f"from_{small}_to_{large}".lower()
        found[f"{name}_largest_share"] = Quantity(row.values["largest_share"], "%")
        for count, ending in (("causal", ""), ("square", "_square")):
            for share, percent in SHOWN.items():
                if (tokens := row.values[count][share]) is not None:
                    found[f"{name}_at_{percent}{ending}"] = Quantity(round(tokens, -3), "count")
    neighbours = [found[f"from_{s}_to_{l}_at_10".lower()].value for s, l in DRAWN]
    return found | {
        "earliest_at_10": Quantity(min(neighbours), "count"),
        "latest_at_10": Quantity(max(neighbours), "count"),
    }


def tabulate(runs: list[Run]) -> list[dict[str, Any]]:
    lines = []
    for (small, large), row in _pairs(runs[0]).items():
        for share, tokens in row.values["causal"].items():
            square = row.values["square"][share]
            lines.append(
                {
                    "dense": small,
                    "sparse": large,
                    "pairs kept": Quantity(float(share), "%"),
                    "same FLOPs at": None if tokens is None else Quantity(tokens, "count"),
                    "counting the whole square": None if square is None else Quantity(square, "count"),
                    "never above": Quantity(row.values["largest_share"], "%"),
                }
            )
    return lines


def draw(runs: list[Run]) -> go.Figure:
    rows = _pairs(runs[0])
    lines = {pair: _crossings(rows[pair]) for pair in DRAWN if pair in rows}
    if not lines:
        raise LookupError("none of the pairs that this figure draws has been counted yet")
    shares = {share for line in lines.values() for share in line}
    x = axes.log_axis("share of pairs that the larger model keeps", shares, "%", pad=1.15)
    lengths = [tokens for line in lines.values() for tokens in line.values()]
    on = style.chart(
        x, axes.log_axis("sequence length at equal FLOPs, in tokens", [*lengths, CONTEXT], "tokens", base=2)
    )
    style.reference(on, [x.low, x.high], [CONTEXT, CONTEXT], "context length of the models", at=0.2)
    for (small, large), look in DRAWN.items():
        line = lines.get((small, large), {})
        label = f"{large} against {small}"
        hover = [
            f"{label}, {Quantity(share, '%')} kept: {Quantity(round(tokens), 'count')} tokens"
            for share, tokens in line.items()
        ]
        style.line(on, list(line), list(line.values()), look, label, hover=hover)
    return style.finish(on, runs[0])
