"""Does a published table of KV cache sizes agree with the configurations of the models it is about?

The table stands in the announcement of Llama 3.1 on the Hugging Face blog (llama31.md, commit 0551785f, "Inference
Memory Requirements"): three models in FP16, at 1k, 16k and 128k tokens, in "GB". It is read here as GiB, and 1k as 1024
tokens but 16k and 128k as thousands, since only that gives whole numbers of KV heads. The configuration of the largest
model had 16 KV heads when it was published, and has had 8 since August 2024.
"""

from attnsite.experiments.kv_cache import models
from attnsite.formulas.attention import Attention, kv_cache_bytes
from attnsite.records.workload import Case, Count, Observed

GIB, FP16 = 2**30, 2
PRINTED = {  # GB, as printed
    "Llama 3.1 8B": ("Llama 3.1 8B", (0.125, 1.95, 15.62)),
    "Llama 3.1 70B": ("Llama 3 70B", (0.313, 4.88, 39.06)),  # heads and layers as in Llama 3 70B
    "Llama 3.1 405B": ("Llama 3.1 405B", (0.984, 15.38, 123.05)),
}
TOKENS = {"1k": 1024, "16k": 16000, "128k": 128000}


def observe(case: Case) -> Observed:
    """The cache by count, and the number of KV heads that the printed size would need."""
    model = next(model for model in models() if model["name"] == case["shape_of"])
    layer = Attention(model["width"], model["query_heads"], model["head_dim"], model["kv_heads"])
    counted = kv_cache_bytes(model["layers"], layer.kv_cache_elements(), case["tokens"], FP16)
    a_head = kv_cache_bytes(model["layers"], 2 * model["head_dim"], case["tokens"], FP16)
    return {
        "layers": model["layers"],
        "kv_heads": model["kv_heads"],
        "counted_bytes": counted,
        "printed_bytes": case["printed"] * GIB,
        "kv_heads_of_printed": case["printed"] * GIB / a_head,
        "printed_over_counted": case["printed"] * GIB / counted,
    }


experiment = Count(
    observe=observe,
    cases=tuple(
        {"model": name, "shape_of": shape, "label": label, "tokens": TOKENS[label], "printed": size}
        for name, (shape, sizes) in PRINTED.items()
        for label, size in zip(TOKENS, sizes, strict=True)
    ),
)
