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
