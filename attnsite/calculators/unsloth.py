"""Unsloth Studio: five cases of GGUF metadata, each as llama.cpp allocates it."""

from attnsite.calculators._tool import GGUF, LLAMA_CPP, Given, Tool, padded

TOOL = Tool(
    name="Unsloth Studio",
    repository="unslothai/unsloth",
    commit="015bdef0d94a241bcd94eec7a405b1700632180d",
    committed="2026-08-22",
    looked_at="2026-12-01",
    path="studio/backend/core/inference/llama_cpp.py",
    lines="9258-9298, 9341-9523",
    formula=(
        "latent: key_length once; hybrid: every full_attention_interval-th layer and the states in float32; "
        "window: window + 512 tokens, padded to 256, in five of six layers of Gemma 3; else key_length + "
        "value_length"
    ),
    covers="what llama.cpp will need before it is started",
    reads=GGUF,
    engine=LLAMA_CPP,
)
MICRO_BATCH = 512
PATTERNS = {"gemma3_text": 6}  # the resolver's, by architecture: GGUF files have the window alone


def kv_bytes(given: Given, tokens: int) -> float | None:
    meta, cells = given.gguf, padded(tokens, 256)
    layers, heads = meta["block_count"], meta["head_count_kv"]
    if "kv_lora_rank" in meta:
        return layers * cells * heads * meta["key_length"] * 2
    each = heads * (meta["key_length"] + meta["value_length"]) * 2
    if interval := meta.get("full_attention_interval"):
        full = -(-layers // interval)
        channels = meta["ssm_inner_size"] + 2 * meta["ssm_group_count"] * meta["ssm_state_size"]
        state = (meta["ssm_conv_kernel"] - 1) * channels + meta["ssm_state_size"] * meta["ssm_inner_size"]
        return full * cells * each + (layers - full) * state * 4
    if window := meta.get("sliding_window"):
        near = padded(min(cells, window + MICRO_BATCH), 256)
        full = sum((i + 1) % PATTERNS[given.text["model_type"]] == 0 for i in range(layers))
        return (full * cells + (layers - full) * near) * each
    return layers * cells * each
