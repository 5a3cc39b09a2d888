"""The heads and the KV cache of {models} published models

One row per model, with the place where its configuration was read. Sort by the cache, or search for a model.

The cache is per token at 16 bits an element, in all layers that cache keys and values. Where some layers have a sliding
window, those may cache less over a long sequence. A dash means that there is none: encoders have no cache, latent
attention has no KV heads, and the first Transformers no fixed context length. Rows marked "not re-read" have numbers
that were not looked up again for this table.

A table of {models} models with year, layers, hidden size, heads, head dimension, attention, KV cache and source.
{mha_models} of them have as many KV heads as query heads, {gqa_models} share them among groups, {mqa_models} among all
heads, and {mla_models} cache a latent vector.
"""

from typing import Any

from attnsite.figures import kv_cache
from attnsite.records.quantity import Quantity
from attnsite.records.run_file import Run

EXPERIMENT = "kv_cache"
TITLE_COLUMNS = ("KV cache per token", "of a full context")


def values(run: Run) -> dict[str, Quantity]:
    return kv_cache.values(run)


def tabulate(runs: list[Run]) -> list[dict[str, Any]]:
    rows = []
    for row in runs[0].where():
        model, seen = row.case, row.values
        rows.append({
            "model": model["name"],
            "year": model["year"],
            "attention": model["attention"] + (", windows" if model["window"] else ""),
            "query heads": model["query_heads"],
            "KV heads": model["kv_heads"],
            "head dim": model["head_dim"],
            "hidden size": model["width"],
            "all heads / hidden size": Quantity(seen["heads_width_over_width"], "×"),
            "layers": model["layers"],
            "encoder layers": model["encoder_layers"] or None,
            "context": model["context"],
            "KV cache per token": Quantity(seen["kv_bytes"], "B") if seen["kv_bytes"] else None,
            "of a full context": Quantity(seen["kv_bytes_full_context"], "B")
            if seen["kv_bytes"] and seen["kv_bytes_full_context"]
            else None,
            "source": model["source"] + ("" if model["verified"] == "read" else " (not re-read)"),
            "note": model["note"],
        })  # fmt: skip
    return rows
