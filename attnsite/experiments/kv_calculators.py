"""How far off is the KV cache of published models when it is calculated in one of the usual wrong ways?

For every model of `kv_cache.csv` that keeps a cache: the bytes of a token, the bytes of a context with the windows that
stand in `kv_calculators.csv`, and what the formulas of calculators give that have been reported as wrong. A formula
that cannot be applied to a model, or is the right one for it, is None.
"""

import csv
from pathlib import Path
from typing import Any

from attnsite.experiments.kv_cache import ELEMENT_BYTES, elements_a_layer, models
from attnsite.formulas.attention import CrossAttention, LatentAttention, kv_cache_bytes, windowed_cache_bytes
from attnsite.records.workload import Case, Count, Observed

TABLE = Path(__file__).with_suffix(".csv")
CONTEXTS = tuple(2**power for power in range(9, 18))  # 512 to 131072


def cases() -> list[dict[str, Any]]:
    """The models with a cache, each with its window and the layers that have it; both 0 where all layers see all."""
    with TABLE.open(encoding="utf-8", newline="") as lines:
        windows = {row["name"]: row for row in csv.DictReader(lines)}
    none = {"window": 0, "windowed_layers": 0, "source": ""}
    return [
        {key: value for key, value in model.items() if key not in ("window", "experts", "verified", "note", "source")}
        | {key: int(windows.get(model["name"], none)[key]) for key in ("window", "windowed_layers")}
        | {"shape_source": model["source"], "window_source": windows.get(model["name"], none)["source"]}
        for model in models()
        if model["layers"]
    ]


def latent(case: Case) -> LatentAttention:
    dim = case["head_dim"] - case["rope_dim"]
    return LatentAttention(case["width"], case["query_heads"], dim, case["rope_dim"], case["value_dim"],
                           case["latent_dim"])  # fmt: skip


def mistakes(case: Case) -> dict[str, float | None]:
    """Bytes of a token by each wrong formula, in 16-bit elements unless the formula has its own."""
    L, d, H, D, kv = (case[key] for key in ("layers", "width", "query_heads", "head_dim", "kv_heads"))
    mla = case["attention"] == "MLA"
    right = ELEMENT_BYTES * L * elements_a_layer(case)
    full = L - case["windowed_layers"]
    found: dict[str, float | None] = {
        "width": 2 * ELEMENT_BYTES * L * d,  # vllm-project/vllm#29736, KolosalAI/model-memory-calculator#2
        "query_heads": None if mla else 2 * ELEMENT_BYTES * L * H * D,  # grouping overlooked, head width right
        "width_over_heads": None if mla else 2 * ELEMENT_BYTES * L * kv * (d / H),  # LMCache/LMCache#688
        "extra_heads": 2 * 4 / 8 * L * H * d,  # jranaraki/vllm-fit#2: 2 · layers · heads · hidden · 4 / 8
        "one_head": None if mla else 2 * ELEMENT_BYTES * L * D,  # rohitg00/ai-engineering-from-scratch#57
        "mla_as_mha": ELEMENT_BYTES * L * latent(case).kv_cache_elements(absorbed=False) if mla else None,
        "mla_two_latents": 2 * ELEMENT_BYTES * L * case["latent_dim"] if mla else None,  # LMCache/LMCache#694
        "float32": 2 * right,
        "keys_only": right / 2,
        "windows_left_out": right * full / L if full < L else None,  # alvarobartt/hf-mem#60
    }
    return {name: None if size == right else size for name, size in found.items()}


def observe(case: Case) -> Observed:
    """The right bytes, by token and by context, and the wrong ones; for a windowed model also as if it had no window.

    An encoder and decoder also keeps keys and values of the source in each decoder layer, for its cross-attention.
    """
    L, elements = case["layers"], elements_a_layer(case)
    right = kv_cache_bytes(L, elements, element_bytes=ELEMENT_BYTES)
    wrong = mistakes(case)
    at = {n: windowed_cache_bytes(L, case["windowed_layers"], elements, n, case["window"] or n, ELEMENT_BYTES)
          for n in {*CONTEXTS, *([case["context"]] if case["context"] else [])}}  # fmt: skip
    whole = case["context"] and kv_cache_bytes(L, elements, case["context"], ELEMENT_BYTES)
    cross = CrossAttention(case["width"], case["width"], case["query_heads"], case["head_dim"])
    return {
        "bytes": right,
        "wrong": wrong,
        "ratios": {name: size and size / right for name, size in wrong.items()}
        | {"windows_as_full": whole / at[case["context"]] if whole and whole != at[case["context"]] else None},
        "by_context": {str(n): at[n] for n in CONTEXTS},
        "as_full_by_context": {str(n): kv_cache_bytes(L, elements, n, ELEMENT_BYTES) for n in CONTEXTS},
        "bytes_a_source_token": L * ELEMENT_BYTES * cross.kv_cache_elements(1) if case["encoder_layers"] else 0,
    }


experiment = Count(observe=observe, cases=tuple(cases()))
