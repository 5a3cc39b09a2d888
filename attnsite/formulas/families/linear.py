"""Decoders that mix attention with linear attention: Gated DeltaNet, KDA, lightning attention, short convolutions."""

from attnsite.formulas.architecture import Architecture, Place
from attnsite.formulas.blocks import delta_net, gated_mlp, matrix
from attnsite.formulas.decoder import Mixer, Mlp
from attnsite.formulas.ends import Tokens
from attnsite.formulas.keys import Keys
from attnsite.formulas.layouts import State
from attnsite.formulas.mixers import Grouped, LatentAttention, head_dim_of
from attnsite.formulas.mlps import Dense, Sparse, all_sparse
from attnsite.formulas.patterns import CONV, FULL, LINEAR, SLIDING, by, every

MIXED = (FULL, LINEAR)


def gated(keys: Keys, place: Place, heads: int, kv_heads: int, dim: int) -> int:
    """Qwen3-Next: the queries' matrix makes a gate too."""
    return matrix(keys.integer("hidden_size"), heads * dim, keys.flag("attention_bias"))


GATED_ATTENTION = Grouped(norm="head", extra=gated)


def delta_state(key_heads: int, value_heads: int, key_dim: int, value_dim: int, kernel: int) -> State:
    """Last `kernel` inputs of q, k and v; a matrix key_dim × value_dim for each value head, in float32."""
    channels = 2 * key_heads * key_dim + value_heads * value_dim
    return State(channels * kernel, value_heads * key_dim * value_dim, "Gated DeltaNet", key_heads)


