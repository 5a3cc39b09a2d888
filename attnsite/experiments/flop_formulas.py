"""How far is each published FLOP formula from a count, for published models and contexts of 512 to 128k tokens?

Everything is for one token of a training step, forward and backward. The counts add up products: of each weight with a
token, and of queries, keys and values as loops that ran have counted them, with the backward pass of each. The formulas
are applied as they are printed, also to models with grouped heads, gated MLPs and heads that are wider than the model,
for which some of them were not written. The widths of MLPs and vocabularies stand in `flop_formulas.csv`.
"""

import csv
from pathlib import Path
from typing import Any

from attnsite.experiments.kv_cache import models
from attnsite.formulas.attention import Attention, Decoder
from attnsite.kernels.plain.counting import count, count_gradients
from attnsite.records.workload import Case, Count, Observed

TABLE = Path(__file__).with_suffix(".csv")
CONTEXTS = tuple(2**power for power in range(9, 18))  # 512 to 131072
_counted: dict[
    tuple[int, int], dict[str, int]
] = {}  # multiply-adds of one head by context and head width: models share them


def shapes() -> list[dict[str, Any]]:
    """The models of the table, their heads and widths from `kv_cache.csv`."""
    known = {model["name"]: model for model in models()}
    with TABLE.open(encoding="utf-8", newline="") as lines:
        found = list(csv.DictReader(lines))
    whole = ("mlp_width", "mlp_matrices", "vocabulary")
    heads = ("layers", "width", "query_heads", "kv_heads", "head_dim", "attention")
    return [
        {"name": row["name"]}
        | {name: known[row["name"]][name] for name in heads}
        | {name: int(row[name]) for name in whole}
        | {"source": row["source"]}
        for row in found
    ]


def decoder(case: Case) -> Decoder:
    attention = Attention(case["width"], case["query_heads"], case["head_dim"], case["kv_heads"])
    return Decoder(case["layers"], attention, case["mlp_width"], case["mlp_matrices"], case["vocabulary"])


def formulas(model: Decoder, mlp_width: int, n: int) -> dict[str, float]:
    """FLOPs a token, forward and backward, in the letters of each source; a forward formula is taken three times."""
    L, d, H, Q, V = model.layers, model.attention.width, model.attention.heads, model.attention.dim, model.vocabulary
    N, A, F = model.block_weights(), H * Q, mlp_width
    hoffmann = 2 * 3 * d * A + 2 * n * A + 3 * H * n + 2 * n * A + 2 * A * d + 2 * (d * F + d * F)  # a layer
    return {
        "six_n_blocks": 6 * N,  # Kaplan et al. 2020, §2.1: C ≈ 6N, N without embeddings, contexts left out
        "six_n": 6 * (N + V * d),  # with the vocabulary's matrix among the weights
        "kaplan": 3 * (2 * N + 2 * L * n * A),  # Kaplan et al. 2020, Table 1: total, non-embedding
        "kaplan_table": 3 * (4 * d + 2 * L * (3 * d * A + A * d + 2 * d * F) + 2 * L * n * A + 2 * d * V),
        "palm": 6 * (N + V * d) + 12 * L * H * Q * n,  # Chowdhery et al. 2023, appendix B
        "palm_by_width": 6 * (N + V * d) + 12 * L * d * n,  # the same with Q = width / heads, as in nanoGPT
        "palm_halved": 6 * (N + V * d) + 6 * L * H * Q * n,  # Dao 2024, §4.3: "should be halved" with a causal mask
        "chinchilla": 3 * (2 * V * d + L * hoffmann + 2 * d * V),  # Hoffmann et al. 2022, appendix F
        "megatron": 96 * L * d * d * (1 + n / (6 * d) + V / (16 * L * d)),  # Narayanan et al. 2021, equation 3
        "megatron_without": 72 * L * d * d * (1 + n / (6 * d) + V / (12 * L * d)),  # without the extra forward pass
        "megatron_mixed": 72 * L * d * d * (1 + n / (6 * d) + V / (16 * L * d)),  # 72, and the 16 left as it was
        "chen": 3 * 2 * 12 * L * d * d,  # Chen 2022: 2P, P = 12 L d²
    }


def loops(n: int, dim: int) -> dict[str, int]:
    """Multiply-adds of one head over n tokens: pair by pair, and in tiles, fused, with and without masked ones."""
    if (n, dim) not in _counted:
        tiles = {
            skip: count("skip_blocks" if skip else "mask_then_compute", n, n, dim, causal=True)["multiply_adds"]
            + count_gradients(n, n, dim, causal=skip)["multiply_adds"]
            for skip in (True, False)
        }
        pairs = count("naive", n, n, dim, causal=True)["multiply_adds"]
        _counted[n, dim] = {"pairs": pairs, "skipped": tiles[True], "masked": tiles[False]}
    return _counted[n, dim]


def observe(case: Case) -> Observed:
    """The counts, what they consist of, and every formula, with the vocabulary and without one."""
    n, model = case["context"], decoder(case)
    weights, heads = 3 * model.weight_flops(n), model.layers * case["query_heads"]
    one = loops(n, case["head_dim"])
    bare = Decoder(model.layers, model.attention, model.mlp_width, model.mlp_matrices, 0)
    return {
        "weights": model.block_weights(),
        "output_weights": model.output_weights(),
        "unit": model.layers * case["query_heads"] * case["head_dim"] * n,  # L·H·Q·T
        "visible": model.training_flops(n) / n,
        "visible_counted": (weights + 3 * 2 * heads * one["pairs"]) / n,
        "all_pairs": model.training_flops(n, causal=False) / n,
        "fused_skipping": (weights + 2 * heads * one["skipped"]) / n,
        "fused_masking": (weights + 2 * heads * one["masked"]) / n,
        "extra_forward": (model.training_flops(n, causal=False) + 2 * n * model.block_weights()
                          + model.core_flops(n, causal=False)) / n,
        "formulas": formulas(model, case["mlp_width"], n),
        "formulas_without_vocabulary": formulas(bare, case["mlp_width"], n),
    }  # fmt: skip


experiment = Count(
    observe=observe, cases=tuple(model | {"context": context} for model in shapes() for context in CONTEXTS)
)
