"""Decoders with routed experts whose attention or MLP is like no other."""

from attnsite.formulas.architecture import Architecture, Place
from attnsite.formulas.blocks import gated_mlp, matrix
from attnsite.formulas.decoder import Experts, Mixer, Mlp
from attnsite.formulas.ends import Tokens
from attnsite.formulas.families.experts import LOCAL, one_dense
from attnsite.formulas.keys import Keys
from attnsite.formulas.layouts import Full, Indexer, Sliding
from attnsite.formulas.mixers import Grouped, head_dim_of, kv_heads_of
from attnsite.formulas.mlps import Dense, Sparse
from attnsite.formulas.patterns import (
    CHUNKED,
    FULL,
    SLIDING,
    always,
    every,
    no_positions,
    windows,
)


def ernie(keys: Keys, layers: int) -> list[bool]:
    """ERNIE 4.5: from `moe_layer_start_index` to `moe_layer_end_index`, every `moe_layer_interval`-th."""
    step, start = keys.integer("moe_layer_interval", 1), keys.integer("moe_layer_start_index", 0, least=0)
    end = keys.integer("moe_layer_end_index", -1, least=-1)
    end = layers - 1 if end == -1 else end
    return [(i + 1) % step == 0 and start <= i <= end for i in range(layers)]


def llama4_sparse(keys: Keys, layers: int) -> list[bool]:
    step = keys.integer("interleave_moe_layer_step", 1)
    named = keys.list("moe_layers")
    return [i in named if named is not None else i % step == step - 1 for i in range(layers)]


def llama4_kinds(keys: Keys, layers: int) -> list[str]:
    cut = keys.given("attention_chunk_size")
    return [CHUNKED if rotates and cut else FULL for rotates in no_positions(keys, layers)]


def llama4_mlp(keys: Keys, place: Place) -> Mlp:
    """Sparse layers: routed experts and one shared of width `intermediate_size`; others `intermediate_size_mlp`."""
    hidden, inner = keys.integer("hidden_size"), keys.integer("intermediate_size")
    layers = keys.integer("num_hidden_layers")
    if not llama4_sparse(keys, max(layers, place.index + 1))[place.index]:
        return Mlp(gated_mlp(hidden, keys.integer("intermediate_size_mlp")))
    count = keys.integer(LOCAL)
    each = gated_mlp(hidden, inner)
    return Mlp(matrix(hidden, count) + each, Experts(count, keys.integer("num_experts_per_tok"), each))


def hunyuan_mlp(keys: Keys, place: Place) -> Mlp:
    """Hunyuan: routed experts beside one shared MLP of the same width."""
    hidden, inner = keys.integer("hidden_size"), keys.integer("intermediate_size")
    count, each = keys.integer("num_experts"), gated_mlp(hidden, inner)
    return Mlp(matrix(hidden, count) + each, Experts(count, keys.integer("moe_topk"), each))


def jetmoe_mlp(keys: Keys, place: Place) -> Mlp:
    hidden, count = keys.integer("hidden_size"), keys.integer(LOCAL)
    each = gated_mlp(hidden, keys.integer("intermediate_size"))
    return Mlp(hidden + matrix(hidden, count), Experts(count, keys.integer("num_experts_per_tok"), each))


def jetmoe_mixer(keys: Keys, place: Place) -> Mixer:
    """Experts of attention: each has queries and output of its own, keys and values are common (`JetMoeMoA`)."""
    hidden, count = keys.integer("hidden_size"), keys.integer(LOCAL)
    heads, dim = keys.integer("num_key_value_heads"), keys.integer("kv_channels")
    common = matrix(hidden, 2 * heads * dim) + hidden + matrix(hidden, count)
    experts = Experts(count, keys.integer("num_experts_per_tok"), 2 * hidden * heads * dim)
    return Mixer(common, (Full(heads, dim, dim),), experts)


def mimo_mixer(keys: Keys, place: Place) -> Mixer:
    """MiMo V2 Flash: values have a width of their own, and sliding layers twice the KV heads; published files give the
    sizes of sliding layers a name each."""
    near, heads, kv_heads = place.kind == SLIDING, keys.integer("num_attention_heads"), kv_heads_of(keys)
    dim, value_dim = head_dim_of(keys), keys.integer("v_head_dim")
    if near:
        heads = keys.integer("swa_num_attention_heads", heads, why="as num_attention_heads")
        kv_heads = keys.integer("swa_num_key_value_heads", 2 * kv_heads, why="twice num_key_value_heads")
        dim = keys.integer("swa_head_dim", dim, why="as head_dim")
        value_dim = keys.integer("swa_v_head_dim", value_dim, why="as v_head_dim")
    found = Grouped(out_bias=False, sinks=near).sized(keys, place, heads, kv_heads, dim, value_dim)
    if near and keys.given("sliding_window_size"):  # tokens before the newest, as published files count
        window = keys.integer("sliding_window_size") + 1
        return Mixer(found.parameters, (Sliding(kv_heads, dim, value_dim, window),), pair=found.pair)
    return found


def mimo_kinds(keys: Keys, layers: int) -> list[str]:
    """`hybrid_layer_pattern` of published files, 1 where a layer slides; else the first and every sixth are full."""
    if given := keys.list("hybrid_layer_pattern"):
        return [SLIDING if each else FULL for each in given]
    return [FULL if i == 0 or (i + 1) % 6 == 0 else SLIDING for i in range(layers)]


def mimo_sparse(keys: Keys, layers: int) -> list[bool]:
    """`moe_layer_freq` of published files, 0 where a layer is dense; else the first is."""
    if isinstance(keys.value("moe_layer_freq"), list):
        return ([bool(each) for each in keys.list("moe_layer_freq") or []] + [True] * layers)[:layers]
    return one_dense(keys, layers)


