"""How much of their KV cache do published models save with windows, if the windowed layers' caches are rolled?

The models of `kv_cache.csv` with windows whose pattern of layers has been read: which layers have a window and how
long it is, from the models' own reports and code. A windowed layer keeps min(N, W) tokens of a context of N, any
other all of them; with windows and no rolling every layer keeps all.
"""

from attnsite.experiments.kv_cache import ELEMENT_BYTES, elements_a_layer, models
from attnsite.formulas.attention import kv_cache_bytes
from attnsite.records.workload import Case, Count, Observed

PATTERNS = {  # (window, windowed layers in a row, full layers in a row), beginning with a windowed one
    "Mistral 7B v0.1": (4096, 1, 0),  # Jiang et al. 2023, section 2 and Table 1: all layers
    "Gemma 2 2B": (4096, 1, 1),  # Gemma 2 report, section 2: every other layer
    "Gemma 2 9B": (4096, 1, 1),
    "Gemma 2 27B": (4096, 1, 1),
    "Gemma 3 1B": (512, 5, 1),  # google/gemma_pytorch, commit 014acb7a, gemma/config.py; report, section 2
    "Gemma 3 4B": (1024, 5, 1),
    "Gemma 3 12B": (1024, 5, 1),
    "Gemma 3 27B": (1024, 5, 1),
    "Phi-3-mini-4k": (2048, 1, 0),  # Lightning-AI/litgpt, commit 26857050; the model's config.json has 2047
    "gpt-oss-20b": (128, 1, 1),  # openai/gpt-oss, gpt_oss/torch/model.py; model card, section 2.2
    "gpt-oss-120b": (128, 1, 1),
}
CONTEXTS = tuple(2**power for power in range(10, 18))  # 1k to 128k


def full_layers(layers: int, windowed: int, full: int) -> int:
    """How many of the layers see everything, where the pattern is repeated from the first layer on."""
    return sum(layer % (windowed + full) >= windowed for layer in range(layers))


def observe(case: Case) -> Observed:
    """The cache of one sequence at 16 bits an element, rolled and not, at contexts up to the model's own."""
    full = full_layers(case["layers"], case["windowed_in_a_row"], case["full_in_a_row"])
    windowed = case["layers"] - full
    elements = elements_a_layer(case)

    def cache(tokens_in_windows: int, tokens: int) -> int:
        return sum(
            kv_cache_bytes(layers, elements, kept, ELEMENT_BYTES)
            for layers, kept in ((windowed, tokens_in_windows), (full, tokens))
        )

    contexts = [n for n in CONTEXTS if n <= case["context"]]
    return {
        "full_layers": full,
        "windowed_layers": windowed,
        "whole_bytes": {str(n): cache(n, n) for n in contexts},
        "rolled_bytes": {str(n): cache(min(n, case["window"]), n) for n in contexts},
    }


def _case(model: Case) -> Case:
    window, windowed, full = PATTERNS[model["name"]]
    kept = ("name", "attention", "layers", "width", "query_heads", "kv_heads", "head_dim", "context")
    pattern = {"window": window, "windowed_in_a_row": windowed, "full_in_a_row": full}
    return {key: model[key] for key in kept} | pattern


experiment = Count(observe=observe, cases=tuple(_case(model) for model in models() if model["name"] in PATTERNS))
