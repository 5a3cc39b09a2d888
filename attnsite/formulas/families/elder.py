"""Decoders of the years before Llama: learned or no positions, biases, MLPs of two matrices, fused projections."""

from collections.abc import Callable
from dataclasses import replace

from attnsite.formulas.architecture import Architecture, Place
from attnsite.formulas.blocks import grouped_attention, matrix, plain_mlp
from attnsite.formulas.decoder import Ends, Mixer, Mlp
from attnsite.formulas.ends import Tokens
from attnsite.formulas.keys import Keys
from attnsite.formulas.layouts import Full
from attnsite.formulas.mixers import Flag, Grouped, head_dim_of
from attnsite.formulas.mlps import Dense
from attnsite.formulas.patterns import windows


def four(size: str, bias: Flag = True) -> Dense:
    """Two matrices, four times as wide as the model unless the key says otherwise."""
    return Dense(False, bias, size, times=4)


def multi_head(bias: Flag, out_bias: Flag | None = None) -> Callable[[Keys, Place], Mixer]:
    """As many KV heads as heads, whatever a config says of them."""

    def mixer(keys: Keys, place: Place) -> Mixer:
        heads, dim = keys.integer("num_attention_heads"), head_dim_of(keys, "derived")
        return Grouped(bias, out_bias).sized(keys, place, heads, heads, dim, dim)

    return mixer


def bigcode_mixer(keys: Keys, place: Place) -> Mixer:
    """GPT-BigCode (StarCoder): one KV head where `multi_query` says so."""
    heads, dim = keys.integer("num_attention_heads"), head_dim_of(keys, "derived")
    return Grouped(True).sized(keys, place, heads, 1 if keys.flag("multi_query") else heads, dim, dim)


def falcon_mixer(keys: Keys, place: Place) -> Mixer:
    """Falcon: with the new decoder architecture keys and values are spread to all heads before they are kept, so the
    cache has `num_attention_heads` heads though the matrices have `num_kv_heads`."""
    hidden, heads, dim = keys.integer("hidden_size"), keys.integer("num_attention_heads"), head_dim_of(keys, "derived")
    new, bias = keys.flag("new_decoder_architecture"), keys.flag("bias")
    kv_heads = keys.integer("num_kv_heads", heads, why="as num_attention_heads")
    if not new:
        kv_heads = 1 if keys.flag("multi_query") else heads
    count = grouped_attention(hidden, heads, kv_heads, dim, dim, bias, bias)
    kept = heads if new else kv_heads
    if kept != kv_heads:
        keys.log.note(f"the cache of transformers holds {heads} heads, of which {kv_heads} differ")
    return Mixer(count, (Full(kept, dim, dim),), pair=2 * heads * dim)


def falcon_norms(keys: Keys, place: Place) -> int:
    """Attention and MLP side by side share a norm, or have one each."""
    given = keys.value("num_ln_in_parallel_attn")
    both = 2 if given is None and keys.flag("new_decoder_architecture") else given
    count = 2 if not keys.flag("parallel_attn") or both == 2 else 1
    return 2 * count * keys.integer("hidden_size")


def falcon_inner(keys: Keys, place: Place) -> Mlp:
    hidden = keys.integer("hidden_size")
    inner = keys.integer("ffn_hidden_size", 4 * hidden, why="4 × hidden_size")
    return Mlp(plain_mlp(hidden, inner, keys.flag("bias")))


def japanese_mixer(keys: Keys, place: Place) -> Mixer:
    """GPT-NeoX Japanese: the last layer alone has a bias of its output."""
    whole = multi_head(False)(keys, place)
    last = place.index == keys.integer("num_hidden_layers") - 1
    return replace(whole, parameters=whole.parameters + (keys.integer("hidden_size") if last else 0))


def japanese_mlp(keys: Keys, place: Place) -> Mlp:
    hidden = keys.integer("hidden_size")
    return Mlp(plain_mlp(hidden, int(hidden * keys.number("intermediate_multiple_size", 4))))


def persimmon_mixer(keys: Keys, place: Place) -> Mixer:
    whole = multi_head(True)(keys, place)
    norms = 4 * head_dim_of(keys, "derived") if keys.flag("qk_layernorm") else 0
    return replace(whole, parameters=whole.parameters + norms)


