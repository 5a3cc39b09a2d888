"""Decoders with grouped-query attention and routed experts."""

from attnsite.formulas.architecture import Architecture, Place
from attnsite.formulas.blocks import gated_mlp, matrix
from attnsite.formulas.decoder import Experts, Mlp
from attnsite.formulas.ends import Tokens
from attnsite.formulas.keys import Keys
from attnsite.formulas.mixers import Grouped
from attnsite.formulas.mlps import Dense, Sparse, all_sparse
from attnsite.formulas.patterns import (
    FULL,
    SLIDING,
    always,
    by,
    every,
    first_of,
    used_window,
    windows,
)

LOCAL = "num_local_experts"


def stepped(keys: Keys, layers: int) -> list[bool]:
    """Qwen's rule: every `decoder_sparse_step`-th layer, but none of `mlp_only_layers`."""
    step, dense = keys.integer("decoder_sparse_step", 1), set(keys.list("mlp_only_layers") or ())
    return [i not in dense and (i + 1) % step == 0 for i in range(layers)]


def first_two_dense(keys: Keys, layers: int) -> list[bool]:
    """Flint: as Qwen's, where `mlp_only_layers` is absent the first two are dense."""
    step, dense = keys.integer("decoder_sparse_step", 1), keys.list("mlp_only_layers")
    return [i not in ({0, 1} if dense is None else dense) and (i + 1) % step == 0 for i in range(layers)]


def dense_first(keys: Keys, layers: int) -> list[bool]:
    dense = keys.integer("num_dense_layers", 0, least=0)
    return [i >= dense for i in range(layers)]


def one_dense(keys: Keys, layers: int) -> list[bool]:
    """`mlp_layer_types`, else the first layer is dense."""
    names = keys.list("mlp_layer_types", str)
    return [name != "dense" for name in (names or ["dense"]) + ["sparse"] * layers][:layers]


def cohere_kinds(keys: Keys, layers: int) -> list[str]:
    """Cohere 2 MoE: the dense first layers and the rest each by a step of their own."""
    dense = min(keys.integer("first_k_dense_replace", 0, least=0), layers)
    first, rest = keys.integer("prefix_dense_sliding_window_pattern", 1), keys.integer("sliding_window_pattern", 4)
    return [SLIDING if (i + 1) % first else FULL for i in range(dense)] + [
        SLIDING if (i + 1) % rest else FULL for i in range(layers - dense)
    ]


def qwen2_moe_kinds(keys: Keys, layers: int) -> list[str]:
    """Qwen2 MoE: even layers below `max_window_layers` slide, which is not Qwen2's rule."""
    last = keys.integer("max_window_layers", layers, least=0)
    used = used_window(keys)
    return [SLIDING if used and i % 2 == 0 and i < last else FULL for i in range(layers)]


def qwen3_moe_kinds(keys: Keys, layers: int) -> list[str]:
    """Qwen3 MoE names no kinds: where its window is used, every layer's cache slides, whatever `max_window_layers`."""
    keys.find("max_window_layers")
    return [SLIDING if used_window(keys) else FULL] * layers


def dots_kinds(keys: Keys, layers: int) -> list[str]:
    first = keys.integer("max_window_layers", layers, least=0)
    return [SLIDING if keys.given("sliding_window") and i >= first else FULL for i in range(layers)]


def flint_kind(keys: Keys, i: int, layers: int) -> str:
    return FULL if i < 2 or i % 4 == 1 or i == layers - 1 else SLIDING


def granite_mlp(keys: Keys, place: Place) -> Mlp:
    """Granite MoE: experts, where there are any, and a shared MLP, where its width is not 0."""
    hidden, count = keys.integer("hidden_size"), keys.integer(LOCAL, 0, least=0)
    inner = keys.integer("shared_intermediate_size", 0, least=0, why="none")
    common = gated_mlp(hidden, inner) if inner else 0
    if not count:
        return Mlp(common)
    each = gated_mlp(hidden, keys.integer("intermediate_size"))
    return Mlp(common + matrix(hidden, count), Experts(count, keys.integer("num_experts_per_tok"), each))


MIXTRAL = Sparse(LOCAL, size="intermediate_size", where=all_sparse)


DEEPSEEK = Sparse("n_routed_experts", shared="n_shared_experts")


