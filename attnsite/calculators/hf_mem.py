"""hf-mem on safetensors: full and other layers are counted by a pattern or by layer types, each keeps its window."""

from attnsite.calculators._tool import FULL, LATENT, Given, Tool

TOOL = Tool(
    name="hf-mem (safetensors)",
    repository="alvarobartt/hf-mem",
    commit="e9946791d7798498a1775bfc826f02a0958cbd3d",
    committed="2026-06-22",
    looked_at="2026-12-01",
    path="src/hf_mem/safetensors/kv_cache.py",
    lines="10-31, 142-182",
    formula="2 × (full layers × tokens + other layers × min(sliding_window, tokens)) × KV heads × head_dim × 2",
    covers="LLMs and vision LLMs of the Hub, behind a flag called experimental; its authors ask for reports",
    leaves_out=(FULL, LATENT),
)


def kv_bytes(given: Given, tokens: int) -> float | None:
    text = given.text
    layers, heads = text["num_hidden_layers"], text["num_attention_heads"]
    full = layers
    if "sliding_window_pattern" in text:
        full = layers // text["sliding_window_pattern"]
    elif "layer_types" in text:
        full = sum(kind in ("attention", "full_attention", "global_attention") for kind in text["layer_types"])
    held = min(text.get("sliding_window") or tokens, tokens)
    dim = text.get("head_dim", text["hidden_size"] // heads)
    return 2 * (full * tokens + (layers - full) * held) * text.get("num_key_value_heads", heads) * dim * 2
