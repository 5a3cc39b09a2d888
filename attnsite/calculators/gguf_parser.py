"""gguf-parser-go: key and value lengths of the file, a pattern of windows by architecture."""

from attnsite.calculators._tool import FULL, GGUF, LATENT, LLAMA_CPP, WINDOWS, Given, Tool, padded

TOOL = Tool(
    name="gguf-parser-go",
    repository="gpustack/gguf-parser-go",
    commit="8dc7a622149dd1e477c86778fc1123fc1c0a316a",
    committed="2026-07-13",
    looked_at="2026-12-01",
    path="file_estimate__llamacpp.go",
    lines="315-327, 592-645",
    formula=(
        "(key_length + value_length) × head_count_kv × cells × 2; cells are tokens padded to 32, or window + "
        "2,048 in layers i with i mod 6 ≠ 0 for Gemma 3"
    ),
    covers="memory of llama.cpp, from a GGUF file",
    leaves_out=(FULL, LATENT, WINDOWS),
    reads=GGUF,
    engine=LLAMA_CPP,
)
ALIGN, LOGICAL_BATCH = 32, 2048
PATTERNS = {"gemma3_text": 6}  # file_architecture.go, lines 1010-1021; Qwen3-Next is in no list of hybrids there


def kv_bytes(given: Given, tokens: int) -> float | None:
    meta = given.gguf
    key, value = meta["key_length"], meta["value_length"]
    if "key_length_mla" in meta:
        key, value = meta["key_length_mla"], meta["value_length_mla"]
    whole, layers = padded(tokens, ALIGN), meta["block_count"]
    step = PATTERNS.get(given.text["model_type"], 1)
    full = sum(i % step == 0 for i in range(layers))
    near = min(whole, padded(meta.get("sliding_window", 0) + LOGICAL_BATCH, ALIGN))
    return (key + value) * meta["head_count_kv"] * (full * whole + (layers - full) * near) * 2
