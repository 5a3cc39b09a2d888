"""llm-analysis: KV heads, with the head dimension by division, in every layer."""

from attnsite.calculators._tool import DERIVED, FULL, LATENT, NUMBERS, Given, Tool

TOOL = Tool(
    name="llm-analysis",
    repository="cli99/llm-analysis",
    commit="d841e40aec8c84b9e76ba9cfbce67418adb172bd",
    committed="2024-11-13",
    looked_at="2026-12-01",
    path="llm_analysis/analysis.py",
    lines="886-919",
    formula="2 × tokens × (hidden size / heads) × KV heads × 2 × layers",
    covers="training and inference of the models of its time, or of any with such sizes",
    leaves_out=(DERIVED, FULL, LATENT),
    reads=NUMBERS,
)


def kv_bytes(given: Given, tokens: int) -> float | None:
    text = given.text
    dim = text["hidden_size"] / text["num_attention_heads"]
    return 2 * tokens * dim * max(text["num_key_value_heads"], 1) * 2 * text["num_hidden_layers"]
