"""From which context on does a decoding step read more of the KV cache than of the weights?

The decoder models of `attention_share`, with the weights that it counts for a layer. Weights are read once for all
sequences of a batch, caches once for each, so the context at which both are the same number of elements is divided by
the batch. With as many bits for a weight as for a cached number, elements are bytes.
"""

from attnsite.experiments import attention_share
from attnsite.experiments.kv_cache import models
from attnsite.formulas.attention import Attention
from attnsite.records.workload import Case, Count, Observed

BATCHES = (1, 4, 16, 64, 256)


def observe(case: Case) -> Observed:
    """A layer's weights, its cached elements a token, and the context at which they are equal, for each batch."""
    layer = Attention(case["width"], case["query_heads"], case["head_dim"], case["kv_heads"])
    weights = layer.parameters() + attention_share.mlp_weights(case)
    cached = layer.kv_cache_elements()
    context = case["context"]
    return {
        "layer_weights": weights,
        "cache_elements": cached,
        "equal_at": {str(batch): weights / cached / batch for batch in BATCHES},
        "widths": weights / cached / case["width"],
        "batch_for_full_context": context and weights / cached / context,
    }


_CONTEXTS = {model["name"]: model["context"] for model in models()}
experiment = Count(
    observe=observe,
    cases=tuple({**case, "context": _CONTEXTS[case["name"]]} for case in attention_share.experiment.cases),
)
