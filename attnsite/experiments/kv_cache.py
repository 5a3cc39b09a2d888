"""How many bytes does one token of context keep in the KV cache of published models?

The configurations stand in `kv_cache.csv`, one model a row, each with the place where its numbers were read. They are
a selection for illustration, not a census. Everything that follows from them is computed here.
"""

import csv
from pathlib import Path
from typing import Any

from attnsite.formulas.attention import Attention, kv_cache_bytes
from attnsite.records.workload import Case, Count, Observed

TABLE = Path(__file__).with_suffix(".csv")
WHOLE = ("year", "encoder_layers", "layers", "width", "query_heads", "kv_heads", "head_dim", "value_dim", "latent_dim",
         "rope_dim", "context")  # fmt: skip
ELEMENT_BYTES = 2  # 16-bit elements


def models() -> list[dict[str, Any]]:
    """The table's rows: numbers as int (None where the cell is empty), the rest as text.

    `layers` are those that keep a cache (decoder layers with self-attention); `attention` is MHA, GQA, MQA or MLA;
    `window` and `experts` are "yes" where some layers see only a window, or where the MLP is a mixture of experts.
    """
    with TABLE.open(encoding="utf-8", newline="") as lines:
        return [
            {name: (int(cell) if cell else None) if name in WHOLE else cell for name, cell in row.items()}
            for row in csv.DictReader(lines)
        ]


def elements_a_layer(model: Case) -> int:
    """Cached elements a token and layer; for MLA one latent and one shared rotary key (DeepSeek-V2 2024, Table 1)."""
    if model["attention"] == "MLA":
        return model["latent_dim"] + model["rope_dim"]
    return Attention(model["width"], model["query_heads"], model["head_dim"], model["kv_heads"]).kv_cache_elements()


def observe(case: Case) -> Observed:
    """The cache of one token at 16 bits an element, of a full context, and the shape of the heads.

    Every layer counts as keeping every token: windowed layers may keep less. Cross-attention is left out.
    """
    elements = elements_a_layer(case)
    return {
        "kv_elements_a_layer": elements,
        "kv_bytes": kv_cache_bytes(case["layers"], elements, element_bytes=ELEMENT_BYTES),
        "kv_bytes_full_context": case["context"]
        and kv_cache_bytes(case["layers"], elements, case["context"], ELEMENT_BYTES),
        "attention_width": case["query_heads"] * case["head_dim"],
        "heads_width_over_width": case["query_heads"] * case["head_dim"] / case["width"],
        "queries_a_kv_head": case["kv_heads"] and case["query_heads"] / case["kv_heads"],
        "mha_kv_bytes": kv_cache_bytes(
            case["layers"], case["query_heads"] * (case["head_dim"] + case["value_dim"]), element_bytes=ELEMENT_BYTES
        ),
    }


experiment = Count(observe=observe, cases=tuple(models()))
