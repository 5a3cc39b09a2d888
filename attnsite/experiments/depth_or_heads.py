"""How many weights has a network of equal total heads, deep with one head or shallow with many?

The shapes are those of Liu, Liu and Han (2021): BERT-large, 24 layers of 16 heads of width 64, against 384 layers of
one such head, with the feed-forward width divided as well, and, for comparison, with the full one.
"""

from attnsite.formulas.attention import Attention
from attnsite.records.workload import Case, Count, Observed

WIDTH, DIM = 1024, 64
SHAPES = (
    {"shape": "bert_large", "layers": 24, "heads": 16, "mlp_width": 4096},
    {"shape": "deep_divided_mlp", "layers": 384, "heads": 1, "mlp_width": 256},
    {"shape": "deep_full_mlp", "layers": 384, "heads": 1, "mlp_width": 4096},
)


def observe(case: Case) -> Observed:
    """Weights of all layers, without biases, normalisation and embeddings."""
    attention = Attention(width=WIDTH, heads=case["heads"], dim=DIM).parameters()
    mlp = 2 * WIDTH * case["mlp_width"]
    return {
        "total_heads": case["layers"] * case["heads"],
        "attention_weights": case["layers"] * attention,
        "mlp_weights": case["layers"] * mlp,
        "weights": case["layers"] * (attention + mlp),
    }


experiment = Count(observe=observe, cases=SHAPES)
