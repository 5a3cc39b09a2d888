"""LLM-Viewer: the cache that the projections of keys and values write, in every layer."""

from attnsite.calculators._tool import DERIVED, FULL, LATENT, NUMBERS, Given, Tool

TOOL = Tool(
    name="LLM-Viewer",
    repository="hahnyuan/LLM-Viewer",
    commit="472f71f1a1807e80b573252e9185fd5e8d795e95",
    committed="2024-07-30",
    looked_at="2026-12-01",
    path="configs/Llama.py",
    lines="41-53",
    formula="2 × (hidden size × KV heads / heads) × tokens × 2 × layers",
    covers="Llama, OPT, GPT-J and ChatGLM3: the rule for Llama is applied here to all",
    leaves_out=(DERIVED, FULL, LATENT),
    reads=NUMBERS,
)


def kv_bytes(given: Given, tokens: int) -> float | None:
    text = given.text
    width = text["hidden_size"] * text["num_key_value_heads"] / text["num_attention_heads"]
    return 2 * width * tokens * 2 * text["num_hidden_layers"]
