"""A model's ledger: weights, FLOPs, cache and bytes moved, part by part, for a prompt and for one decoding step.

Everything is a sum of what `attention.py` has closed forms for, over the layers of a whole model. Integers are exact.
Left out everywhere: norms, biases, positions, the softmax itself, and activations other than attention's own.
"""

import math
from dataclasses import dataclass

from attnsite.formulas.attention import Attention, LatentAttention, visible_pairs, windowed_cache_bytes


@dataclass(frozen=True)
class Model:
    """A decoder. `latent` is not 0 where it has latent attention: then `dim` is the part of a head without a position,
    and there are no KV heads. `windowed` of the layers see only `window` keys. The first `dense_layers` have a plain
    MLP of `dense_width` and all others `experts` to choose from, where `experts` is not 0; `tied` says that embedding
    and output layer are one matrix."""

    layers: int
    width: int
    heads: int
    dim: int
    kv_heads: int = 0  # 0: as many as heads
    mlp_width: int = 0
    mlp_matrices: int = 3
    vocabulary: int = 0
    tied: bool = False
    window: int = 0
    windowed: int = 0
    latent: int = 0
    rope_dim: int = 0
    value_dim: int = 0
    query_latent: int = 0
    experts: int = 0
    experts_a_token: int = 0
    shared_experts: int = 0
    dense_layers: int = 0
    dense_width: int = 0

    @property
    def attention(self) -> Attention | LatentAttention:
        """One layer's."""
        if self.latent:
            return LatentAttention(
                self.width, self.heads, self.dim, self.rope_dim, self.value_dim, self.latent, self.query_latent
            )
        return Attention(self.width, self.heads, self.dim, self.kv_heads)


@dataclass(frozen=True)
class Step:
    """`batch` sequences, in each of which `queries` new tokens meet `keys` tokens, themselves among them. A prompt has
    as many queries as keys, a decoding step one. Bits are those of a number, to half a bit."""

    queries: int
    keys: int
    batch: int = 1
    causal: bool = True
    weight_bits: float = 16
    cache_bits: float = 16

    @property
    def tokens(self) -> int:
        return self.batch * self.queries


def mlp_weights(model: Model, experts: int) -> int:
    """Weights of all MLPs with so many experts in each layer that has a choice (DeepSeek-V3's `inference/model.py`,
    classes MLP and MoE; a plain or gated MLP alone: Kaplan et al. 2020, Table 1, row Feedforward)."""
    a_unit = model.mlp_matrices * model.width
    if not model.experts:
        return model.layers * a_unit * model.mlp_width
    sparse = (model.layers - model.dense_layers) * (experts + model.shared_experts) * model.mlp_width
    return a_unit * (sparse + model.dense_layers * model.dense_width)


def weights(model: Model, experts: int | None = None) -> dict[str, int]:
    """Weights by part. The router scores each expert; the embedding is 0 where it is the output layer's matrix.

    `experts` counts only so many of each layer's: None for all of them.
    """
    found = {
        "attention": model.layers * model.attention.parameters(),
        "mlp": mlp_weights(model, model.experts if experts is None else experts),
        "router": (model.layers - model.dense_layers) * model.width * model.experts,
        "output": model.vocabulary * model.width,
        "embedding": 0 if model.tied else model.vocabulary * model.width,
    }
    return found | {"all": sum(found.values())}


def met(model: Model) -> int:
    """The weights that a token is multiplied with: of the experts its own, and not an embedding, of which it takes a
    row."""
    used = weights(model, model.experts_a_token)
    return used["all"] - used["embedding"]


def pairs(model: Model, step: Step) -> int:
    """Visible pairs of query and key in one head of every layer, of one sequence."""
    full = visible_pairs(step.queries, step.keys, step.causal)
    near = visible_pairs(step.queries, step.keys, step.causal, model.window)
    return (model.layers - model.windowed) * full + model.windowed * near


def pair_widths(model: Model, step: Step) -> tuple[int, int]:
    """Numbers that a score multiplies, and those that a weight mixes. A decoding step with latent attention absorbs
    the up-projections and meets the latents; a prompt makes keys and values of them (DeepSeek-V2 2024, §2.1.2)."""
    if not model.latent:
        return model.dim, model.dim
    if step.queries == 1:
        return model.latent + model.rope_dim, model.latent
    return model.dim + model.rope_dim, model.value_dim


