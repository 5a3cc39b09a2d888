"""kv-cache-tester: the formula of grouped-query attention, in every layer."""

from attnsite.calculators._tool import FULL, LATENT, Given, Tool

TOOL = Tool(
    name="kv-cache-tester",
    repository="callanjfox/kv-cache-tester",
    commit="94f6046dfd9c0c8bc0cdb24a5aa6579bac8669bf",
    committed="2026-07-12",
    looked_at="2026-12-01",
    path="kv_cache_size.py",
    lines="70-104, 121-156",
    formula="2 × KV heads × tokens × head_dim × 2 × layers",
    covers='"any HuggingFace model", in fp8 unless fp16 is asked for, as it is here',
    leaves_out=(FULL, LATENT),
)


def kv_bytes(given: Given, tokens: int) -> float | None:
    config = given.config
    if "num_hidden_layers" not in config:  # of a nested file nothing is found, and it stops with a message
        return None
    heads = config["num_attention_heads"]
    dim = config.get("head_dim") or config["hidden_size"] // heads
    return 2 * config.get("num_key_value_heads", heads) * tokens * dim * 2 * config["num_hidden_layers"]
