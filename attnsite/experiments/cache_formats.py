"""How many bytes does a KV cache take in fewer bits, with the scales that such formats carry along?

An element's bits, and what a group of elements shares: a scale, or a scale and an offset. Counted for Llama 3 8B, whose
rows are 128 wide, a token in all layers.
"""

from attnsite.experiments.kv_cache import elements_a_layer, models
from attnsite.formulas.attention import packed_bits
from attnsite.records.workload import Case, Count, Observed

MODEL = "Llama 3 8B"
FORMATS = (
    {"name": "float32", "bits": 32, "group": 0, "extra_bits": 0, "where": "what a loader may fall back to"},
    {"name": "bfloat16 or float16", "bits": 16, "group": 0, "extra_bits": 0, "where": "the usual cache"},
    {"name": "float8, one scale a tensor", "bits": 8, "group": 0, "extra_bits": 0, "where": "a scale for millions"},
    {"name": "int8, one float32 scale a row", "bits": 8, "group": 128, "extra_bits": 32,
     "where": "`cpu_simd_decode_int8` here: a key or a value of one head shares a scale"},
    {"name": "q8_0", "bits": 8, "group": 32, "extra_bits": 16, "where": "llama.cpp: a float16 scale for 32"},
    {"name": "q4_0", "bits": 4, "group": 32, "extra_bits": 16, "where": "llama.cpp: a float16 scale for 32"},
    {"name": "int4, scale and offset for 32", "bits": 4, "group": 32, "extra_bits": 32, "where": "16 bits each"},
    {"name": "int2, scale and offset for 32", "bits": 2, "group": 32, "extra_bits": 32, "where": "16 bits each"},
)  # fmt: skip


def observe(case: Case) -> Observed:
    """Bits an element with its share of scales, and a token's bytes with and without them."""
    model = next(model for model in models() if model["name"] == MODEL)
    elements = model["layers"] * elements_a_layer(model)
    bits = packed_bits(case["bits"], case["group"], case["extra_bits"]) if case["group"] else float(case["bits"])
    return {
        "bits": bits,
        "bytes": elements * bits / 8,
        "bytes_without_scales": elements * case["bits"] / 8,
        "over_bare": bits / case["bits"],
        "over_16_bits": bits / 16,
    }


experiment = Count(observe=observe, cases=FORMATS)
