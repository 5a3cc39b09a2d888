"""Formulas and kernels differ most in the context term: 0 to 16 FLOPs per unit of L·H·Q·T

FLOPs per training token that each count or formula has for a parameter of the layers, for one of the output layer, and
for a unit of L·H·Q·T.

Find the count that you mean, then a formula with its numbers. The three numbers were taken from the counts and formulas
themselves, by leaving the vocabulary out and by doubling the sequence length. The skipping kernel’s
{fused_skipping_weight} per layer parameter holds the hidden part of its diagonal tiles, which does not grow with the
sequence. They are for GPT-2 XL, whose layers are those that every formula was written for: a plain MLP of four times
the hidden size, a KV head per query head, and heads together as wide as the model. L are the layers, H the heads, Q the
head dimension and T the tokens of a sequence.

A table of {counts} counts and {formulas} formulas. A causal step that computes only what is visible takes
{visible_context} FLOPs per unit of context, all pairs {all_pairs_context}, a fused kernel that skips masked tiles
{fused_skipping_context} and one that masks afterwards {fused_masking_context}.
"""

from collections.abc import Callable
from typing import Any

from attnsite.figures import flop_formulas
from attnsite.figures.flop_formulas import NAMES
from attnsite.records.quantity import Quantity
from attnsite.records.run_file import Row, Run

EXPERIMENT = "flop_formulas"
TITLE_COLUMNS = ("L·H·Q·T",)
MODEL = "GPT-2 XL (1558M)"
COUNTS = {
    "visible": ("count: visible pairs", "what a causal model needs"),
    "all_pairs": ("count: all pairs", "what a model without a mask needs; the usual convention"),
    "fused_skipping": ("count: fused, skipping", "what a kernel performs that skips masked tiles"),
    "fused_masking": ("count: fused, masking", "what a kernel performs that masks afterwards"),
    "extra_forward": ("count: layers twice", "what recomputing all activations performs"),
}
USES = {
    "six_n_blocks": "layers, at lengths short beside 12 × hidden size",
    "six_n": "models, at lengths short beside 12 × hidden size",
    "kaplan": "the layers of a causal model",
    "kaplan_table": "causal models with plain layers",
    "palm": "comparing with utilisations that used it",
    "palm_by_width": "the same, where heads × head_dim is the hidden size",
    "palm_halved": "causal models of any shape",
    "chinchilla": "its paper: the embedding and the softmax count",
    "megatron": "plain layers, computed twice",
    "megatron_without": "plain layers, all pairs",
    "megatron_mixed": "nothing: 72 belongs to V/12lh",
    "chen": "parameters of plain layers at inference; here three times",
}
SOURCES = {
    "six_n_blocks": "Kaplan et al. 2020, §2.1",
    "six_n": "usage",
    "kaplan": "Kaplan et al. 2020, Table 1",
    "kaplan_table": "Kaplan et al. 2020, Table 1; Casson 2023",
    "palm": "Chowdhery et al. 2023, appendix B",
    "palm_by_width": "nanoGPT and programs after it",
    "palm_halved": "Dao 2024, end-to-end performance",
    "chinchilla": "Hoffmann et al. 2022, appendix F",
    "megatron": "Narayanan et al. 2021, equation 3",
    "megatron_without": "the same without its extra forward pass",
    "megatron_mixed": "usage",
    "chen": "Chen 2022",
}


def coefficients(rows: list[Row], said: Callable[[Row], float], bare: Callable[[Row], float]) -> dict[str, float]:
    """FLOPs a block weight, a vocabulary weight and a unit of context, from two contexts and one without vocabulary."""
    short, long = rows[-2], rows[-1]
    context = (said(long) - said(short)) / (long.values["unit"] - short.values["unit"])
    return {
        "weight": (bare(short) - context * short.values["unit"]) / short.values["weights"],
        "vocabulary": (said(short) - bare(short)) / short.values["output_weights"],
        "context": context,
    }


def fitted(run: Run) -> dict[str, dict[str, float]]:
    rows = flop_formulas.rows_of(run, MODEL)
    found = {
        count: coefficients(
            rows,
            lambda row, count=count: row.values[count],  # type: ignore[misc]
            lambda row, count=count: row.values[count] - 6 * row.values["output_weights"],  # type: ignore[misc]
        )
        for count in COUNTS
    }
    return found | {
        formula: coefficients(
            rows,
            lambda row, formula=formula: row.values["formulas"][formula],  # type: ignore[misc]
            lambda row, formula=formula: row.values["formulas_without_vocabulary"][formula],  # type: ignore[misc]
        )
        for formula in NAMES
    }


def values(run: Run) -> dict[str, Quantity]:
    found = {
        f"{name}_{part}": Quantity(round(size, 6) + 0.0)
        for name, parts in fitted(run).items()
        for part, size in parts.items()
    }
    return found | {"counts": Quantity(len(COUNTS), "count"), "formulas": Quantity(len(NAMES), "count")}


def tabulate(runs: list[Run]) -> list[dict[str, Any]]:
    parts = fitted(runs[0])
    named = {name: (label, "counted here", use) for name, (label, use) in COUNTS.items()}
    named |= {name: (NAMES[name], SOURCES[name], USES[name]) for name in NAMES}
    return [
        {
            "formula or count": label,
            "layers": Quantity(round(parts[name]["weight"], 2)),
            "vocabulary": Quantity(round(parts[name]["vocabulary"], 2)),
            "L·H·Q·T": Quantity(round(parts[name]["context"], 2)),
            "right for": use,
            "source": source,
        }
        for name, (label, source, use) in named.items()
    ]
