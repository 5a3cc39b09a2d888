"""Does a larger batch make attention compute-bound, as it does the products with weights?

One decoding step of Llama 2 7B, with its MLP and its output layer, by count: the FLOPs and the bytes of the products
with weights and of attention, for a batch of sequences that share nothing but the weights, and for one whose sequences
share all of their context. Elements have 16 bits. Fewer KV heads stand for the same model with keys and values shared.
"""

from attnsite.formulas.attention import Attention, kv_cache_bytes
from attnsite.records.workload import Case, Count, Observed

LAYERS, WIDTH, HEADS, DIM, CONTEXT, ELEMENT_BYTES = 32, 4096, 32, 128, 4096, 2
MLP_WIDTH, MLP_MATRICES, VOCABULARY = 11008, 3, 32000  # of Llama 2 7B, as in `whole_models.csv`


def observe(case: Case) -> Observed:
    """FLOPs and bytes of one step of the whole batch; activations are left out, being small beside both."""
    batch, kv_heads = case["batch"], case["kv_heads"]
    layer = Attention(WIDTH, HEADS, DIM, kv_heads)
    weights = LAYERS * (layer.parameters() + MLP_MATRICES * MLP_WIDTH * WIDTH) + VOCABULARY * WIDTH
    cache = kv_cache_bytes(LAYERS, layer.kv_cache_elements(), CONTEXT, ELEMENT_BYTES)
    return {
        "weight_flops": 2 * weights * batch,
        "weight_bytes": ELEMENT_BYTES * weights,
        "attention_flops": LAYERS * layer.core_flops(1, CONTEXT) * batch,
        "cache_bytes": cache * batch,
        "shared_cache_bytes": cache,
    }


experiment = Count(
    observe=observe,
    cases=tuple({"batch": 1 << power, "kv_heads": kv_heads} for kv_heads in (32, 8) for power in range(10)),
)
