"""The KV cache calculator of LMCache: chosen by the model's name."""

from attnsite.calculators._tool import Given, Tool

TOOL = Tool(
    name="LMCache calculator",
    repository="LMCache/LMCache",
    commit="98fcff7f05fdb92f7f20fbf0d70372b33cc711b5",
    committed="",
    looked_at="2026-12-01",
    path="examples/kv_cache_calculator/kv_cache_calculator.html",
    lines="calculateKVCache",
    formula=(
        "layers × tokens × (kv_lora_rank + qk_rope_head_dim) × 2 for DeepSeek V3 and R1, else 2 × layers × "
        "tokens × KV heads × head_dim × 2, where head_dim is read for names with qwen3 and else derived"
    ),
    covers="models of its list, modelconfig.json at commit 2fa3ea2f; Llama 3 8B under the name of a finetune",
)
UNLISTED = ("qwen3_next", "gemma3_text")


def kv_bytes(given: Given, tokens: int) -> float | None:
    if given.text["model_type"] in UNLISTED:
        return None
    text = given.text
    layers, kv = text["num_hidden_layers"], text["num_key_value_heads"]
    if text["model_type"] == "deepseek_v3":
        return layers * tokens * (text["kv_lora_rank"] + text["qk_rope_head_dim"]) * 2
    dim = text["head_dim"] if text["model_type"] == "qwen3" else text["hidden_size"] / text["num_attention_heads"]
    return 2 * layers * tokens * kv * dim * 2
