"""Which share of a model's forward FLOPs depends on the context, and from where on is it the larger part?

The decoder models of `kv_cache.csv`, without those whose weights a formula of few letters does not give: mixtures of
experts (the experts a token uses are not in the table) and latent attention (its projections go through the latent).
"""

from attnsite.accounting import Attention, attention_share
from attnsite.experiment import Case, Count, Observed
from attnsite.experiments.kv_cache import models

CONTEXTS = tuple(2**power for power in range(10, 21))  # 1k to 1M
MLP_OVER_SQUARE = (
    8  # MLP weights over width²: 2·4 with a plain MLP, 3·8/3 with a gated one; the table has no MLP widths
)


def observe(case: Case) -> Observed:
    """The share at each context, causal, all layers seeing everything; and the context at which it is one half."""
    width, attention_width = case["width"], case["query_heads"] * case["head_dim"]
    kv_width = case["kv_heads"] * case["head_dim"]
    mlp = MLP_OVER_SQUARE * width * width
    weights = Attention(width, case["query_heads"], case["head_dim"], case["kv_heads"]).parameters() + mlp
    # Equal parts: 4·A·(n + 1)/2 FLOPs of context against 2 a weight, so n + 1 = weights / A.
    shares = {str(n): attention_share(width, attention_width, kv_width, mlp, n) for n in CONTEXTS}
    return {"shares": shares, "crossover": weights / attention_width - 1, "layer_weights": weights}


experiment = Count(
    observe=observe,
    cases=tuple(
        {key: model[key] for key in ("name", "year", "width", "query_heads", "kv_heads", "head_dim", "window")}
        for model in models()
        if model["attention"] != "MLA" and not model["experts"] and not model["encoder_layers"]
    ),
)
