"""The KV cache calculator of Unified Cache Management: chosen by which keys a file has."""

from attnsite.calculators._tool import FULL, Given, Tool

TOOL = Tool(
    name="UCM calculator",
    repository="ModelEngine-Group/unified-cache-management",
    commit="cdd4406794808e1f387e11a5f8893dc738247e61",
    committed="2026-04-03",
    looked_at="2026-12-01",
    path="docs/source/_static/kv_cache_calculator.html",
    lines="1374-1383, 1925-2027",
    formula=(
        "layers × tokens × (kv_lora_rank + qk_rope_head_dim) × 2, else 2 × layers × tokens × KV heads × head_dim × 2"
    ),
    covers="models of its list and any of the Hub",
    leaves_out=(FULL,),
)


def kv_bytes(given: Given, tokens: int) -> float | None:
    config = given.config
    if "num_hidden_layers" not in config:  # of a nested file it says that a field is missing
        return None
    layers, heads, kv = config["num_hidden_layers"], config["num_attention_heads"], config["num_key_value_heads"]
    if config.get("kv_lora_rank") and config.get("qk_rope_head_dim"):
        return layers * (config["kv_lora_rank"] + config["qk_rope_head_dim"]) * tokens * 2
    if config.get("head_dim"):
        return 2 * layers * kv * config["head_dim"] * tokens * 2
    return 2 * layers * config["hidden_size"] * (kv / heads) * tokens * 2
