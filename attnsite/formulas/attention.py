"""Closed forms: parameters, FLOPs, bytes and KV cache of a configuration, each with its source."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Attention:
    """One layer's attention. `width` is d_model, `dim` the width of a head; MHA where kv_heads equals heads."""

    width: int
    heads: int
    dim: int
    kv_heads: int = 0  # 0: as many as heads

    def __post_init__(self) -> None:
        object.__setattr__(self, "kv_heads", self.kv_heads or self.heads)

    def parameters(self) -> int:
        """Weights of the four projections, without biases (Vaswani et al. 2017, §3.2.2; GQA: Ainslie et al. 2023)."""
        return 2 * self.width * self.dim * (self.heads + self.kv_heads)

    def projection_flops(self, tokens: int) -> int:
        """Two FLOPs a weight and token (Kaplan et al. 2020, Table 1: rows QKV and Project)."""
        return 2 * tokens * self.parameters()

    def core_flops(self, queries: int, keys: int, causal: bool = False, window: int = 0) -> int:
        """QKᵀ and AV: two products of 2·dim FLOPs for each visible query and key, in every query head."""
        return 4 * self.dim * self.scores(queries, keys, causal, window)

    def scores(self, queries: int, keys: int, causal: bool = False, window: int = 0) -> int:
        """Scores that are not masked, over all heads: as many exponentials are taken."""
        return self.heads * visible_pairs(queries, keys, causal, window)

    def score_bytes(self, queries: int, keys: int, element_bytes: int = 4) -> int:
        """The score matrices, where a kernel writes them out whole."""
        return self.heads * queries * keys * element_bytes

    def kv_cache_elements(self) -> int:
        """Elements a token and layer: a key and a value in each KV head (Chen 2022; DeepSeek-V2 2024, Table 1)."""
        return 2 * self.kv_heads * self.dim

    def input_bytes(self, queries: int, keys: int, element_bytes: int = 4) -> int:
        """Reading q, k and v once and writing out once: the least that any kernel can move."""
        return element_bytes * self.dim * (2 * self.heads * queries + 2 * self.kv_heads * keys)


@dataclass(frozen=True)
class LatentAttention:
    """One layer of multi-head latent attention (DeepSeek-V2 2024, §2.1, equations 9 to 19; the published
    `inference/model.py` of DeepSeek-V3 has both ways to compute it, "naive" and "absorb").

    `dim` is the part of a query or key that knows no position, `rope_dim` the rotary part, whose key all heads share,
    `value_dim` the width of a value, and `latent` what stands for a token's keys and values together. Queries go
    through a latent of their own where `query_latent` is not 0.
    """

    width: int
    heads: int
    dim: int
    rope_dim: int
    value_dim: int
    latent: int
    query_latent: int = 0

    def parameters(self) -> int:
        """Weights of all projections: of the queries, down to the latent and the rotary key, up, and of the output."""
        queries = self.heads * (self.dim + self.rope_dim)
        down = self.width * (self.latent + self.rope_dim)
        into = self.query_latent * (self.width + queries) if self.query_latent else self.width * queries
        return into + down + self.up_weights() + self.heads * self.value_dim * self.width

    def up_weights(self) -> int:
        """Weights that make every head's keys and values from the latent, W_UK and W_UV."""
        return self.heads * (self.dim + self.value_dim) * self.latent

    def projection_flops(self, tokens: int) -> int:
        """Two FLOPs a weight and token, either way: what is absorbed meets the token's query and its mixed latent
        instead of its latent, W_UK before the scores and W_UV after them."""
        return 2 * tokens * self.parameters()

    def expansion_flops(self, keys: int) -> int:
        """Making the keys and values of cached tokens again, for a step that keeps latents and absorbs nothing."""
        return 2 * keys * self.up_weights()

    def core_flops(self, queries: int, keys: int, causal: bool = False, window: int = 0, *, absorbed: bool) -> int:
        """Both products. Materialised, a score takes dim + rope_dim multiply-adds and a value value_dim; absorbed, the
        latent is key and value of all heads at once, as in multi-query attention: latent + rope_dim, and latent."""
        a_pair = 2 * self.latent + self.rope_dim if absorbed else self.dim + self.rope_dim + self.value_dim
        return 2 * a_pair * self.heads * visible_pairs(queries, keys, causal, window)

    def kv_cache_elements(self, *, absorbed: bool = True) -> int:
        """Elements a token and layer: the latent and the rotary key (DeepSeek-V2 2024, Table 1), whatever the number of
        heads; or, where keys and values are kept as they are made, one of each in every head."""
        return self.latent + self.rope_dim if absorbed else self.heads * (self.dim + self.rope_dim + self.value_dim)


@dataclass(frozen=True)
class CrossAttention:
    """One layer whose queries come from one sequence and whose keys and values come from another (Vaswani et al. 2017,
    §3.2.3). `width` is that of the layer, `source_width` that of the other sequence's tokens."""

    width: int
    source_width: int
    heads: int
    dim: int
    kv_heads: int = 0  # 0: as many as heads

    def __post_init__(self) -> None:
        object.__setattr__(self, "kv_heads", self.kv_heads or self.heads)

    def parameters(self) -> int:
        """Weights of the query and output projections, and of those of the source's keys and values."""
        return 2 * self.dim * (self.width * self.heads + self.source_width * self.kv_heads)

    def projection_flops(self, queries: int, source: int) -> int:
        """Queries and outputs for each query; keys and values once for each token of the source, however many steps."""
        return 4 * self.dim * (queries * self.width * self.heads + source * self.source_width * self.kv_heads)

    def core_flops(self, queries: int, source: int) -> int:
        """Both products; every query sees the whole source."""
        return 4 * self.dim * self.heads * queries * source

    def kv_cache_elements(self, source: int) -> int:
        """Elements a layer and source sequence: fixed once it is read, and not one more for a generated token."""
        return 2 * self.kv_heads * self.dim * source


