"""ollama, before it starts a server: the fewest KV heads of a layer, the head dimension by division."""

from attnsite.calculators._tool import DERIVED, FULL, GGUF, LATENT, Given, Tool

TOOL = Tool(
    name="ollama, PredictServerVRAM",
    repository="ollama/ollama",
    commit="fb30760996871fa9460115c753afd2c60d4ab0f7",
    committed="2026-08-21",
    looked_at="2026-12-01",
    path="llm/llama_server.go",
    lines="2678-2699",
    formula="2 × block_count × head_count_kv × (embedding_length / head_count) × tokens × 2",
    covers="which models may share a GPU; its comment says that it overestimates on purpose",
    leaves_out=(DERIVED, FULL, LATENT),
    reads=GGUF,
)


def kv_bytes(given: Given, tokens: int) -> float | None:
    meta = given.gguf
    dim = meta["embedding_length"] // meta["head_count"]
    return 2 * meta["block_count"] * meta["head_count_kv"] * dim * tokens * 2
