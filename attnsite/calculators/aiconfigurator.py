"""AIConfigurator: its models' own counts, else an estimate from config.json."""

from attnsite.calculators._tool import FULL, Given, Tool

TOOL = Tool(
    name="AIConfigurator SDK",
    repository="ai-dynamo/aiconfigurator",
    commit="095f58a51c4ca8e61b66ec108d86f223f8d559ce",
    committed="2026-08-21",
    looked_at="2026-12-01",
    path="aic-core/src/aiconfigurator_core/sdk/memory.py",
    lines="611-640, 728-758, 885-930",
    formula=(
        "layers × (kv_lora_rank + qk_rope_head_dim) × 2, else 2 × KV heads × head_dim × 2 for each layer and "
        "token; layers that layer_types or a pattern calls sliding keep their window"
    ),
    covers="models of its list, by sdk/models/base.py (214-242); of others config.json alone",
    leaves_out=(FULL,),
)


def kv_bytes(given: Given, tokens: int) -> float | None:
    text = given.config
    if "num_hidden_layers" not in text:  # of a nested file whose class it does not know it says what is missing
        return None
    layers = text["num_hidden_layers"]
    if text.get("kv_lora_rank"):
        return layers * (text["kv_lora_rank"] + text["qk_rope_head_dim"]) * 2 * tokens
    dim = text.get("head_dim") or text["hidden_size"] // text["num_attention_heads"]
    each, near = 2 * text["num_key_value_heads"] * dim * 2, 0
    if text.get("layer_types"):
        near = sum("sliding" in kind for kind in text["layer_types"])
    elif text.get("sliding_window") and text.get("sliding_window_pattern"):
        near = layers - layers // text["sliding_window_pattern"]
    return each * ((layers - near) * tokens + near * min(tokens, text.get("sliding_window") or tokens))