def gated_delta_net(keys: Keys, place: Place) -> Mixer:
    hidden, heads = keys.integer("hidden_size"), keys.integer("num_attention_heads")
    key_heads = keys.integer("linear_num_key_heads", heads, why="as num_attention_heads")
    value_heads = keys.integer("linear_num_value_heads", heads, why="as num_attention_heads")
    key_dim = keys.integer("linear_key_head_dim", 3 * hidden // (4 * key_heads), why="3/4 hidden_size / key heads")
    value_dim = keys.integer("linear_value_head_dim", 2 * key_dim, why="twice the keys'")
    kernel = keys.integer("linear_conv_kernel_dim")
    shape = (key_heads, value_heads, key_dim, value_dim, kernel)
    return Mixer(delta_net(hidden, *shape), (delta_state(*shape),))


def qwen_mixer(keys: Keys, place: Place) -> Mixer:
    return gated_delta_net(keys, place) if place.kind == LINEAR else GATED_ATTENTION(keys, place)


def olmo_mixer(keys: Keys, place: Place) -> Mixer:
    return gated_delta_net(keys, place) if place.kind == LINEAR else Grouped(norm="wide")(keys, place)


def olmo_kinds(keys: Keys, layers: int) -> list[str]:
    found = [FULL if i % 4 == 3 else LINEAR for i in range(layers)]
    return found if FULL in found else [*found[:-1], FULL]


def stepped(keys: Keys, layers: int) -> list[bool]:
    step, dense = keys.integer("decoder_sparse_step", 1), set(keys.list("mlp_only_layers") or ())
    return [i not in dense and (i + 1) % step == 0 for i in range(layers)]


def kda(keys: Keys, heads: int, dim: int, kernel: int, low_rank: bool) -> Mixer:
    """Kimi Delta Attention: q, k, v with one convolution, a decay and a gate for each element, β and A for each head.
    Decay and gate are of rank `dim` in Kimi Linear and full matrices in Bailing's."""
    hidden, wide = keys.integer("hidden_size"), heads * dim
    pair = matrix(hidden, dim) + matrix(dim, wide) if low_rank else matrix(hidden, wide)
    count = 3 * matrix(hidden, wide) + 3 * wide * kernel + 2 * pair + wide + heads + matrix(hidden, heads) + dim
    state = State(3 * wide * kernel, heads * dim * dim, "Kimi Delta Attention", heads)
    return Mixer(count + matrix(wide, hidden), (state,))


def kimi_mixer(keys: Keys, place: Place) -> Mixer:
    """Kimi Linear: `linear_attn_config` where it is there holds the linear layers' sizes."""
    if place.kind != LINEAR:
        return LatentAttention()(keys, place)
    inner = keys.inside("linear_attn_config") if keys.given("linear_attn_config") else keys
    pairs = (("num_heads", "linear_num_heads"), ("head_dim", "linear_head_dim"),
             ("short_conv_kernel_size", "linear_conv_kernel_dim"))  # fmt: skip
    heads, dim, kernel = (
        inner.integer(own) if inner is not keys and inner.given(own) else keys.integer(common) for own, common in pairs
    )
    return kda(keys, heads, dim, kernel, low_rank=True)


def kimi_kinds(keys: Keys, layers: int) -> list[str]:
    """Layers are numbered from 1 in `linear_attn_config`."""
    if keys.given("linear_attn_config"):
        inner = keys.inside("linear_attn_config")
        full, linear = inner.list("full_attn_layers"), inner.list("kda_layers")
        if full is not None and linear is not None:
            return [FULL if i + 1 in full else LINEAR for i in range(layers)]
    return [FULL if i and i % 4 == 0 else LINEAR for i in range(layers)]


def kimi_sparse(keys: Keys, layers: int) -> list[bool]:
    if names := keys.list("mlp_layer_types", str):
        return [name != "dense" for name in (names + ["sparse"] * layers)[:layers]]
    dense = keys.integer("first_k_dense_replace", 1, least=0)
    return [i >= dense for i in range(layers)]


def bailing_mixer(keys: Keys, place: Place) -> Mixer:
    """Bailing hybrid: the linear layers' heads are the attention's, as wide as `head_dim`."""
    if place.kind != LINEAR:
        return LatentAttention(gate="head")(keys, place)
    heads, dim = keys.integer("num_attention_heads"), keys.integer("head_dim")
    return kda(keys, heads, dim, keys.integer("short_conv_kernel_size"), low_rank=False)


def minimax_mixer(keys: Keys, place: Place) -> Mixer:
    """MiniMax: lightning attention keeps a matrix for each head, in the model's dtype."""
    if place.kind != LINEAR:
        return Grouped(False)(keys, place)
    hidden, heads, dim = keys.integer("hidden_size"), keys.integer("num_attention_heads"), head_dim_of(keys)
    count = matrix(hidden, 3 * heads * dim) + heads * dim + 2 * matrix(hidden, heads * dim)
    return Mixer(count, (State(0, heads * dim * dim, "lightning attention", heads, recurrent_in_model=True),))


def short_convolution(keys: Keys) -> Mixer:
    """LFM2: three gates in, a convolution of `conv_L_cache` taps for each channel, out. No recurrent state."""
    hidden, taps, bias = keys.integer("hidden_size"), keys.integer("conv_L_cache"), keys.flag("conv_bias")
    count = matrix(hidden, 3 * hidden, bias) + hidden * taps + (hidden if bias else 0) + matrix(hidden, hidden, bias)
    return Mixer(count, (State(hidden * taps, 0, "short convolution", hidden),))


def lfm2_mixer(keys: Keys, place: Place) -> Mixer:
    return short_convolution(keys) if place.kind == CONV else Grouped(False, norm="head")(keys, place)


def lfm3_mixer(keys: Keys, place: Place) -> Mixer:
    if place.kind == CONV:
        return short_convolution(keys)
    return Grouped(norm="head", gate="head" if keys.flag("use_attention_gate") else "")(keys, place)


def lfm3_norms(keys: Keys, place: Place) -> int:
    """Before and after each half, or before alone."""
    return (4 if keys.flag("use_sandwich_norm") else 2) * keys.integer("hidden_size")


def lfm2_inner(keys: Keys) -> int:
    """LFM2's MLP: two thirds of the given width, times a factor, rounded up to a multiple; `block_ff_dim` is the width
    in older files."""
    inner = keys.integer("block_ff_dim") if keys.given("block_ff_dim") else keys.integer("intermediate_size")
    if not keys.flag("block_auto_adjust_ff_dim"):
        return inner
    inner = int(2 * inner / 3)
    if keys.given("block_ffn_dim_multiplier"):
        inner = int(keys.number("block_ffn_dim_multiplier", 1.0) * inner)
    step = keys.integer("block_multiple_of", 256)
    return -(-inner // step) * step


def lfm2_mlp(keys: Keys, place: Place) -> Mlp:
    return Mlp(gated_mlp(keys.integer("hidden_size"), lfm2_inner(keys)))


def lfm2_kinds(keys: Keys, layers: int) -> list[str]:
    full = keys.list("full_attn_idxs")
    return [FULL if full is None or i in full else CONV for i in range(layers)]


def lfm2_moe_kinds(keys: Keys, layers: int) -> list[str]:
    keys.log.fault(keys.place + "layer_types", "is missing, and its class has no rule", "add it to the config")
    return [FULL] * layers


def dense_first(keys: Keys, layers: int) -> list[bool]:
    dense = keys.integer("num_dense_layers", 0, least=0)
    return [i >= dense for i in range(layers)]


KIMI = Sparse("num_experts", "num_experts_per_tok", shared="n_shared_experts", where=kimi_sparse)
QWEN = Sparse(shared_size="shared_expert_intermediate_size", shared_gate=True, where=stepped)
INTERVAL = every("full_attention_interval", 4, LINEAR, FULL)

TYPES = {
    "qwen3_next": Architecture("Qwen3NextGatedDeltaNet", qwen_mixer, QWEN, Tokens(), INTERVAL, allowed=MIXED),
    "qwen3_5_text": Architecture(
        "Qwen3_5GatedDeltaNet", qwen_mixer, Dense(), Tokens(), INTERVAL, folder="qwen3_5", allowed=MIXED
    ),
    "qwen3_5_moe_text": Architecture(
        "Qwen3_5MoeGatedDeltaNet", qwen_mixer,
        Sparse(shared_size="shared_expert_intermediate_size", shared_gate=True, where=all_sparse), Tokens(), INTERVAL,
        folder="qwen3_5_moe", allowed=MIXED,
    ),
    "olmo_hybrid": Architecture(
        "OlmoHybridGatedDeltaNet", olmo_mixer, Dense(), Tokens(), olmo_kinds, allowed=MIXED
    ),
    "kimi_linear": Architecture(
        "KimiLinearDeltaAttention", kimi_mixer, KIMI, Tokens(ties=False), kimi_kinds, allowed=MIXED
    ),
    "bailing_hybrid": Architecture(
        "BailingHybridDeltaAttention", bailing_mixer, KIMI, Tokens(ties=False),
        every("layer_group_size", 6, LINEAR, FULL),
        allowed=MIXED,
    ),
    "minimax": Architecture(
        "MiniMaxLightningAttention", minimax_mixer, Sparse("num_local_experts", size="intermediate_size",
        where=all_sparse), Tokens(), by(lambda keys, i, layers: LINEAR if i % 2 else FULL), allowed=MIXED,
    ),
    "lfm2": Architecture("Lfm2ShortConv", lfm2_mixer, lfm2_mlp, Tokens(), lfm2_kinds, allowed=(FULL, CONV)),
    "lfm2_moe": Architecture(
        "Lfm2MoeShortConv", lfm2_mixer, Sparse(where=dense_first), Tokens(), lfm2_moe_kinds, allowed=(FULL, CONV)
    ),
    "lfm3": Architecture(
        "Lfm3ShortConv", lfm3_mixer, Dense(), Tokens(),
        by(lambda keys, i, layers: FULL if i % 4 == 2 else SLIDING if i and i % 4 == 0 else CONV), norms=lfm3_norms,
        allowed=(FULL, SLIDING, CONV),
    ),
}  # fmt: skip
