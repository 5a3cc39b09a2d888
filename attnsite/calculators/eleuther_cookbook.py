"""EleutherAI's cookbook: the hidden size once in every layer."""

from attnsite.calculators._tool import DERIVED, FULL, LATENT, NUMBERS, ONE, QUERY, Given, Tool

TOOL = Tool(
    name="EleutherAI cookbook",
    repository="EleutherAI/cookbook",
    commit="827ee3b293a63f14403f1467d08c91fda213f4e6",
    committed="2026-03-15",
    looked_at="2026-12-01",
    path="calc/calc_transformer_mem.py",
    lines="361-365",
    formula="2 × hidden size × layers × tokens",
    covers='training and inference of GPT-NeoX, approximate for other libraries: "with a grain of salt"',
    leaves_out=(DERIVED, FULL, LATENT, ONE, QUERY),
    reads=NUMBERS,
)


def kv_bytes(given: Given, tokens: int) -> float | None:
    return 2 * given.text["hidden_size"] * given.text["num_hidden_layers"] * tokens
