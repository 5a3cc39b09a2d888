"""Formulas for MHA, a plain MLP and heads as wide as the model err by up to {worst} on others

Error of four formulas against the count of all pairs, for {models} models at {context} tokens. Compare models whose
heads together are as wide as the model with the others.

The letters H·Q stand for the width of all heads together. A program that puts the hidden size in their place (d) is
right as long as both are equal; in Qwen3 they are not. Megatron's formula has the hidden size everywhere, and a plain
MLP of four times that size. The one of Chinchilla's appendix has the real MLP size but two matrices where gated MLPs
have three, keys and values for every head, and a product for the embedding, which is only looked up. The count of all
pairs is what all four mean to give.

A chart of {models} models in rows, with four marks each. With H·Q the formula is exact for all. With the hidden size it
is {by_width_qwen3_32b} off for Qwen3-32B and {by_width_llama2_7b} for Llama 2 7B; Megatron's is {megatron_qwen3_32b}
and {megatron_llama2_7b} off.
"""

from typing import Any

import plotly.graph_objects as go

from attnsite.figures.flop_formulas import NAMES, SHORT, error
from attnsite.figures.toolkit import axes, style
from attnsite.records.quantity import Quantity
from attnsite.records.run_file import Row, Run

EXPERIMENT = "flop_formulas"
TITLE_COLUMNS = ("6N + 12·L·H·Q·T", "6N + 12·L·d·T")
CONTEXT = 32768
DRAWN = {
    "palm": ("12 LHQT", style.Look(style.OURS)),
    "palm_by_width": ("12 LdT", style.Look(style.OTHER, symbol="square")),
    "megatron_without": ("Megatron", style.Look(style.OTHER_2, symbol="triangle-up")),
    "chinchilla": ("Chinchilla", style.Look(style.OURS_2, symbol="diamond")),
}
KEY = ((0.02, 1.75), (0.45, 1.75), (0.02, 1.0), (0.45, 1.0))  # where each mark is explained: a share of the axis, a row
ENDINGS = {"palm": "palm", "palm_by_width": "by_width", "megatron_without": "megatron", "chinchilla": "chinchilla"}


def _rows(run: Run) -> list[Row]:
    """One row a model, by the width of its heads together over its own, then by name."""
    found = run.where(context=CONTEXT)
    if not found:
        raise LookupError("not counted yet at this context")
    return sorted(found, key=lambda r: (r.case["query_heads"] * r.case["head_dim"] / r.case["width"], r.case["name"]))


def values(run: Run) -> dict[str, Quantity]:
    rows = _rows(run)
    found = {
        f"{ENDINGS[formula]}_{SHORT[row.case['name']]}": Quantity(error(row, formula, "all_pairs"), "%")
        for row in rows
        for formula in DRAWN
    }
    return found | {
        "worst": Quantity(max(abs(q.value) for q in found.values()), "%", digits=2),
        "models": Quantity(len(rows), "count"),
        "context": Quantity(CONTEXT, "count"),
    }


def tabulate(runs: list[Run]) -> list[dict[str, Any]]:
    return [
        {
            "model": row.case["name"],
            "all heads / hidden size": Quantity(
                row.case["query_heads"] * row.case["head_dim"] / row.case["width"], "×"
            ),
            "KV heads": row.case["kv_heads"],
            "MLP size": row.case["mlp_width"],
            "MLP matrices": row.case["mlp_matrices"],
            "counted, all pairs": Quantity(row.values["all_pairs"], "FLOP"),
        }
        | {NAMES[formula]: Quantity(error(row, formula, "all_pairs"), "%") for formula in NAMES}
        | {"shape from": row.case["source"]}
        for row in _rows(runs[0])
    ]  # fmt: skip


def draw(runs: list[Run]) -> go.Figure:
    rows = _rows(runs[0])
    places = [-float(place) for place in range(len(rows))]
    y = axes.Axis("model", places[-1] - 0.6, 2.2, tuple(places), tuple(r.case["name"].split(" (")[0] for r in rows))
    shown = [error(row, formula, "all_pairs") for row in rows for formula in DRAWN]
    x = axes.linear_axis(f"error of the formula at {axes.tokens(CONTEXT)} tokens", shown, "%", zero=False, most=8)
    on = style.chart(x, y)
    style.reference(on, [0, 0], [y.low, 0.6], "the count of all pairs", dash="solid")
    for lane, (formula, (label, look)) in enumerate(DRAWN.items()):
        errors = [error(row, formula, "all_pairs") for row in rows]
        hover = [f"{row.case['name']}<br>{NAMES[formula]}: {Quantity(e, '%')}"
                 for row, e in zip(rows, errors, strict=True)]  # fmt: skip
        style.points(on, errors, [place + 0.24 - 0.16 * lane for place in places], look, label, hover)
    for (place, row), (formula, (label, look)) in zip(KEY, DRAWN.items(), strict=True):
        style.points(on, [x.value_at(place)], [row], look, f"{label}, key", [NAMES[formula]], size=8)
        style.note(on, x.value_at(place), row, label, look.colour, anchor="left", shift=(7, 0))
    return style.finish(on, runs[0])
