"""hf-mem on GGUF files: keys and values of the KV heads, the head dimension by division, in every layer."""

from attnsite.calculators._tool import DERIVED, FULL, GGUF, LATENT, Given, Tool

TOOL = Tool(
    name="hf-mem (GGUF)",
    repository="alvarobartt/hf-mem",
    commit="e9946791d7798498a1775bfc826f02a0958cbd3d",
    committed="2026-06-22",
    looked_at="2026-12-01",
    path="src/hf_mem/gguf/kv_cache.py",
    lines="10-40",
    formula="2 × head_count_kv × (embedding_length // head_count) × block_count × tokens × 2",
    covers="any GGUF file, with the estimate of the cache called experimental",
    leaves_out=(DERIVED, FULL, LATENT),
    reads=GGUF,
)


def kv_bytes(given: Given, tokens: int) -> float | None:
    meta = given.gguf
    each = 2 * meta["head_count_kv"] * (meta["embedding_length"] // meta["head_count"])
    return meta["block_count"] * each * tokens * 2
