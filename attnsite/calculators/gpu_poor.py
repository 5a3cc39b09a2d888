"""gpu_poor, its modes for Hugging Face and vLLM: the hidden size, twice, in every layer."""

from attnsite.calculators._tool import DERIVED, FULL, LATENT, NUMBERS, QUERY, TWICE, Given, Tool

TOOL = Tool(
    name="gpu_poor (Hugging Face, vLLM)",
    repository="RahulSChand/gpu_poor",
    commit="ad2fc0ef0e6ceeb7684363504eecc3342a5e7dc4",
    committed="2024-12-03",
    looked_at="2026-12-01",
    path="src/App.js",
    lines="916-923",
    formula="2 × tokens × 2 × 2 × hidden size × layers",
    covers="models of its list and any config.json; the README gives the second factor two to Hugging Face",
    leaves_out=(DERIVED, FULL, LATENT, QUERY, TWICE),
    reads=NUMBERS,
)


def kv_bytes(given: Given, tokens: int) -> float | None:
    return 2 * tokens * 2 * 2 * given.text["hidden_size"] * given.text["num_hidden_layers"]
