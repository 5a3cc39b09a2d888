"""T5Gemma: encoder and decoder are Gemma models, under the keys `encoder` and `decoder`."""

from collections.abc import Callable

from attnsite.formulas.architecture import Architecture, Place
from attnsite.formulas.blocks import gated_mlp, grouped_attention, matrix
from attnsite.formulas.decoder import Ends, Mixer, Mlp
from attnsite.formulas.families.encoder_decoder import only_tied
from attnsite.formulas.keys import Keys
from attnsite.formulas.layouts import Cross
from attnsite.formulas.mixers import head_dim_of, kv_heads_of, stored
from attnsite.formulas.patterns import FULL, RENAMED, SLIDING


def side(keys: Keys, name: str) -> Keys:
    inner = keys.inside(name)
    return inner.inside("text_config") if "text_config" in inner.values else inner


def gemma_attention(keys: Keys, norm: bool) -> int:
    heads, kv_heads, dim = keys.integer("num_attention_heads"), kv_heads_of(keys), head_dim_of(keys)
    bias = keys.flag("attention_bias")
    whole = grouped_attention(keys.integer("hidden_size"), heads, kv_heads, dim, dim, bias, bias)
    return whole + (2 * dim if norm else 0)


def gemma_encoder(keys: Keys, norm: bool) -> int:
    inner = side(keys, "encoder")
    hidden, layers = inner.integer("hidden_size"), inner.integer("num_hidden_layers")
    mlp = gated_mlp(hidden, inner.integer("intermediate_size"))
    words = inner.integer("vocab_size") * hidden
    return words + hidden + layers * (gemma_attention(inner, norm) + mlp + 4 * hidden)


def gemma_kind(keys: Keys, place: Place, step: int) -> str:
    named = keys.list("layer_types", str)
    if named and place.index < len(named):
        return RENAMED.get(named[place.index], named[place.index])
    return SLIDING if (place.index + 1) % keys.integer("sliding_window_pattern", step) else FULL


def t5gemma_mixer(keys: Keys, place: Place) -> Mixer:
    """Self-attention and cross-attention have matrices of their own; cross-attention never slides."""
    inner, outer = side(keys, "decoder"), side(keys, "encoder")
    kv_heads, dim = kv_heads_of(inner), head_dim_of(inner)
    heads, hidden, bias = (
        inner.integer("num_attention_heads"),
        inner.integer("hidden_size"),
        inner.flag("attention_bias"),
    )
    cross = matrix(hidden, heads * dim, bias) + matrix(heads * dim, hidden, bias)
    cross += 2 * matrix(outer.integer("hidden_size"), kv_heads * dim, bias)
    own = stored(inner, gemma_kind(inner, place, 2), kv_heads, dim, dim)
    return Mixer(gemma_attention(inner, False) + cross, (own, Cross(kv_heads, dim, dim)))


def t5gemma2_mixer(keys: Keys, place: Place) -> Mixer:
    """One set of matrices serves self-attention and cross-attention."""
    inner = side(keys, "decoder")
    kv_heads, dim = kv_heads_of(inner), head_dim_of(inner)
    own = stored(inner, gemma_kind(inner, place, 6), kv_heads, dim, dim)
    return Mixer(gemma_attention(inner, True), (own, Cross(kv_heads, dim, dim)))


def gemma_mlp(keys: Keys, place: Place) -> Mlp:
    inner = side(keys, "decoder")
    return Mlp(gated_mlp(inner.integer("hidden_size"), inner.integer("intermediate_size")))


def gemma_norms(vectors: int) -> Callable[[Keys, Place], int]:
    return lambda keys, place: vectors * side(keys, "decoder").integer("hidden_size")


def gemma_layers(keys: Keys) -> int:
    return side(keys, "decoder").integer("num_hidden_layers")


def t5gemma_ends(keys: Keys) -> Ends:
    """The decoder's table of words is the output's too where they are tied; the encoder has one of its own."""
    inner = side(keys, "decoder")
    hidden, words = inner.integer("hidden_size"), inner.integer("vocab_size")
    rows = 0 if keys.flag("tie_word_embeddings", True) else words * hidden
    return Ends(rows, words * hidden, hidden)


def t5gemma2_ends(keys: Keys) -> Ends:
    """Encoder, decoder and output share one table of words, counted with the encoder; a row for an image's end."""
    only_tied(keys)
    hidden = side(keys, "decoder").integer("hidden_size")
    return Ends(0, 0, hidden + hidden)


TYPES = {
    "t5gemma": Architecture(
        "T5GemmaCrossAttention", t5gemma_mixer, gemma_mlp, t5gemma_ends, norms=gemma_norms(6), layers=gemma_layers,
        encoder=lambda keys: gemma_encoder(keys, False),
    ),
    "t5gemma2": Architecture(
        "T5Gemma2MergedAttention", t5gemma2_mixer, gemma_mlp, t5gemma2_ends, norms=gemma_norms(4), layers=gemma_layers,
        encoder=lambda keys: gemma_encoder(keys, True), note="its image encoder is not counted",
    ),
}  # fmt: skip
