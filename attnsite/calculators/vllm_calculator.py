"""vllm-calculator: the hidden size in every layer."""

from attnsite.calculators._tool import DERIVED, FULL, LATENT, NUMBERS, QUERY, Given, Tool

TOOL = Tool(
    name="vllm-calculator",
    repository="jacoblindev/vllm-calculator",
    commit="1167478650e2e52da94e67d24a4c887a29f83c2a",
    committed="2025-08-28",
    looked_at="2026-12-01",
    path="src/lib/memory/kvCache.js",
    lines="26-59",
    formula="2 × tokens × layers × hidden size × 2",
    covers="models served by vLLM",
    leaves_out=(DERIVED, FULL, LATENT, QUERY),
    reads=NUMBERS,
)


def kv_bytes(given: Given, tokens: int) -> float | None:
    return 2 * tokens * given.text["num_hidden_layers"] * given.text["hidden_size"] * 2