def flops(model: Model, step: Step) -> dict[str, int]:
    """FLOPs by part: two for each weight that a token meets (Kaplan et al. 2020, Table 1), and two for each number of
    each visible pair, in every query head. The output layer counts for every new token."""
    used, (score, value) = weights(model, model.experts_a_token), pair_widths(model, step)
    pair = 2 * step.batch * model.heads * pairs(model, step)
    found = {
        "projections": 2 * step.tokens * used["attention"],
        "scores": pair * score,
        "values": pair * value,
        "mlp": 2 * step.tokens * used["mlp"],
        "router": 2 * step.tokens * used["router"],
        "output": 2 * step.tokens * used["output"],
    }
    return found | {"all": sum(found.values())}


def size(elements: int, bits: float) -> int:
    """Bytes of so many numbers, rounded up; bits come in halves, as where a block of 32 shares a scale of 16 bits."""
    return -(-elements * round(2 * bits) // 16)


def cache(model: Model, step: Step) -> dict[str, int]:
    """Bytes of the KV cache: a token's in all layers, one sequence's of `keys` tokens, and the batch's. Windowed layers
    keep no more than their window (Jiang et al. 2023, §2), latent attention its latents (DeepSeek-V2 2024, Table 1)."""
    elements = model.attention.kv_cache_elements()
    windowed = model.windowed if model.window else 0
    sequence = windowed_cache_bytes(model.layers, windowed, elements, step.keys, model.window, 1)
    return {
        "token": size(model.layers * elements, step.cache_bits),
        "sequence": size(sequence, step.cache_bits),
        "batch": size(step.batch * sequence, step.cache_bits),
    }


def keys_read(model: Model, step: Step) -> int:
    """Keys that some query sees, summed over the layers, of one sequence."""
    near = step.keys
    if step.causal and model.window > 0:
        near = min(step.keys, model.window + step.queries - 1)
    return (model.layers - model.windowed) * step.keys + model.windowed * near


def experts_read(model: Model, tokens: int) -> int:
    """Thousandths of a layer's experts that a step reads in the mean: E (1 - (1 - k/E)^n), if each of n tokens chooses
    k of E experts by chance. One token reads k. A router that favours some of them has fewer to read."""
    if model.experts_a_token >= model.experts:
        return 1000 * model.experts
    missed = tokens * math.log1p(-model.experts_a_token / model.experts)
    return math.floor(-1000 * model.experts * math.expm1(missed) + 0.5)


def moved(model: Model, step: Step) -> dict[str, int]:
    """Bytes that have to move at least: every weight once for the whole batch, attention's queries, keys, values and
    outputs once (`input_bytes`), and the new keys and values on their way into the cache (weights once: Chen 2022).

    Of experts those are counted that the tokens choose in the mean. Queries and outputs have 16 bits, or the cache's if
    more.
    """
    plain, expert = weights(model, 0), mlp_weights(model, 1) - mlp_weights(model, 0)  # one in each layer that has some
    chosen = -(-expert * experts_read(model, step.tokens) // 1000)
    score, value = pair_widths(model, step)
    kept = model.attention.kv_cache_elements()
    read = kept if not model.latent or step.queries == 1 else model.heads * (score + value)
    ends = model.layers * model.heads * step.tokens * (score + value)
    found = {
        "weights": size(plain["all"] - plain["embedding"] + chosen, step.weight_bits),
        "attention": size(ends, max(16, step.cache_bits)) + size(step.batch * read * keys_read(model, step),
                                                                 step.cache_bits),
        "written": size(step.tokens * model.layers * kept, step.cache_bits),
    }  # fmt: skip
    return found | {"all": sum(found.values())}


def intensity(model: Model, step: Step) -> dict[str, float]:
    """FLOPs for each byte: of the products with weights, of attention, and of the whole step."""
    done, bytes_ = flops(model, step), moved(model, step)
    core = done["scores"] + done["values"]
    return {
        "weights": (done["all"] - core) / bytes_["weights"],
        "attention": core / bytes_["attention"],
        "all": done["all"] / bytes_["all"],
    }


def least_seconds(work: float, bytes_moved: float, peak: float, bandwidth: float) -> float:
    """The roofline: the longer of the two, for a machine that computes and moves at once (Williams et al. 2009)."""
    return max(work / peak, bytes_moved / bandwidth)
