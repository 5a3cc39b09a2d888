"""Encoder–decoders: each decoder layer keeps its own keys and values, and those of the encoder's output.

Also Mllama's text model, whose cross-attention layers keep the keys and values of an image.
"""

from attnsite.formulas.architecture import Architecture, Place
from attnsite.formulas.blocks import gated_mlp, grouped_attention, matrix, plain_mlp
from attnsite.formulas.decoder import Ends, Mixer, Mlp
from attnsite.formulas.keys import Keys
from attnsite.formulas.layouts import Cross, Full, Layout


def bart_attention(hidden: int, key_bias: bool = True) -> int:
    return 4 * matrix(hidden, hidden, True) - (0 if key_bias else hidden)


def bart_layer(hidden: int, inner: int, attentions: int, key_bias: bool = True) -> int:
    """Each attention and the MLP with a LayerNorm of two vectors."""
    return attentions * (bart_attention(hidden, key_bias) + 2 * hidden) + plain_mlp(hidden, inner, True) + 2 * hidden


def bart_mixer(keys: Keys, place: Place, key_bias: bool = True, source: int = 0) -> Mixer:
    hidden, heads = keys.integer("d_model"), keys.integer("decoder_attention_heads")
    dim = hidden // heads
    states: tuple[Layout, ...] = (Full(heads, dim, dim), Cross(heads, dim, dim, source))
    return Mixer(2 * bart_attention(hidden, key_bias), states)


def bart_mlp(keys: Keys, place: Place) -> Mlp:
    return Mlp(plain_mlp(keys.integer("d_model"), keys.integer("decoder_ffn_dim"), True))


def bart_norms(keys: Keys, place: Place) -> int:
    return 6 * keys.integer("d_model")


def decoder_layers(keys: Keys) -> int:
    return keys.integer("decoder_layers")


def bart_encoder(keys: Keys, vectors: int, spare: int | None, key_bias: bool = True) -> int:
    """Layers, norms outside of them, and learned positions with `spare` more rows; None: positions are computed."""
    hidden, layers = keys.integer("d_model"), keys.integer("encoder_layers")
    count = layers * bart_layer(hidden, keys.integer("encoder_ffn_dim"), 1, key_bias) + vectors * hidden
    return count + (0 if spare is None else (keys.integer("max_position_embeddings") + spare) * hidden)


def only_tied(keys: Keys) -> None:
    """One table of words for all is what is counted."""
    if not keys.flag("tie_word_embeddings", True):
        keys.log.fault(keys.place + "tie_word_embeddings", "is false, which is not modelled", "make it true")


def bart_ends(keys: Keys, vectors: int, spare: int | None) -> Ends:
    """One table of words for encoder, decoder and output."""
    hidden = keys.integer("d_model")
    rows = 0 if spare is None else (keys.integer("max_position_embeddings") + spare) * hidden
    only_tied(keys)
    return Ends(rows, keys.integer("vocab_size") * hidden, vectors * hidden)


def bart_like(name: str, vectors: int, spare: int | None) -> Architecture:
    return Architecture(
        name, bart_mixer, bart_mlp, lambda keys: bart_ends(keys, vectors, spare), norms=bart_norms,
        layers=decoder_layers, encoder=lambda keys: bart_encoder(keys, vectors, spare),
    )  # fmt: skip


def whisper_mixer(keys: Keys, place: Place) -> Mixer:
    """Whisper: keys have no bias; the encoder's output has `max_source_positions` frames, always."""
    return bart_mixer(keys, place, key_bias=False, source=keys.integer("max_source_positions"))


def whisper_encoder(keys: Keys) -> int:
    """Two convolutions of three taps, positions for every frame, layers, a norm."""
    hidden = keys.integer("d_model")
    taps = 3 * hidden * (keys.integer("num_mel_bins") + hidden) + 2 * hidden
    return taps + keys.integer("max_source_positions") * hidden + bart_encoder(keys, 2, None, key_bias=False)


def whisper_ends(keys: Keys) -> Ends:
    hidden = keys.integer("d_model")
    words, rows = keys.integer("vocab_size") * hidden, keys.integer("max_target_positions") * hidden
    return Ends(rows + (0 if keys.flag("tie_word_embeddings", True) else words), words, 2 * hidden)


def t5_attention(keys: Keys) -> int:
    hidden, heads, dim = keys.integer("d_model"), keys.integer("num_heads"), keys.integer("d_kv")
    return grouped_attention(hidden, heads, heads, dim, dim)


def t5_inner(keys: Keys) -> int:
    shape = gated_mlp if str(keys.value("feed_forward_proj", "relu")).startswith("gated") else plain_mlp
    return shape(keys.integer("d_model"), keys.integer("d_ff"))


def t5_positions(keys: Keys) -> int:
    return keys.integer("relative_attention_num_buckets") * keys.integer("num_heads")


def t5_mixer(keys: Keys, place: Place) -> Mixer:
    heads, dim = keys.integer("num_heads"), keys.integer("d_kv")
    return Mixer(2 * t5_attention(keys), (Full(heads, dim, dim), Cross(heads, dim, dim)))


def t5_mlp(keys: Keys, place: Place) -> Mlp:
    return Mlp(t5_inner(keys))


def t5_layers(keys: Keys) -> int:
    layers = keys.integer("num_layers")
    return keys.integer("num_decoder_layers", layers, why="as num_layers")


def t5_like(name: str, each_layer: bool = False) -> Architecture:
    """`each_layer` has positions of its own, as in UMT5; else the first layer has them for all."""

    def norms(keys: Keys, place: Place) -> int:
        own = t5_positions(keys) if each_layer or place.index == 0 else 0
        return 3 * keys.integer("d_model") + own

    def encoder(keys: Keys) -> int:
        hidden, layers = keys.integer("d_model"), keys.integer("num_layers")
        positions = t5_positions(keys) * (layers if each_layer else 1)
        return layers * (t5_attention(keys) + t5_inner(keys) + 2 * hidden) + hidden + positions

    def ends(keys: Keys) -> Ends:
        hidden = keys.integer("d_model")
        return Ends(0, keys.integer("vocab_size") * hidden, hidden)

    return Architecture(name, t5_mixer, t5_mlp, ends, norms=norms, layers=t5_layers, encoder=encoder)


TYPES = {
    "bart": bart_like("BartAttention", 2, 2),
    "mbart": bart_like("MBartAttention", 4, 2),
    "pegasus": bart_like("PegasusAttention", 2, 0),
    "m2m_100": bart_like("M2M100Attention", 2, None),
    "whisper": Architecture(
        "WhisperAttention", whisper_mixer, bart_mlp, whisper_ends, norms=bart_norms, layers=decoder_layers,
        encoder=whisper_encoder,
    ),
    "t5": t5_like("T5Attention"),
    "mt5": t5_like("MT5Attention"),
    "umt5": t5_like("UMT5Attention", each_layer=True),
}  # fmt: skip
