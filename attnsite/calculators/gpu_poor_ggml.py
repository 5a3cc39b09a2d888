"""gpu_poor, its mode for ggml: the hidden size in every layer."""

from attnsite.calculators._tool import DERIVED, FULL, LATENT, NUMBERS, QUERY, Given, Tool

TOOL = Tool(
    name="gpu_poor (ggml)",
    repository="RahulSChand/gpu_poor",
    commit="ad2fc0ef0e6ceeb7684363504eecc3342a5e7dc4",
    committed="2024-12-03",
    looked_at="2026-12-01",
    path="src/App.js",
    lines="938-947",
    formula="tokens × 2 × 2 × hidden size × layers",
    covers="models of its list and any config.json",
    leaves_out=(DERIVED, FULL, LATENT, QUERY),
    reads=NUMBERS,
)


def kv_bytes(given: Given, tokens: int) -> float | None:
    return tokens * 2 * 2 * given.text["hidden_size"] * given.text["num_hidden_layers"]