QWEN = Sparse(shared_size="shared_expert_intermediate_size", shared_gate=True, where=stepped)


TYPES = {
    "mixtral": Architecture("MixtralAttention", Grouped(False), MIXTRAL, Tokens(), windows),
    "phimoe": Architecture(
        "PhimoeAttention", Grouped(), MIXTRAL, Tokens(norms=2, bias="lm_head_bias"), windows, norms=4
    ),
    "minimax_m2": Architecture("MiniMaxM2Attention", Grouped(False, norm="wide"), MIXTRAL, Tokens(), windows),
    "olmoe": Architecture(
        "OlmoeAttention", Grouped(norm="wide"), Sparse(size="intermediate_size", where=all_sparse), Tokens(), windows
    ),
    "flex_olmo": Architecture(
        "FlexOlmoAttention", Grouped(norm="wide"), Sparse(size="intermediate_size", where=all_sparse), Tokens(), windows
    ),
    "qwen2_moe": Architecture("Qwen2MoeAttention", Grouped("qkv_bias", False), QWEN, Tokens(), qwen2_moe_kinds),
    "qwen3_moe": Architecture(
        "Qwen3MoeAttention", Grouped(norm="head"), Sparse(LOCAL, where=stepped), Tokens(), qwen3_moe_kinds
    ),
    "mellum": Architecture(
        "MellumAttention", Grouped(norm="head"), Sparse(LOCAL), Tokens(), always(FULL)
    ),
    "flint": Architecture(
        "FlintAttention", Grouped(norm="head", sinks=True),
        Sparse(shared_size="shared_expert_intermediate_size", where=first_two_dense), Tokens(), by(flint_kind),
    ),
    "afmoe": Architecture(
        "AfmoeAttention", Grouped(norm="head", gate="element"),
        Sparse(shared="num_shared_experts", where=dense_first, per_expert=1), Tokens(),
        every("global_attn_every_n_layers", 4), norms=4,
    ),
    "cohere2_moe": Architecture(
        "Cohere2MoeAttention", Grouped(), Sparse(size="intermediate_size", shared="num_shared_experts",
        dense=Dense(size="prefix_dense_intermediate_size")), Tokens(), cohere_kinds, norms=1,
    ),
    "dots1": Architecture("Dots1Attention", Grouped(norm="head"), DEEPSEEK, Tokens(), dots_kinds),
    "exaone_moe": Architecture(
        "ExaoneMoeAttention", Grouped(False, norm="head"), Sparse(shared="num_shared_experts"), Tokens(),
        every("sliding_window_pattern", 4),
    ),
    "glm4_moe": Architecture(
        "Glm4MoeAttention",
        Grouped(out_bias=False, extra=lambda keys, place, heads, kv, dim: 2 * dim if keys.flag("use_qk_norm") else 0),
        DEEPSEEK, Tokens(), windows,
    ),
    "sarvam_moe": Architecture(
        "Glm4MoeAttention",
        Grouped(out_bias=False, extra=lambda keys, place, heads, kv, dim: 2 * dim if keys.flag("use_qk_norm") else 0),
        DEEPSEEK, Tokens(), windows, folder="glm4_moe",
    ),
    "solar_open": Architecture(
        "SolarOpenAttention", Grouped(out_bias=False), Sparse("n_routed_experts", shared="n_shared_experts",
        where=all_sparse), Tokens(), windows,
    ),
    "granitemoe": Architecture("GraniteMoeAttention", Grouped(), granite_mlp, Tokens(), windows),
    "granitemoeshared": Architecture("GraniteMoeSharedAttention", Grouped(), granite_mlp, Tokens(), windows),
    "granitemoe_swa": Architecture(
        "GraniteMoeSWAAttention", Grouped(sinks=True), granite_mlp, Tokens(), first_of(4)
    ),
    "hy_v3": Architecture(
        "HYV3Attention", Grouped(norm="head"),
        Sparse(shared="num_shared_experts", dense=Dense(bias="mlp_bias"), where=one_dense), Tokens(), windows,
    ),
    "kolibri1": Architecture(
        "Kolibri1Attention", Grouped(False, norm="head"), Sparse(LOCAL,
        shared_size="shared_expert_intermediate_size", where=all_sparse), Tokens(), every("", 5), norms=4,
    ),
}  # fmt: skip
