"""Zamba and Zamba 2: Mamba in every layer, and blocks of attention that several layers share."""

from attnsite.formulas.architecture import Architecture, Place
from attnsite.formulas.blocks import gated_mlp, matrix
from attnsite.formulas.decoder import Ends, Mixer
from attnsite.formulas.ends import Tokens
from attnsite.formulas.families.state_space import inner_of, mamba_1_mixer, mamba_2_mixer, no_mlp
from attnsite.formulas.keys import Keys
from attnsite.formulas.mixers import Grouped, kv_heads_of
from attnsite.formulas.patterns import HYBRID, LINEAR, RENAMED


def zamba_kinds(keys: Keys, layers: int) -> list[str]:
    step, offset = keys.integer("attn_layer_period", 6), keys.integer("attn_layer_offset", 4, least=0)
    found = [LINEAR, LINEAR, HYBRID] + [HYBRID if i % step == offset else LINEAR for i in range(layers - 3)]
    return found[:layers]


def zamba_head_dim(keys: Keys) -> int:
    """Attention sees the layer's input beside the embedding: twice the hidden size."""
    usual = 2 * keys.integer("hidden_size") // keys.integer("num_attention_heads")
    return keys.integer("attention_head_dim", usual, why="2 × hidden_size / num_attention_heads")


def zamba_mixer(keys: Keys, place: Place) -> Mixer:
    """Zamba: Mamba everywhere; hybrid layers add a matrix, and keys and values of the one block that they share."""
    hidden, names = keys.integer("hidden_size"), ("mamba_d_state", "mamba_d_conv", "mamba_dt_rank")
    space = mamba_1_mixer(keys, inner_of(keys), *names, "mamba_proj_bias", "mamba_conv_bias")
    if place.kind != HYBRID:
        return space
    dim = zamba_head_dim(keys)
    kept = Grouped(False).sized(keys, place, keys.integer("num_attention_heads"), kv_heads_of(keys), dim, dim).states
    return Mixer(space.parameters + matrix(hidden, hidden), kept + space.states)


def shared_once(keys: Keys) -> None:
    """transformers ties shared blocks with the embeddings: untied, each use would have a block of its own."""
    if not keys.flag("tie_word_embeddings", True):
        keys.log.fault(keys.place + "tie_word_embeddings", "is false, which is not modelled", "make it true")


def zamba_ends(keys: Keys) -> Ends:
    """The shared block: attention over twice the hidden size, an MLP, two norms."""
    shared_once(keys)
    plain, hidden, dim = Tokens()(keys), keys.integer("hidden_size"), zamba_head_dim(keys)
    heads, kv_heads = keys.integer("num_attention_heads"), kv_heads_of(keys)
    wide = keys.integer("attention_hidden_size", 2 * hidden, why="2 × hidden_size")
    block = matrix(wide, (heads + 2 * kv_heads) * dim) + matrix(heads * dim, hidden) + wide + hidden
    return Ends(plain.rows, plain.output, plain.other + block + gated_mlp(hidden, keys.integer("intermediate_size")))


def zamba2_kinds(keys: Keys, layers: int) -> list[str]:
    """The pattern of the 2.7 B model, which the class has for all that name none."""
    found = [LINEAR] + ([LINEAR] * 5 + [HYBRID]) * 7 + [LINEAR] * 4 + [HYBRID] + [LINEAR] * 3 + [HYBRID] + [LINEAR] * 2
    if layers != len(found):
        keys.log.fault(keys.place + "layers_block_type", "is missing", "add it: the usual one has 54 layers")
    return found


def zamba2_mixer(keys: Keys, place: Place) -> Mixer:
    hidden, inner, heads = keys.integer("hidden_size"), inner_of(keys), keys.integer("n_mamba_heads")
    bias = keys.flag("add_bias_linear")
    space = mamba_2_mixer(
        keys, inner, heads, inner // heads, keys.integer("mamba_ngroups"), keys.integer("mamba_d_state"),
        keys.integer("mamba_d_conv"), bias, True,
    )  # fmt: skip
    if place.kind != HYBRID:
        return space
    dim = 2 * hidden // keys.integer("num_attention_heads")
    kept = Grouped(False).sized(keys, place, keys.integer("num_attention_heads"), kv_heads_of(keys), dim, dim).states
    return Mixer(space.parameters + matrix(hidden, hidden), kept + space.states)


def zamba2_ends(keys: Keys) -> Ends:
    """`num_mem_blocks` shared blocks, used in turn; an adapter of low rank for each use of the MLP, and of the queries,
    keys and values where they have one."""
    shared_once(keys)
    plain, hidden = Tokens()(keys), keys.integer("hidden_size")
    heads, kv_heads, wide = keys.integer("num_attention_heads"), kv_heads_of(keys), 2 * hidden
    dim, bias = wide // heads, keys.flag("add_bias_linear")
    inner = keys.integer("intermediate_size", 4 * hidden, why="4 × hidden_size")
    block = matrix(wide, (heads + 2 * kv_heads) * dim) + matrix(heads * dim, hidden) + wide + hidden
    block += matrix(hidden, 2 * inner, bias) + matrix(inner, hidden, bias)
    kinds = keys.list("layer_types", str) or zamba2_kinds(keys, keys.integer("num_hidden_layers"))
    uses, rank = sum(RENAMED.get(kind, kind) == HYBRID for kind in kinds), keys.integer("adapter_rank")
    each = matrix(hidden, rank) + matrix(rank, 2 * inner)
    if keys.flag("use_shared_attention_adapter"):
        each += 3 * (matrix(wide, rank) + matrix(rank, wide))
    blocks = min(keys.integer("num_mem_blocks"), uses)
    return Ends(plain.rows, plain.output, plain.other + blocks * block + uses * each)


TYPES = {
    "zamba": Architecture(
        "ZambaMambaMixer", zamba_mixer, no_mlp, zamba_ends, zamba_kinds, 1, allowed=(LINEAR, HYBRID)
    ),
    "zamba2": Architecture(
        "Zamba2MambaMixer", zamba2_mixer, no_mlp, zamba2_ends, zamba2_kinds, 1, allowed=(LINEAR, HYBRID)
    ),
}  # fmt: skip
