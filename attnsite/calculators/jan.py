"""Jan: key and value lengths of the file; with a window, the mean of all tokens and the window in every layer."""

from attnsite.calculators._tool import FULL, GGUF, LATENT, LLAMA_CPP, WINDOWS, Given, Tool

TOOL = Tool(
    name="Jan",
    repository="janhq/jan",
    commit="0b1f26cd2eda97768d868f0f4df7dc18c594caf5",
    committed="",
    looked_at="2026-12-01",
    path="src-tauri/plugins/tauri-plugin-llamacpp/src/gguf/utils.rs",
    lines="estimate_kv_cache_internal",
    formula=(
        "block_count × head_count_kv × (key_length + value_length) × 2 × tokens; with a window, the mean of "
        "this and of the window alone"
    ),
    covers="whether a GGUF file fits before it is loaded",
    leaves_out=(FULL, LATENT, WINDOWS),
    reads=GGUF,
    engine=LLAMA_CPP,
)


def kv_bytes(given: Given, tokens: int) -> float | None:
    meta = given.gguf
    each = meta["block_count"] * meta["head_count_kv"] * (meta["key_length"] + meta["value_length"]) * 2
    whole = min(tokens, meta["context_length"]) * each
    if window := meta.get("sliding_window"):
        return (whole + window * each) // 2
    return whole
