"""What does sharing KV heads change besides the time of a decoding step?

Counted for one layer of width 4096 with 32 query heads of width 128 and an MLP of 8 × width² weights, for 32 to 1 KV
heads: weights, FLOPs of a token's products with them, FLOPs of QKᵀ and AV and exponentials of a prompt, and the cache.
"""

from attnsite.experiments.attention_share import MLP_OVER_SQUARE
from attnsite.formulas.attention import Attention
from attnsite.records.workload import Case, Count, Observed

WIDTH, HEADS, DIM, TOKENS = 4096, 32, 128, 4096


def observe(case: Case) -> Observed:
    """Weights and FLOPs of the projections and of the layer, what a prompt takes, and elements of the cache a token."""
    layer = Attention(WIDTH, HEADS, DIM, case["kv_heads"])
    mlp = MLP_OVER_SQUARE * WIDTH**2
    return {
        "projection_weights": layer.parameters(),
        "projection_flops": layer.projection_flops(1),
        "layer_weights": layer.parameters() + mlp,
        "layer_flops": layer.projection_flops(1) + 2 * mlp,
        "prompt_flops": layer.core_flops(TOKENS, TOKENS, causal=True),
        "prompt_exponentials": layer.scores(TOKENS, TOKENS, causal=True),
        "cache_elements": layer.kv_cache_elements(),
    }


experiment = Count(observe=observe, cases=tuple({"kv_heads": HEADS >> power} for power in range(6)))
