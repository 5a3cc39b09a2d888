"""Attention of a layer: parameters and what it keeps, grouped or latent, by the keys of the config."""

from collections.abc import Callable
from dataclasses import dataclass

from attnsite.formulas.architecture import Place
from attnsite.formulas.blocks import grouped_attention, indexer, latent_attention, matrix
from attnsite.formulas.decoder import Mixer
from attnsite.formulas.keys import Keys
from attnsite.formulas.layouts import Chunked, Full, Indexer, Latent, Layout, Sliding

Flag = bool | str  # a fixed one, or the key that says so


def flag(keys: Keys, which: Flag) -> bool:
    return keys.flag(which) if isinstance(which, str) else which


def kv_heads_of(keys: Keys) -> int:
    heads = keys.integer("num_attention_heads")
    shared = keys.integer("num_key_value_heads", heads, why="as num_attention_heads")
    if heads % shared:
        what = f"is {shared}, which does not divide {heads} query heads"
        keys.log.fault(keys.place + "num_key_value_heads", what, "set it as the model's own config.json does")
    return shared


def head_dim_of(keys: Keys, rule: str = "head_dim") -> int:
    """The key's value, else hidden_size / num_attention_heads; with the rule "derived" always that."""
    derived = keys.integer("hidden_size") // keys.integer("num_attention_heads")
    if rule == "derived":
        given, _ = keys.find("head_dim")
        if isinstance(given, int) and given != derived:
            keys.log.note(f"head_dim {given} is not read by this architecture: hidden_size / num_attention_heads is")
        keys.log.trace[keys.place + "head_dim"] = "hidden_size / num_attention_heads"
        return max(derived, 1)
    if rule == "required":
        return keys.integer("head_dim")
    return keys.integer(rule, max(derived, 1), why="hidden_size / num_attention_heads")


def stored(keys: Keys, kind: str, heads: int, key_dim: int, value_dim: int) -> Layout:
    """Keys and values of a layer of this kind."""
    if kind == "sliding_attention":
        return Sliding(heads, key_dim, value_dim, keys.integer("sliding_window"))
    if kind == "chunked_attention":
        return Chunked(heads, key_dim, value_dim, keys.integer("attention_chunk_size"))
    return Full(heads, key_dim, value_dim)


@dataclass(frozen=True)
class Grouped:
    """Multi-head, grouped-query or multi-query attention. `norm` over each "head" or all heads at once ("wide"), `gate`
    a gate of the output for each "head" or each "element"; `sinks` is one logit a head."""

    bias: Flag = "attention_bias"
    out_bias: Flag | None = None  # None: as `bias`
    norm: str = ""
    head_dim: str = "head_dim"
    sinks: Flag = False
    gate: str = ""
    extra: Callable[[Keys, Place, int, int, int], int] = lambda keys, place, heads, kv_heads, dim: 0

    def __call__(self, keys: Keys, place: Place) -> Mixer:
        heads, kv_heads = keys.integer("num_attention_heads"), kv_heads_of(keys)
        dim = head_dim_of(keys, self.head_dim)
        return self.sized(keys, place, heads, kv_heads, dim, dim)

    def sized(self, keys: Keys, place: Place, heads: int, kv_heads: int, dim: int, value_dim: int) -> Mixer:
        """The same with given heads."""
        hidden, bias = keys.integer("hidden_size"), flag(keys, self.bias)
        out_bias = bias if self.out_bias is None else flag(keys, self.out_bias)
        count = grouped_attention(hidden, heads, kv_heads, dim, value_dim, bias, out_bias)
        if self.norm:
            count += 2 * dim if self.norm == "head" else (heads + kv_heads) * dim
        if self.gate:
            count += matrix(hidden, heads if self.gate == "head" else heads * dim)
        if flag(keys, self.sinks):
            count += heads
        count += self.extra(keys, place, heads, kv_heads, dim)
        return Mixer(count, (stored(keys, place.kind, kv_heads, dim, value_dim),), pair=heads * (dim + value_dim))


def never(keys: Keys, index: int) -> bool:
    return False


@dataclass(frozen=True)
class LatentAttention:
    """MLA: what is kept is the latent and one key of positions. `indexed` says which layers have an indexer and keep
    its keys, `gate` that a gate is made with the queries (2), or by a matrix of its own ("head" or "element")."""

    bias: Flag = "attention_bias"
    indexed: Callable[[Keys, int], bool] = never
    query_gate: int = 1
    gate: str = ""
    sinks: bool = False

    def __call__(self, keys: Keys, place: Place) -> Mixer:
        hidden, heads = keys.integer("hidden_size"), keys.integer("num_attention_heads")
        nope, rope = keys.integer("qk_nope_head_dim"), keys.integer("qk_rope_head_dim")
        value = keys.integer("v_head_dim", hidden // heads, why="hidden_size / num_attention_heads")
        latent, query_latent = keys.integer("kv_lora_rank"), keys.integer("q_lora_rank", 0, least=0, why="none")
        count = latent_attention(hidden, heads, nope, rope, value, latent, query_latent, flag(keys, self.bias))
        if self.gate:
            count += matrix(hidden, heads if self.gate == "head" else heads * value)
        if self.sinks:
            count += heads
        states: tuple[Layout, ...] = (Latent(latent, rope),)
        if self.indexed(keys, place.index):
            dim = keys.integer("index_head_dim")
            count += indexer(hidden, query_latent, keys.integer("index_n_heads"), dim)
            states += (Indexer(dim),)
        return Mixer(count, states, pair=heads * (nope + rope + value) if self.indexed is never else 0)
