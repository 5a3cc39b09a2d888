"""At which context does a larger model with sparse attention cost as many FLOPs as a smaller dense one?

The Qwen2.5 models from 7B to 72B, whose MLP widths are those of their configurations. Counted are the products with the
weights of all layers, and QKᵀ and AV over the share of the visible pairs that is kept; choosing the pairs costs nothing
here, and neither embeddings nor the output layer are counted.
"""

from attnsite.experiments.kv_cache import models
from attnsite.formulas.attention import Attention
from attnsite.records.workload import Case, Count, Observed

MLP_WIDTHS = {"Qwen2.5-7B": 18944, "Qwen2.5-14B": 13824, "Qwen2.5-32B": 27648, "Qwen2.5-72B": 29568}
VOCABULARY = 152064  # of all four, in the same configurations
SHARES = (1.0, 0.5, 0.4, 0.3, 0.25, 0.2, 0.15, 0.1, 0.07, 0.05, 0.03, 0.02, 0.01, 0.0)
CONTEXTS = (16384, 65536, 131072)
_MODELS = {model["name"]: model for model in models() if model["name"] in MLP_WIDTHS}


def layer(name: str) -> Attention:
    model = _MODELS[name]
    return Attention(model["width"], model["query_heads"], model["head_dim"], model["kv_heads"])


def weights(name: str) -> int:
    """Of all layers: four projections and a gated MLP of three matrices."""
    model = _MODELS[name]
    return model["layers"] * (layer(name).parameters() + 3 * model["width"] * MLP_WIDTHS[name])


def pair_flops(name: str) -> int:
    """QKᵀ and AV of all layers for one visible pair."""
    model = _MODELS[name]
    return model["layers"] * layer(name).core_flops(1, 1)


def crossing(small: str, large: str, share: float, causal: bool) -> float | None:
    """The prompt at which both cost the same; None if the larger one costs more at any length.

    A token sees (N + 1) / 2 tokens on average where the mask's half is left out, N where it is not.
    """
    gained = pair_flops(small) - share * pair_flops(large)
    if gained <= 0:
        return None
    keys = 2 * (weights(large) - weights(small)) / gained
    return 2 * keys - 1 if causal else keys


def shares(name: str) -> dict[str, dict[str, float]]:
    """What part of a prompt's FLOPs is attention: QKᵀ and AV of visible pairs over these and the weights; and in a
    wider sense, with all pairs, the projections and the softmax in it, logits in the whole."""
    model = _MODELS[name]
    visible, printed = {}, {}
    for n in CONTEXTS:
        core = pair_flops(name) * (n + 1) / 2
        visible[str(n)] = core / (core + 2 * weights(name))
        square = model["layers"] * model["query_heads"] * n * (4 * model["head_dim"] + 3)
        attention = model["layers"] * layer(name).projection_flops(1) + square
        mlp = model["layers"] * 2 * MLP_WIDTHS[name] * (3 * model["width"] + 1)
        rest = mlp + 2 * model["width"] * (VOCABULARY + 1)  # logits and embedding
        printed[str(n)] = attention / (attention + rest)
    return {"visible": visible, "printed": printed}


def observe(case: Case) -> Observed:
    """Of a model, its weights and what part attention is; of a pair, the crossings by the share of pairs kept."""
    if "model" in case:
        return {"weights": weights(case["model"]), "pair_flops": pair_flops(case["model"]), **shares(case["model"])}
    small, large = case["small"], case["large"]
    return {
        "largest_share": pair_flops(small) / pair_flops(large),  # with more than it kept, the lines never meet
        "causal": {str(share): crossing(small, large, share, True) for share in SHARES},
        "square": {str(share): crossing(small, large, share, False) for share in SHARES},
    }


_NAMES = tuple(MLP_WIDTHS)
experiment = Count(
    observe=observe,
    cases=(
        *({"model": name} for name in _NAMES),
        *({"small": small, "large": large} for i, small in enumerate(_NAMES) for large in _NAMES[i + 1 :]),
    ),
)