def laguna_mixer(keys: Keys, place: Place) -> Mixer:
    """Laguna: query heads differ by layer, KV heads do not; a gate for each head or each element."""
    by_layer = keys.list("num_attention_heads_per_layer")
    heads = keys.integer("num_attention_heads")
    if by_layer and place.index < len(by_layer):
        heads = by_layer[place.index]
    dim = head_dim_of(keys)
    each = keys.value("gating", "per-head") in ("per-head", "per_head", True)
    block = Grouped(norm="head", gate="head" if each else "element")
    return block.sized(keys, place, heads, kv_heads_of(keys), dim, dim)


def minimax_m3_mixer(keys: Keys, place: Place) -> Mixer:
    """MiniMax M3: sparse layers have an indexer with one key a token."""
    whole = Grouped(False, norm="head")(keys, place)
    if place.kind != "minimax_m3_sparse":
        return whole
    inner = keys.inside("sparse_attention_config") if keys.given("sparse_attention_config") else keys
    dim = inner.integer("sparse_index_dim") if inner.given("sparse_index_dim") else keys.integer("index_head_dim")
    old = inner.given("sparse_num_index_heads")
    heads = inner.integer("sparse_num_index_heads") if old else keys.integer("index_n_heads")
    hidden = keys.integer("hidden_size")
    own = matrix(hidden, heads * dim) + matrix(hidden, dim) + 2 * dim
    return Mixer(whole.parameters + own, (*whole.states, Indexer(dim)))


def dbrx_mixer(keys: Keys, place: Place) -> Mixer:
    """DBRX: KV heads stand in `attn_config`."""
    kv_heads = keys.inside("attn_config").integer("kv_n_heads")
    dim = head_dim_of(keys, "derived")
    return Grouped(False).sized(keys, place, keys.integer("num_attention_heads"), kv_heads, dim, dim)


def dbrx_mlp(keys: Keys, place: Place) -> Mlp:
    hidden, ffn = keys.integer("hidden_size"), keys.inside("ffn_config")
    count, each = ffn.integer("moe_num_experts"), gated_mlp(hidden, ffn.integer("ffn_hidden_size"))
    return Mlp(matrix(hidden, count), Experts(count, ffn.integer("moe_top_k"), each))


def oss_mlp(keys: Keys, place: Place) -> Mlp:
    """gpt-oss: every matrix has a bias, the router too."""
    hidden, inner, count = keys.integer("hidden_size"), keys.integer("intermediate_size"), keys.integer(LOCAL)
    each = gated_mlp(hidden, inner, True)
    return Mlp(matrix(hidden, count, True), Experts(count, keys.integer("num_experts_per_tok"), each))


def minimax_m3_dense(keys: Keys, place: Place) -> Mlp:
    layers = keys.integer("num_hidden_layers")
    freq = keys.list("moe_layer_freq") if not keys.given("mlp_layer_types") else None
    names = keys.list("mlp_layer_types", str) or [
        "sparse" if freq is None or i >= len(freq) or freq[i] else "dense" for i in range(layers)
    ]
    hidden = keys.integer("hidden_size")
    if place.index < len(names) and names[place.index] == "dense":
        return Mlp(gated_mlp(hidden, keys.integer("dense_intermediate_size")))
    count, each = keys.integer(LOCAL), gated_mlp(hidden, keys.integer("intermediate_size"))
    common = matrix(hidden, count) + gated_mlp(hidden, keys.integer("shared_intermediate_size"))
    return Mlp(common, Experts(count, keys.integer("num_experts_per_tok"), each))


def minimax_m3_kinds(keys: Keys, layers: int) -> list[str]:
    if not keys.given("sparse_attention_config"):
        return [FULL] * layers
    freq = keys.inside("sparse_attention_config").list("sparse_attention_freq") or [0] * layers
    return ["minimax_m3_sparse" if x else FULL for x in freq]


TYPES = {
    "dbrx": Architecture("DbrxAttention", dbrx_mixer, dbrx_mlp, Tokens(), windows),
    "ernie4_5_moe": Architecture(
        "Ernie4_5_MoeAttention", Grouped("use_bias"),
        Sparse("moe_num_experts", "moe_k", shared="moe_num_shared_experts", dense=Dense(bias="use_bias"), where=ernie,
               per_expert=1),
        Tokens(bias="use_bias"), windows,
    ),
    "gpt_oss": Architecture("GptOssAttention", Grouped(sinks=True), oss_mlp, Tokens(), every("", 2)),
    "jetmoe": Architecture("JetMoeAttention", jetmoe_mixer, jetmoe_mlp, Tokens(), windows),
    "laguna": Architecture(
        "LagunaAttention", laguna_mixer,
        Sparse(shared_size="shared_expert_intermediate_size", where=one_dense, per_expert=1), Tokens(), always(FULL),
    ),
    "llama4_text": Architecture(
        "Llama4TextAttention", Grouped(), llama4_mlp, Tokens(), llama4_kinds, folder="llama4"
    ),
    "mimo_v2_flash": Architecture(
        "MiMoV2FlashAttention", mimo_mixer, Sparse("n_routed_experts", where=mimo_sparse), Tokens(), mimo_kinds
    ),
    "minimax_m3_vl_text": Architecture(
        "MiniMaxM3VLAttention", minimax_m3_mixer, minimax_m3_dense, Tokens(), minimax_m3_kinds,
        folder="minimax_m3_vl", allowed=(FULL, "minimax_m3_sparse"),
    ),
    "hunyuan_v1_moe": Architecture(
        "HunYuanMoEV1Attention", Grouped(norm="head", head_dim="required"), hunyuan_mlp, Tokens(), windows
    ),
}  # fmt: skip
