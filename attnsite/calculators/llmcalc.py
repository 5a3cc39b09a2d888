"""LLMcalc: KV heads, with the head dimension by division, in every layer."""

from attnsite.calculators._tool import DERIVED, FULL, LATENT, Given, Tool

TOOL = Tool(
    name="LLMcalc",
    repository="Raskoll2/LLMcalc",
    commit="9ffd8ed611dc88638a3f886d6d30dcbdbb036ed7",
    committed="2025-01-30",
    looked_at="2026-12-01",
    path="LLMcalc.py",
    lines="353-378",
    formula="layers × KV heads × (hidden size // heads) × 2 × 2 × tokens",
    covers="the longest context of a model of the Hub",
    leaves_out=(DERIVED, FULL, LATENT),
)


def kv_bytes(given: Given, tokens: int) -> float | None:
    config = given.config
    if "num_hidden_layers" not in config:  # a nested file: there is nothing to multiply
        return None
    dim = config["hidden_size"] // config["num_attention_heads"]
    return config["num_hidden_layers"] * config["num_key_value_heads"] * dim * 2 * 2 * tokens
