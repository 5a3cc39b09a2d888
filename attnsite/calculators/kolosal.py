"""Model Memory Calculator of Kolosal AI: the hidden size times the share of the KV heads, in every layer."""

from attnsite.calculators._tool import DERIVED, FULL, GGUF, LATENT, Given, Tool

TOOL = Tool(
    name="Kolosal AI model-memory-calculator",
    repository="KolosalAI/model-memory-calculator",
    commit="115e071e7633d9dc59a05e354be05a27fccaabbe",
    committed="2026-01-20",
    looked_at="2026-12-01",
    path="index.html",
    lines="454-457, 521-526",
    formula="4 × embedding_length × block_count × tokens × (head_count_kv / head_count)",
    covers="GGUF files; its README calls the arithmetic of the cache intentionally simplified",
    leaves_out=(DERIVED, FULL, LATENT),
    reads=GGUF,
)


def kv_bytes(given: Given, tokens: int) -> float | None:
    meta = given.gguf
    share = meta["head_count_kv"] / meta["head_count"]
    return 4.0 * meta["embedding_length"] * meta["block_count"] * tokens * share
