"""What does each device keep of a model's KV cache under tensor parallelism?

Every published model that `formulas` knows and whose number of query heads its config states, over one to thirty-two
devices. Heads are shared out as vLLM's `get_num_kv_heads` does: a part of the KV heads on each device, or, with more
devices than KV heads, one head that other devices keep too. A latent is whole on every device. The cache is that of one
sequence of 32k tokens in bf16; weights are shared evenly.
"""

from collections.abc import Mapping
from typing import Any

from attnsite.formulas import models
from attnsite.formulas.cost import Cost
from attnsite.formulas.counts import Count as Tokens
from attnsite.formulas.keys import NotUnderstood
from attnsite.formulas.layouts import Full
from attnsite.formulas.models import Model
from attnsite.records.workload import Case, Count, Observed

RANKS = (1, 2, 4, 8, 16, 32)
CONTEXT = 32768
HEADS = ("num_attention_heads", "n_head", "attention_heads")  # as configs call the number of query heads


def heads(model: Model) -> int | None:
    """Query heads of a layer, from the config or its decoder's own part; None where it states no number of them."""
    keys: Mapping[str, Any] = model.config
    own = keys.get("text_config")
    for part in (own if isinstance(own, Mapping) else {}, keys):
        for name in HEADS:
            if isinstance(part.get(name), int):
                return int(part[name])
    return None


def observe(case: Case) -> Observed:
    """Bytes of the cache on one device by number of devices, None where the heads cannot be shared out so; KV heads
    are the most of any layer, None where no layer has its own (MLA)."""
    model = models.find(case["model"])
    states = model.decoder().states()
    kept: dict[str, int | None] = {}
    for ranks in RANKS:
        try:
            kept[str(ranks)] = Cost(model.decoder(), Tokens(CONTEXT), ranks=ranks).kv_bytes
        except NotUnderstood:
            kept[str(ranks)] = None
    return {
        "name": model.name,
        "query_heads": heads(model),
        "kv_heads": max((state.heads for state in states if isinstance(state, Full)), default=None),
        "weight_bytes": Cost(model.decoder(), Tokens(1)).weight_bytes,
        "kept": kept,
    }


experiment = Count(
    observe=observe,
    cases=tuple({"model": slug} for slug, model in models.load().items() if heads(model)),
)