@dataclass(frozen=True)
class Decoder:
    """A decoder: layers of one attention and one MLP, and an output layer over a vocabulary.

    `mlp_matrices` is 2 for a plain MLP and 3 for a gated one. Looking an embedding up multiplies nothing, so only the
    output layer counts, whether or not it has weights of its own.
    """

    layers: int
    attention: Attention
    mlp_width: int
    mlp_matrices: int
    vocabulary: int

    def block_weights(self) -> int:
        """Weights of all layers: the N of Kaplan et al. (2020, §2.1), which leaves the embeddings out."""
        return self.layers * (self.attention.parameters() + self.mlp_matrices * self.attention.width * self.mlp_width)

    def output_weights(self) -> int:
        return self.vocabulary * self.attention.width

    def weight_flops(self, tokens: int) -> int:
        """Forward, all products with weights: two FLOPs a weight and token."""
        return 2 * tokens * (self.block_weights() + self.output_weights())

    def core_flops(self, tokens: int, causal: bool = True, window: int = 0) -> int:
        """Forward, QKᵀ and AV of all layers for a sequence of so many tokens."""
        return self.layers * self.attention.core_flops(tokens, tokens, causal, window)

    def training_flops(self, tokens: int, causal: bool = True, core_products: int = 6) -> int:
        """Forward and backward for one sequence. A product C = AB has two gradients, each a product of the same size,
        so the backward pass takes twice the forward pass. QKᵀ and AV make that 2 + 4 products; a fused backward pass
        multiplies QKᵀ once more, which makes 7 (Dao 2024, §4.1)."""
        return 3 * self.weight_flops(tokens) + core_products * self.core_flops(tokens, causal) // 2


def visible_pairs(queries: int, keys: int, causal: bool, window: int = 0) -> int:
    """Pairs of query and key that are not masked, in one head; causal is aligned at the bottom right, as in
    FlashAttention since 2.1: query i sees keys up to i + keys − queries, and with a window only the last so many."""
    if not causal:
        return queries * keys
    if 0 < window < keys:  # what lies before the window is the causal triangle of a context shorter by it
        return visible_pairs(queries, keys, True) - visible_pairs(queries, keys - window, True)
    first = max(0, queries - keys)  # queries before it see nothing
    seen = keys - queries + first + 1  # keys that query `first` sees
    rows = queries - first
    return rows * seen + rows * (rows - 1) // 2


def block_pairs(tokens: int, size: int, near: int, every: int) -> int:
    """Pairs of query and key in one head that a block-sparse causal pattern keeps, the diagonal's own mask counted.

    The pattern is that of a workload's `blocks`: a block of queries meets its own block of keys and the near − 1 before
    it, and of all earlier ones the last of every `every` (0: none).
    """
    count = -(-tokens // size)
    size = -(-tokens // count)
    pairs = 0
    for block in range(count):
        rows = max(0, min(size, tokens - block * size))
        nearest = min(block, max(0, near - 1))  # whole blocks next to the diagonal
        far = (block - nearest) // every if every else 0
        own = near > 0 or (every and (block + 1) % every == 0)
        pairs += rows * size * (nearest + far) + (rows * (rows + 1) // 2 if own else 0)
    return pairs


def kaplan_context_flops(layers: int, context: int, attention_width: int) -> int:
    """2·n_layer·n_ctx·d_attn, forward and a token (Kaplan et al. 2020, Table 1, row "Attention: Mask")."""
    return 2 * layers * context * attention_width


def palm_context_flops(layers: int, context: int, attention_width: int) -> int:
    """4·L·H·Q·T, forward and a token, all keys counted. PaLM (Chowdhery et al. 2023, appendix B) prints 12·L·H·Q·T
    for forward and backward, which is three times the forward pass."""
    return 4 * layers * context * attention_width


def kv_cache_bytes(layers: int, elements_a_layer: int, tokens: int = 1, element_bytes: int = 2) -> int:
    """Bytes of the KV cache of one sequence: layers × elements a token and layer × tokens (Chen 2022)."""
    return layers * elements_a_layer * tokens * element_bytes


def attention_share(width: int, attention_width: int, kv_width: int, mlp_parameters: int, context: int,
                    causal: bool = True) -> float:  # fmt: skip
    """The context term's share of a layer's forward FLOPs a token: QKᵀ and AV over them and the weight products.

    `mlp_parameters` are those a token uses. Causal counts the mean of (context + 1) / 2 visible keys.
    """
    keys = (context + 1) / 2 if causal else context
    core = 4 * attention_width * keys
    weights = 2 * (2 * width * attention_width + 2 * width * kv_width + mlp_parameters)
    return core / (core + weights)


def windowed_cache_bytes(layers: int, windowed: int, elements_a_layer: int, tokens: int, window: int,
                         element_bytes: int = 2) -> int:  # fmt: skip
    """Bytes of the KV cache of one sequence where `windowed` of the layers need only the last `window` tokens, as with
    a rolled cache (Jiang et al. 2023, §2); what an engine sets aside may be more."""
    full = kv_cache_bytes(layers - windowed, elements_a_layer, tokens, element_bytes)
    return full + kv_cache_bytes(windowed, elements_a_layer, min(tokens, window), element_bytes)


def packed_bits(bits: float, group: int, extra_bits: int) -> float:
    """Bits an element takes where every `group` of elements shares `extra_bits` of scales and offsets."""
    return bits + extra_bits / group
