"""What does a layer cost, in weights, FLOPs, exponentials and bytes, with one head and with 128?

Two regimes: `fixed_width` cuts a width of 1024 into heads (head width 1024 / H), `fixed_head_width` gives every head
a width of 64. The weights are counted twice, by formula and by building the layer's matrices and adding up their sizes.
"""

import numpy as np

from attnsite.formulas.attention import Attention
from attnsite.records.workload import Case, Count, Observed

WIDTH, HEAD_DIM, TOKENS = 1024, 64, 4096
HEADS = (1, 2, 4, 8, 16, 32, 64, 128)


def build(width: int, heads: int, dim: int) -> dict[str, np.ndarray]:
    """The four weight matrices of a multi-head layer, head by head: (heads, width, dim) and (heads, dim, width)."""
    into = {name: np.zeros((heads, width, dim), np.float32) for name in ("query", "key", "value")}
    return into | {"output": np.zeros((heads, dim, width), np.float32)}


def observe(case: Case) -> Observed:
    """Everything for one layer and one sequence of `TOKENS` tokens, forward, without a mask."""
    layer = Attention(width=WIDTH, heads=case["heads"], dim=case["dim"])
    return {
        "weights": layer.parameters(),
        "weights_built": sum(matrix.size for matrix in build(WIDTH, case["heads"], case["dim"]).values()),
        "projection_flops": layer.projection_flops(TOKENS),
        "core_flops": layer.core_flops(TOKENS, TOKENS),
        "exponentials": layer.scores(TOKENS, TOKENS),
        "score_bytes": layer.score_bytes(TOKENS, TOKENS),
        "kv_cache_elements": layer.kv_cache_elements(),
    }


experiment = Count(
    observe=observe,
    cases=tuple(
        {"regime": regime, "heads": heads, "dim": WIDTH // heads if regime == "fixed_width" else HEAD_DIM}
        for regime in ("fixed_width", "fixed_head_width")
        for heads in HEADS
    ),
)
