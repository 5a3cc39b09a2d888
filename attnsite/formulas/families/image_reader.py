"""Mllama: a decoder whose cross-attention layers keep the keys and values of an image."""

from attnsite.formulas.architecture import Architecture, Place
from attnsite.formulas.blocks import grouped_attention
from attnsite.formulas.decoder import Ends, Mixer
from attnsite.formulas.keys import Keys
from attnsite.formulas.layouts import Cross
from attnsite.formulas.mixers import Grouped, head_dim_of, kv_heads_of
from attnsite.formulas.mlps import Dense
from attnsite.formulas.patterns import FULL


def mllama_mixer(keys: Keys, place: Place) -> Mixer:
    """Mllama: layers of `cross_attention_layers` read an image alone, with a gate for each of their halves."""
    hidden, heads, kv_heads = keys.integer("hidden_size"), keys.integer("num_attention_heads"), kv_heads_of(keys)
    dim = head_dim_of(keys, "derived")
    if place.kind != "cross_attention":
        return Grouped(False).sized(keys, place, heads, kv_heads, dim, dim)
    count = grouped_attention(hidden, heads, kv_heads, dim, dim) + 2 * dim + 2
    return Mixer(count, (Cross(kv_heads, dim, dim),))


def mllama_kinds(keys: Keys, layers: int) -> list[str]:
    named = keys.list("cross_attention_layers")
    crossing = [3, 8, 13, 18, 23, 28, 33, 38] if named is None else named
    return ["cross_attention" if i in crossing else FULL for i in range(layers)]


def mllama_ends(keys: Keys) -> Ends:
    """Eight more words for the input than for the output, so that they cannot be tied."""
    hidden, words = keys.integer("hidden_size"), keys.integer("vocab_size")
    return Ends((words + 8) * hidden, words * hidden, hidden)


TYPES = {
    "mllama_text_model": Architecture(
        "MllamaTextCrossAttention", mllama_mixer, Dense(), mllama_ends, mllama_kinds, folder="mllama",
        allowed=(FULL, "cross_attention"),
    ),
}  # fmt: skip