def opt_ends(keys: Keys) -> Ends:
    """OPT: words may be narrower than the model; two rows of positions are spare."""
    hidden, words = keys.integer("hidden_size"), keys.integer("vocab_size")
    narrow = keys.integer("word_embed_proj_dim", hidden, why="hidden_size")
    rows = (keys.integer("max_position_embeddings") + 2) * hidden
    rows += 0 if keys.flag("tie_word_embeddings", True) else words * narrow
    other = 2 * matrix(hidden, narrow) if narrow != hidden else 0
    if keys.flag("do_layer_norm_before", True) and not keys.flag("_remove_final_layer_norm"):
        other += opt_vectors(keys) * hidden
    return Ends(rows, words * narrow, other)


def opt_vectors(keys: Keys) -> int:
    return 2 if keys.flag("layer_norm_elementwise_affine", True) else 0


def opt_norms(keys: Keys, place: Place) -> int:
    return 2 * opt_vectors(keys) * keys.integer("hidden_size")


def no_cross(keys: Keys, ends: Ends) -> Ends:
    """A decoder that reads an encoder too is another model than the one that is counted."""
    if keys.flag("add_cross_attention"):
        keys.log.fault(keys.place + "add_cross_attention", "is true, and that is not modelled", "use it as a decoder")
    return ends


def gpt2_ends(keys: Keys) -> Ends:
    return no_cross(keys, Tokens(2, "max_position_embeddings")(keys))


GPT2 = Architecture("GPT2Attention", multi_head(True), four("n_inner"), gpt2_ends, norms=4, folder="gpt2")
TYPES = {
    "gpt2": GPT2,
    "gpt-sw3": GPT2,
    "gpt_bigcode": Architecture(
        "GPTBigCodeAttention", bigcode_mixer, four("n_inner"), gpt2_ends, norms=4
    ),
    "gpt_neo": Architecture(
        "GPTNeoSelfAttention", multi_head(False, True), four("intermediate_size"),
        Tokens(2, "max_position_embeddings"), norms=4,
        note="local layers keep the whole sequence too: transformers' cache has no window for them",
    ),
    "gpt_neox": Architecture(
        "GPTNeoXAttention", multi_head("attention_bias"), Dense(False, True), Tokens(2), windows, norms=4
    ),
    "gpt_neox_japanese": Architecture(
        "GPTNeoXJapaneseAttention", japanese_mixer, japanese_mlp, Tokens(2), windows, norms=4
    ),
    "gptj": Architecture(
        "GPTJAttention", multi_head(False), four("n_inner"), Tokens(2, bias=True), norms=2
    ),
    "codegen": Architecture(
        "CodeGenAttention", multi_head(False), four("n_inner"), Tokens(2, bias=True), norms=2
    ),
    "bloom": Architecture(
        "BloomAttention", multi_head(True), four(""), Tokens(4), norms=4
    ),
    "mpt": Architecture("MptAttention", multi_head(False), four("", False), Tokens(), norms=2),
    "falcon": Architecture("FalconAttention", falcon_mixer, falcon_inner, Tokens(2), windows, falcon_norms),
    "opt": Architecture(
        "OPTAttention", multi_head("enable_bias"), Dense(False, "enable_bias", "ffn_dim"), opt_ends, norms=opt_norms
    ),
    "xglm": Architecture(
        "XGLMAttention", multi_head(True), Dense(False, True, "ffn_dim"), lambda keys: no_cross(keys, Tokens(2)(keys)),
        norms=4,
    ),
    "biogpt": Architecture(
        "BioGptAttention", multi_head(True), Dense(False, True), Tokens(2, "max_position_embeddings", 2), norms=4
    ),
    "ctrl": Architecture(
        "MultiHeadAttention", multi_head(True), Dense(False, True, "dff"), Tokens(2, bias=True), norms=4
    ),
    "persimmon": Architecture(
        "PersimmonAttention", persimmon_mixer, Dense(False, True), Tokens(2), windows, norms=4
    ),
}  # fmt: skip
