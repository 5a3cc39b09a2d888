"""For Llama 3 8B, 6N undershoots a causal step as much as PaLM’s formula overshoots it

Error of each formula against the count of a training step of Llama 3 8B, by sequence length. With 6 instead of 12 it
stays at zero.

Zero is the count of what a causal model needs: every product with a parameter, and QKᵀ and AV for visible pairs only,
with their gradients. 6N leaves the context term out. 12·L·H·Q·T is added for all pairs, half of which the mask hides;
with 6 instead of 12 the formula is right up to the diagonal. Kaplan's total has the right context term and leaves the
output layer out, which is much of a small model and little of a large one. The thin line is what a fused kernel that
skips masked tiles performs: its backward pass multiplies QKᵀ a second time.

A chart of five lines over sequences of {smallest_context} to {largest_context} tokens on a logarithmic scale. At the
longest, 6N is {six_n_at_128k} off, the formula with 12·L·H·Q·T {palm_at_128k}, the one with 6·L·H·Q·T
{palm_halved_at_128k}, Kaplan's {kaplan_at_128k}, and a fused kernel performs {fused_skipping_at_128k} more.
"""

from typing import Any

import plotly.graph_objects as go

from attnsite.figures.toolkit import axes, style
from attnsite.records.quantity import Quantity
from attnsite.records.run_file import Row, Run

EXPERIMENT = "flop_formulas"
TITLE_COLUMNS = ("6N", "6N + 12·L·H·Q·T")
MODEL = "Llama 3 8B"
NAMES = {  # every formula and count, as a label
    "six_n_blocks": "6N without vocabulary",
    "six_n": "6N",
    "kaplan": "Kaplan, Table 1 total",
    "kaplan_table": "Kaplan, Table 1 all rows",
    "palm": "6N + 12·L·H·Q·T",
    "palm_by_width": "6N + 12·L·d·T",
    "palm_halved": "6N + 6·L·H·Q·T",
    "chinchilla": "Chinchilla, appendix F",
    "megatron": "Megatron, 96 …",
    "megatron_without": "Megatron, 72 … V/12lh",
    "megatron_mixed": "Megatron, 72 … V/16lh",
    "chen": "2P, P = 12 L d²",
}
DRAWN = {
    "palm": ("6N + 12 LHQT", style.Look(style.OTHER)),
    "palm_halved": ("6N + 6 LHQT", style.Look(style.OURS)),
    "kaplan": ("Kaplan's total", style.Look(style.OURS_2, symbol="diamond")),
    "six_n": ("6N", style.Look(style.OTHER_2, symbol="square")),
}
SHORT = {"GPT-2 XL (1558M)": "gpt2_xl", "Pythia-1.4B": "pythia", "Falcon-7B": "falcon_7b", "Llama 2 7B": "llama2_7b",
         "Llama 2 70B": "llama2_70b", "Llama 3 8B": "llama3_8b", "Llama 3.1 405B": "llama3_405b",
         "Qwen2.5-0.5B": "qwen2_5_0_5b", "Qwen3-4B": "qwen3_4b", "Qwen3-32B": "qwen3_32b"}  # fmt: skip


def error(row: Row, formula: str, count: str = "visible") -> float:
    """How far a formula, or another count, is from a count: 0.1 is ten per cent too much."""
    said: float = row.values["formulas"].get(formula) or row.values[formula]
    return round(said / row.values[count] - 1, 9) + 0.0  # exact formulas are of two sums, in another order


def rows_of(run: Run, model: str) -> list[Row]:
    found = run.where(name=model)
    if not found:
        raise LookupError(f"{model} has not been counted yet")
    return sorted(found, key=lambda row: row.case["context"])


def values(run: Run) -> dict[str, Quantity]:
    """Errors as shares of the count, by model and context; those without a model are of the one that is drawn."""
    found: dict[str, Quantity] = {}
    for model, short in SHORT.items():
        for row in rows_of(run, model):
            at = f"at_{axes.tokens(row.case['context'])}"
            for formula in ("six_n", "palm"):
                found[f"{short}_{formula}_{at}"] = Quantity(error(row, formula), "%")
            if model == MODEL:
                for formula in (*NAMES, "all_pairs", "fused_skipping", "fused_masking"):
                    found[f"{formula}_{at}"] = Quantity(error(row, formula), "%")
            found[f"{short}_palm_over_count_{at}"] = Quantity(1 + error(row, "palm"), "×")
            found[f"{short}_count_{at}"] = Quantity(row.values["visible"], "FLOP")
        vocabulary = rows_of(run, model)[0].values
        share = vocabulary["output_weights"] / (vocabulary["output_weights"] + vocabulary["weights"])
        found[f"{short}_vocabulary_share"] = Quantity(share, "%")
    rows = run.where()
    halved = [abs(error(row, "palm_halved")) for row in rows]
    agree = sum(row.values["visible"] == row.values["visible_counted"] for row in rows)
    last = rows_of(run, MODEL)
    return found | {
        "halved_worst": Quantity(max(halved), "%", digits=2),
        "mirrored": Quantity(max(abs(error(r, "palm") + error(r, "six_n")) for r in rows), "%", digits=2),
        "counts": Quantity(len(rows), "count"),
        "counts_that_agree": Quantity(agree, "count"),
        "models": Quantity(len({row.case["name"] for row in rows}), "count"),
        "smallest_context": Quantity(last[0].case["context"], "count"),
        "largest_context": Quantity(last[-1].case["context"], "count"),
    }


def tabulate(runs: list[Run]) -> list[dict[str, Any]]:
    return [
        {
            "model": row.case["name"],
            "context length": row.case["context"],
            "counted, visible pairs": Quantity(row.values["visible"], "FLOP"),
        }
        | {"all pairs": Quantity(error(row, "all_pairs"), "%"),
           "fused, tiles skipped": Quantity(error(row, "fused_skipping"), "%"),
           "fused, then masked": Quantity(error(row, "fused_masking"), "%")}
        | {name: Quantity(error(row, formula), "%") for formula, name in NAMES.items()}
        for model in SHORT
        for row in rows_of(runs[0], model)
    ]  # fmt: skip


def draw(runs: list[Run]) -> go.Figure:
    rows = rows_of(runs[0], MODEL)
    contexts = [row.case["context"] for row in rows]
    x = axes.cases_axis("sequence length, in tokens", contexts, "tokens", most=6)
    on = style.chart(x, axes.linear_axis(f"error of the formula, {MODEL}", [-0.8, 0.8], "%", zero=False, most=8))
    style.reference(on, [x.low, x.high], [0, 0], "the count")
    fused = [error(row, "fused_skipping") for row in rows]
    style.reference(on, contexts, fused, "fused kernel", end=True)
    for formula, (label, look) in DRAWN.items():
        errors = [error(row, formula) for row in rows]
        hover = [f"{NAMES[formula]}<br>{axes.tokens(n)} tokens: {Quantity(e, '%')}"
                 for n, e in zip(contexts, errors, strict=True)]  # fmt: skip
        style.line(on, contexts, errors, look, label, hover=hover)
    return style.finish(on, runs[0])
