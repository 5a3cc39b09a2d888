"""Which share of a model's forward FLOPs depends on the context, and from where on is it the larger part?

The decoder models of `kv_cache.csv` whose MLP is in `whole_models.csv`, so that each is counted with its own width.
Without those whose layers a formula of few letters does not give: mixtures of experts, and latent attention, whose
projections go through the latent.
"""

from attnsite.experiments.kv_cache import models
from attnsite.experiments.whole_models import parts
from attnsite.formulas.attention import Attention, attention_share
from attnsite.records.workload import Case, Count, Observed

CONTEXTS = tuple(2**power for power in range(10, 21))  # 1k to 1M
MLP_OVER_SQUARE = 8  # of a layer of no model: MLP weights over width², 2·4 with a plain MLP, 3·8/3 with a gated one


def mlp_weights(case: Case) -> int:
    """Of one layer: each matrix of the MLP is its width by the model's."""
    made: int = case["mlp_matrices"] * case["mlp_width"] * case["width"]
    return made


def observe(case: Case) -> Observed:
    """The share at each context, causal, all layers seeing everything; and the context at which it is one half."""
    width, attention_width = case["width"], case["query_heads"] * case["head_dim"]
    kv_width = case["kv_heads"] * case["head_dim"]
    mlp = mlp_weights(case)
    weights = Attention(width, case["query_heads"], case["head_dim"], case["kv_heads"]).parameters() + mlp
    # Equal parts: 4·A·(n + 1)/2 FLOPs of context against 2 a weight, so n + 1 = weights / A.
    shares = {str(n): attention_share(width, attention_width, kv_width, mlp, n) for n in CONTEXTS}
    return {"shares": shares, "crossover": weights / attention_width - 1, "layer_weights": weights}


_PARTS = parts()
experiment = Count(
    observe=observe,
    cases=tuple(
        {key: model[key] for key in ("name", "year", "width", "query_heads", "kv_heads", "head_dim", "window")}
        | {key: _PARTS[model["name"]][key] for key in ("mlp_width", "mlp_matrices")}
        for model in models()
        if model["attention"] != "MLA" and not model["experts"] and not model["encoder_layers"]
        and model["name"] in _PARTS and _PARTS[model["name"]]["mlp_width"]
    ),
)  # fmt: skip
