"""With which power of the number of heads does each quantity grow that somebody pays for?

Two regimes: `fixed_width` cuts a width of 1024 into heads (head width 1024 / H), `fixed_head_width` gives every head a
width of 64. Multiply-adds, exponentials and the elements that a decoding step reads are counted by loops that ran, the
rest by the shapes of the tensors. What is held constant is said by each name; exponents are fitted by the figure.
"""

from attnsite.formulas.attention import Attention, LatentAttention
from attnsite.kernels.plain.counting import count
from attnsite.records.workload import Case, Count, Observed

WIDTH, HEAD_DIM, TOKENS = 1024, 64, 4096
LATENT, ROPE = 512, 64  # as in DeepSeek-V2
GROUPS, TILE = 8, 64  # KV heads of GQA, as in Llama 3; queries and keys in a tile
HEADS = (1, 2, 4, 8, 16, 32, 64, 128)
HALF = 2  # bytes of an element of weights and caches; scores are float32


def step_bytes(layer: Attention) -> int:
    """What one decoding step reads of this layer: all its weights, and the cache, counted as each KV head is read."""
    group = layer.heads // layer.kv_heads
    read = count("skip_blocks", group, TOKENS, layer.dim, causal=False, block=max(TILE, group))["elements_read"]
    return HALF * (layer.parameters() + layer.kv_heads * (read - group * layer.dim))


def observe(case: Case) -> Observed:
    """One layer, one sequence of `TOKENS` tokens, forward, no mask; None where eight KV heads cannot be shared."""
    heads, dim = case["heads"], case["dim"]
    full, single = Attention(WIDTH, heads, dim), Attention(WIDTH, heads, dim, 1)
    grouped = Attention(WIDTH, heads, dim, GROUPS) if heads % GROUPS == 0 else None
    latent = LatentAttention(WIDTH, heads, dim, ROPE, dim, LATENT)
    one_head = count("naive", TOKENS, TOKENS, dim, causal=False)
    return {
        "weights_mha": full.parameters(),
        "weights_gqa": grouped and grouped.parameters(),
        "projection_flops": full.projection_flops(TOKENS),
        "core_flops": 2 * heads * one_head["multiply_adds"],
        "exponentials": heads * one_head["exponentials"],
        "scores_written_out": full.score_bytes(TOKENS, TOKENS),
        "scores_online": Attention(WIDTH, 1, dim).score_bytes(TILE, TILE),  # a worker holds one head's tile at a time
        "log_sum_exps": 4 * heads * TOKENS,  # a float32 a row, where a backward pass follows
        "cache_mha": HALF * full.kv_cache_elements(),
        "cache_gqa": grouped and HALF * grouped.kv_cache_elements(),
        "cache_mqa": HALF * single.kv_cache_elements(),
        "cache_mla": HALF * latent.kv_cache_elements(),
        "step_mha": step_bytes(full),
        "step_gqa": grouped and step_bytes(grouped),
        "step_mqa": step_bytes(single),
        "rank": min(TOKENS, dim),
    }


experiment = Count(
    observe=observe,
    cases=tuple(
        {"regime": regime, "heads": heads, "dim": WIDTH // heads if regime == "fixed_width" else HEAD_DIM}
        for regime in ("fixed_width", "fixed_head_width")
        for heads in HEADS
    ),
)
