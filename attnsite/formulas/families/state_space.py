"""Decoders with state-space layers, alone or between attention: Mamba, Mamba-2, RG-LRU, RWKV, mLSTM."""

from attnsite.formulas.architecture import Architecture, Place
from attnsite.formulas.blocks import mamba_1, mamba_2, matrix, plain_mlp
from attnsite.formulas.decoder import Experts, Mixer, Mlp
from attnsite.formulas.ends import Tokens
from attnsite.formulas.families.experts import granite_mlp
from attnsite.formulas.keys import Keys
from attnsite.formulas.layouts import State
from attnsite.formulas.mixers import Grouped
from attnsite.formulas.mlps import Dense, Sparse
from attnsite.formulas.patterns import FULL, HYBRID, LINEAR, always

MIXED = (FULL, LINEAR)


LETTERS = {"M": LINEAR, "*": FULL, "E": "moe", "-": "mlp"}  # `_pattern_to_list`, configuration_nemotron_h.py


def no_mlp(keys: Keys, place: Place) -> Mlp:
    return Mlp()


def mamba_1_mixer(
    keys: Keys, inner: int, state: str, kernel: str, rank: str, bias: str, conv_bias: str, norms: bool = False
) -> Mixer:
    """Mamba: the last `kernel` inputs of each channel, and `state` numbers of each, in float32. Jamba has norms over Δ,
    B and C."""
    hidden, n, taps = keys.integer("hidden_size"), keys.integer(state), keys.integer(kernel)
    given, usual = keys.value(rank), -(-hidden // 16)
    r = usual if given in (None, "auto") else keys.integer(rank)
    count = mamba_1(hidden, inner, n, taps, r, keys.flag(bias), keys.flag(conv_bias)) + (r + 2 * n if norms else 0)
    return Mixer(count, (State(inner * taps, inner * n, "Mamba", inner),))


def mamba_2_mixer(
    keys: Keys, inner: int, heads: int, head_dim: int, groups: int, state: int, taps: int, bias: bool, conv_bias: bool,
    norm: bool = True, out_bias: bool | None = None,
) -> Mixer:  # fmt: skip
    """Mamba-2: the last `taps` inputs of x, B and C; a matrix head_dim × state for each head, in float32. B and C are
    common to a group of heads, so ranks can share out whole groups alone."""
    hidden = keys.integer("hidden_size")
    count = mamba_2(hidden, inner, heads, groups, state, taps, bias, conv_bias, norm)
    if out_bias is not None and out_bias != bias:
        count += hidden if out_bias else -hidden
    channels = inner + 2 * groups * state
    return Mixer(count, (State(channels * taps, heads * head_dim * state, "Mamba-2", groups),))


def mamba(keys: Keys, place: Place) -> Mixer:
    inner = int(keys.number("expand") * keys.integer("hidden_size"))
    return mamba_1_mixer(keys, inner, "state_size", "conv_kernel", "time_step_rank", "use_bias", "use_conv_bias")


def mamba2(keys: Keys, place: Place) -> Mixer:
    return mamba_2_mixer(
        keys, int(keys.number("expand") * keys.integer("hidden_size")), keys.integer("num_heads"),
        keys.integer("head_dim"), keys.integer("n_groups"), keys.integer("state_size"), keys.integer("conv_kernel"),
        keys.flag("use_bias"), keys.flag("use_conv_bias"),
    )  # fmt: skip


def inner_of(keys: Keys) -> int:
    return int(keys.number("mamba_expand") * keys.integer("hidden_size"))


def own_head_dim(keys: Keys, inner: int) -> int:
    """`mamba_d_head`: "auto" shares the inner width out to the heads."""
    heads = keys.integer("mamba_n_heads")
    return inner // heads if keys.value("mamba_d_head", "auto") == "auto" else keys.integer("mamba_d_head")


def bamba_state_space(keys: Keys, inner: int, norm: bool = True, out_bias: bool | None = None) -> Mixer:
    return mamba_2_mixer(
        keys, inner, keys.integer("mamba_n_heads"), own_head_dim(keys, inner), keys.integer("mamba_n_groups"),
        keys.integer("mamba_d_state"), keys.integer("mamba_d_conv"), keys.flag("mamba_proj_bias"),
        keys.flag("mamba_conv_bias"), norm, out_bias,
    )  # fmt: skip


def bamba_mixer(keys: Keys, place: Place) -> Mixer:
    return bamba_state_space(keys, inner_of(keys)) if place.kind == LINEAR else Grouped()(keys, place)


def bamba_kinds(keys: Keys, layers: int) -> list[str]:
    full = keys.list("attn_layer_indices") or []
    return [FULL if i in full else LINEAR for i in range(layers)]


def falcon_h1_mixer(keys: Keys, place: Place) -> Mixer:
    """Falcon H1: every layer has attention and Mamba-2 side by side, and keeps the states of both."""
    inner = keys.integer("mamba_d_ssm", inner_of(keys), why="mamba_expand × hidden_size")
    attention = Grouped()(keys, place)
    space = bamba_state_space(keys, inner, keys.flag("mamba_rms_norm"), keys.flag("projectors_bias"))
    return Mixer(attention.parameters + space.parameters, attention.states + space.states, pair=attention.pair)


def jamba_mixer(keys: Keys, place: Place) -> Mixer:
    if place.kind == FULL:
        return Grouped(False)(keys, place)
    inner, names = inner_of(keys), ("mamba_d_state", "mamba_d_conv", "mamba_dt_rank")
    return mamba_1_mixer(keys, inner, *names, "mamba_proj_bias", "mamba_conv_bias", True)


def jamba_kinds(keys: Keys, layers: int) -> list[str]:
    step, offset = keys.integer("attn_layer_period"), keys.integer("attn_layer_offset", least=0)
    return [FULL if i % step == offset else LINEAR for i in range(layers)]


def jamba_sparse(keys: Keys, layers: int) -> list[bool]:
    step, offset = keys.integer("expert_layer_period"), keys.integer("expert_layer_offset", least=0)
    return [i % step == offset and keys.integer("num_experts") > 1 for i in range(layers)]


def nemotron_kinds(keys: Keys, layers: int) -> list[str]:
    """Nemotron-H: `layers_block_type`, else a letter for each layer."""
    pattern = keys.value("hybrid_override_pattern")
    if pattern is None:
        return [LINEAR, "moe", FULL, "mlp"]
    return [LETTERS.get(letter, f"the letter {letter!r}") for letter in str(pattern)]


def nemotron_layers(keys: Keys) -> int:
    """Its kinds say how many layers there are; `num_hidden_layers` and two keys more of older files are not read."""
    count = len(keys.list("layer_types", str) or nemotron_kinds(keys, 0))
    for unread in ("attention_head_dim", "time_step_rank"):
        keys.find(unread)
    given, _ = keys.find("num_hidden_layers")
    if isinstance(given, int) and given != count:
        keys.log.note(f"num_hidden_layers {given} is not read: its pattern names {count} layers")
    return count


def nemotron_mixer(keys: Keys, place: Place) -> Mixer:
    """Each layer is one thing: Mamba-2, attention, experts or an MLP."""
    if place.kind == FULL:
        return Grouped(False)(keys, place)
    if place.kind != LINEAR:
        return Mixer(0)
    heads, dim = keys.integer("mamba_num_heads"), keys.integer("mamba_head_dim")
    groups = keys.integer("mamba_n_groups" if keys.given("mamba_n_groups") else "n_groups")
    taps = keys.integer("mamba_d_conv" if keys.given("mamba_d_conv") else "conv_kernel")
    conv_bias = keys.flag("mamba_conv_bias" if keys.given("mamba_conv_bias") else "use_conv_bias")
    return mamba_2_mixer(
        keys, heads * dim, heads, dim, groups, keys.integer("ssm_state_size"), taps, keys.flag("use_bias"), conv_bias
    )


def nemotron_mlp(keys: Keys, place: Place) -> Mlp:
    """Two matrices an expert, which may work on a latent that all experts of a layer share."""
    hidden, bias = keys.integer("hidden_size"), keys.flag("mlp_bias")
    if place.kind == "mlp":
        return Mlp(plain_mlp(hidden, keys.integer("intermediate_size"), bias))
    if place.kind != "moe":
        return Mlp()
    count, inner = keys.integer("n_routed_experts"), keys.integer("moe_intermediate_size")
    width = keys.integer("moe_latent_size", hidden, why="hidden_size")
    common = matrix(hidden, count) + plain_mlp(hidden, keys.integer("moe_shared_expert_intermediate_size"), bias)
    if keys.given("moe_latent_size"):
        common += matrix(hidden, width, bias) + matrix(width, hidden, bias)
    return Mlp(common, Experts(count, keys.integer("num_experts_per_tok"), plain_mlp(width, inner)))


JAMBA_MLP = Sparse("num_experts", size="intermediate_size", where=jamba_sparse)


TYPES = {
    "mamba": Architecture("MambaMixer", mamba, no_mlp, Tokens(), always(LINEAR), 1, allowed=(LINEAR,)),
    "falcon_mamba": Architecture("FalconMambaMixer", mamba, no_mlp, Tokens(), always(LINEAR), 1, allowed=(LINEAR,)),
    "mamba2": Architecture("Mamba2Mixer", mamba2, no_mlp, Tokens(), always(LINEAR), 1, allowed=(LINEAR,)),
    "bamba": Architecture("BambaMixer", bamba_mixer, Dense(bias="mlp_bias"), Tokens(), bamba_kinds, allowed=MIXED),
    "granitemoehybrid": Architecture(
        "GraniteMoeHybridMambaLayer", bamba_mixer, granite_mlp, Tokens(), always(LINEAR), allowed=MIXED
    ),
    "falcon_h1": Architecture(
        "FalconH1Mixer", falcon_h1_mixer, Dense(bias="mlp_bias"), Tokens(), always(HYBRID), allowed=(HYBRID,)
    ),
    "jamba": Architecture("JambaMambaMixer", jamba_mixer, JAMBA_MLP, Tokens(), jamba_kinds, allowed=MIXED),
    "nemotron_h": Architecture(
        "NemotronHMamba2Mixer", nemotron_mixer, nemotron_mlp, Tokens(ties=False), nemotron_kinds, 1,
        allowed=(*MIXED, "moe", "mlp"), layers=nemotron_layers,
    ),
}  # fmt: skip
