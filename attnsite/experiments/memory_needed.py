"""How much memory do weights, KV cache and one chunk of prefill need, by model, weight dtype, context and batch?

Published models of `formulas`, the cache in bf16. Activations are the largest that a prefill in chunks cannot do
without, by `activation_bytes`: an engine needs them and more. Devices are counted in powers of two under tensor
parallelism, until one's share of the weights, its part of the cache and the activations fit.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from attnsite.formulas import devices, models
from attnsite.formulas.cost import RANKS, Cost
from attnsite.formulas.counts import Count as Tokens
from attnsite.formulas.dtypes import WEIGHTS
from attnsite.records.workload import Case, Count, Observed

MODELS = ("llama-3.1-8b", "qwen3-32b", "qwen3-30b-a3b", "llama-3.1-70b", "gemma-3-27b", "deepseek-v3")
DTYPES = ("bf16", "q4_0")
CONTEXTS = (1024, 8192, 32768, 131072)
BATCHES = (1, 32)
CHUNK = 8192  # tokens of a prefill that are computed at once
PAGE = 16  # tokens of a block, as vLLM sets them aside
DEVICE = "h100-sxm"


def activation_bytes(config: Mapping[str, Any], tokens: int) -> int:
    """What a layer of so many tokens holds at once in 16 bits: its input, its output, and both halves of a gated MLP
    before they are multiplied, for as many experts as a token is sent to."""
    keys = config.get("text_config", config)
    wide = keys.get("intermediate_size") or 0
    if chosen := keys.get("num_experts_per_tok"):
        experts = chosen + (keys.get("n_shared_experts") or 0)
        wide = max(wide, experts * (keys.get("moe_intermediate_size") or 0))
    return int(2 * tokens * (2 * keys["hidden_size"] + 2 * wide))


def observe(case: Case) -> Observed:
    """Bytes of each part, and the fewest H100s of 80 GB; None where no number of them that divides the heads is
    enough."""
    model = models.find(case["model"])
    cost = Cost(model.decoder(), Tokens(case["tokens"]), case["batch"], weights=WEIGHTS[case["weights"]])
    paged = replace(cost, count=Tokens(case["tokens"] + 1, page=PAGE))
    needed = activation_bytes(model.config, min(CHUNK, case["tokens"]))
    room = devices.find(DEVICE).memory_bytes - needed
    enough = (n for n in RANKS if cost.splits(n) and replace(cost, ranks=n).memory_bytes <= room)
    return {
        "name": model.name,
        "context_length": model.context,
        "weight_bytes": cost.weight_bytes,
        "kv_bytes": cost.kv_bytes,
        "kv_bytes_per_token": float(cost.kv_bytes_per_token),
        "page_waste": paged.kv_bytes - replace(cost, count=Tokens(case["tokens"] + 1)).kv_bytes,
        "activation_bytes": needed,
        "devices": next(enough, None),
    }


experiment = Count(
    observe=observe,
    cases=tuple(
        {"model": model, "weights": weights, "tokens": tokens, "batch": batch}
        for model in MODELS
        for weights in DTYPES
        for tokens in CONTEXTS
        for batch in BATCHES
    ),
)
