"""llmfit: the formula of grouped-query attention, in every layer where the cache has 16 bits."""

from attnsite.calculators._tool import FULL, LATENT, Given, Tool

TOOL = Tool(
    name="llmfit",
    repository="AlexsJones/llmfit",
    commit="3f44fd30a43d2619146f7bc0aa66c90aa54d78e6",
    committed="2026-08-22",
    looked_at="2026-12-01",
    path="llmfit-core/src/models.rs",
    lines="905-947",
    formula="2 × KV heads × head_dim × tokens × 2 × layers",
    covers="models of its catalogue, of which scripts/scrape_hf_models.py (470-510) has the sizes",
    leaves_out=(FULL, LATENT),
)


def kv_bytes(given: Given, tokens: int) -> float | None:
    text = given.text
    dim = text.get("head_dim") or text["hidden_size"] // text["num_attention_heads"]
    return 2 * text["num_key_value_heads"] * dim * tokens * 2 * text["num_hidden_layers"]
