"""vllm-fit: full, windowed and recurrent layers as vLLM sets memory aside for a request."""

from attnsite.calculators._tool import NEAR, VLLM, Given, Tool, padded

TOOL = Tool(
    name="vllm-fit",
    repository="jranaraki/vllm-fit",
    commit="081dd2ce355866429f2c74a1c8600e393c07331e",
    committed="",
    looked_at="2026-12-01",
    path="src/vllm_fit/estimator.py",
    lines="_kv_bytes_per_layer_token, _recurrent_state_bytes, _kv_bytes_per_request",
    formula=(
        "bytes of a layer and token × blocks of 16: of all tokens in full layers, of window − 1 + two batches "
        "and one block more in windowed ones; states in 16 bits"
    ),
    covers=(
        "settings with which vLLM will start; layers by config_resolver.py at commit 24acf034; batches of "
        "2,048 tokens here"
    ),
    leaves_out=(NEAR,),
    engine=VLLM,
)
BLOCK, BATCH, BATCHES = 16, 2048, 2


def kv_bytes(given: Given, tokens: int) -> float | None:
    text = given.text
    layers = text["num_hidden_layers"]
    if text.get("kv_lora_rank"):
        return padded(tokens, BLOCK) * (text["kv_lora_rank"] + text["qk_rope_head_dim"]) * 2 * layers
    dim = text.get("head_dim") or text["hidden_size"] // text["num_attention_heads"]
    full, near, state, window = layers, 0, 0, text.get("sliding_window") or 0
    if interval := text.get("full_attention_interval"):
        full = max(1, layers // interval)
        state = (layers - full) * recurrent(given)
    elif window and text.get("use_sliding_window") is not False:  # of a file that names no pattern every layer slides
        full = layers // text["sliding_window_pattern"] if "sliding_window_pattern" in text else 0
        near = layers - full
    span = padded(min(tokens, window - 1 + BATCHES * BATCH), BLOCK) + BLOCK
    each = 2 * text["num_key_value_heads"] * dim * 2
    return state + each * (full * padded(tokens, BLOCK) + near * span)


def recurrent(given: Given) -> int:
    """Bytes of a layer's convolution and recurrent state, both in 16 bits."""
    text = given.text
    key, value = text["linear_num_key_heads"], text["linear_num_value_heads"]
    channels = 2 * key * text["linear_key_head_dim"] + value * text["linear_value_head_dim"]
    state = value * text["linear_key_head_dim"] * text["linear_value_head_dim"]
    return (channels * (text["linear_conv_kernel_dim"] - 1) + state) * 2
