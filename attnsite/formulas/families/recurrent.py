"""Decoders with recurrent layers that are no Mamba: RG-LRU, RWKV, mLSTM."""

from attnsite.formulas.architecture import Architecture, Place
from attnsite.formulas.blocks import gated_mlp, matrix, plain_mlp
from attnsite.formulas.decoder import Mixer, Mlp
from attnsite.formulas.ends import Tokens
from attnsite.formulas.keys import Keys
from attnsite.formulas.layouts import State
from attnsite.formulas.mixers import Grouped, head_dim_of, kv_heads_of
from attnsite.formulas.patterns import LINEAR, SLIDING, always


def griffin_mixer(keys: Keys, place: Place) -> Mixer:
    """RecurrentGemma: RG-LRU keeps K − 1 inputs and one float32 number a channel; both lie in the module, not in the
    cache object. Attention layers slide over `attention_window_size`."""
    hidden, heads = keys.integer("hidden_size"), keys.integer("num_attention_heads")
    if place.kind == SLIDING:
        block, dim = Grouped(out_bias=True), head_dim_of(keys, "derived")
        return block.sized(keys, place, heads, kv_heads_of(keys), dim, dim)
    width, taps = keys.integer("lru_width", hidden, why="hidden_size"), keys.integer("conv1d_width")
    block_width = width // heads
    gates = 2 * (heads * block_width**2 + width) + width
    count = 2 * matrix(hidden, width, True) + matrix(width, hidden, True) + width * taps + width + gates
    return Mixer(count, (State(width * (taps - 1), width, "RG-LRU", heads),))


def griffin_kinds(keys: Keys, layers: int) -> list[str]:
    types = keys.list("block_types", str) or ["recurrent", "recurrent", "attention"]
    return [LINEAR if types[i % len(types)] == "recurrent" else SLIDING for i in range(layers)]


def griffin_mlp(keys: Keys, place: Place) -> Mlp:
    return Mlp(gated_mlp(keys.integer("hidden_size"), keys.integer("intermediate_size") // 2, True))


def rwkv_mixer(keys: Keys, place: Place) -> Mixer:
    """RWKV-4: two token shifts in the model's dtype, and numerator, denominator and maximum in float32."""
    hidden = keys.integer("hidden_size")
    wide = keys.integer("attention_hidden_size", hidden, why="hidden_size")
    count = 3 * matrix(hidden, wide) + matrix(wide, hidden) + 2 * wide + 3 * hidden
    return Mixer(count, (State(2 * hidden, 3 * wide, "RWKV"),))


def rwkv_mlp(keys: Keys, place: Place) -> Mlp:
    hidden = keys.integer("hidden_size")
    inner = keys.integer("intermediate_size", 4 * hidden, why="4 × hidden_size")
    return Mlp(plain_mlp(hidden, inner) + matrix(hidden, hidden) + 2 * hidden)


def rwkv_norms(keys: Keys, place: Place) -> int:
    return keys.integer("hidden_size") * (6 if place.index == 0 else 4)


def rounded(value: float, step: int) -> int:
    """xLSTM rounds widths up to a multiple."""
    return int((value + step - 1) // step * step)


def xlstm_widths(keys: Keys) -> tuple[int, int]:
    hidden = keys.integer("hidden_size")
    return rounded(hidden * keys.number("qk_dim_factor"), 64), rounded(hidden * keys.number("v_dim_factor"), 64)


def xlstm_mixer(keys: Keys, place: Place) -> Mixer:
    """mLSTM: for each head a matrix qk × v, a vector qk and a maximum, in the model's dtype; and once a counter."""
    hidden, heads, bias = keys.integer("hidden_size"), keys.integer("num_heads"), keys.flag("use_bias")
    qk, v = xlstm_widths(keys)
    count = 2 * matrix(hidden, qk, bias) + 2 * matrix(hidden, v, bias) + 2 * matrix(hidden, heads, True)
    kept = heads * ((qk // heads) * (v // heads) + qk // heads + 1)
    count += v + (v if bias else 0) + matrix(v, hidden, bias)
    return Mixer(count, (State(0, kept, "mLSTM", heads, recurrent_in_model=True),))


def xlstm_mlp(keys: Keys, place: Place) -> Mlp:
    hidden = keys.integer("hidden_size")
    step = keys.integer("ffn_round_up_to_multiple_of")
    return Mlp(gated_mlp(hidden, rounded(hidden * keys.number("ffn_proj_factor"), step), keys.flag("use_bias")))


def xlstm_layers(keys: Keys) -> int:
    hidden = keys.integer("hidden_size")
    if keys.integer("embedding_dim", hidden, why="as hidden_size") != hidden:
        keys.log.fault(keys.place + "embedding_dim", "is not hidden_size, which is not modelled", "take it out")
    return keys.integer("num_blocks" if keys.given("num_blocks") else "num_hidden_layers")


def xlstm_norms(keys: Keys, place: Place) -> int:
    return (4 if keys.flag("use_bias") else 2) * keys.integer("hidden_size")


TYPES = {
    "recurrent_gemma": Architecture(
        "RecurrentGemmaRglru", griffin_mixer, griffin_mlp, Tokens(), griffin_kinds, allowed=(LINEAR, SLIDING)
    ),
    "rwkv": Architecture(
        "RwkvSelfAttention", rwkv_mixer, rwkv_mlp, Tokens(norms=2), always(LINEAR), rwkv_norms, allowed=(LINEAR,)
    ),
    "xlstm": Architecture(
        "xLSTMCache", xlstm_mixer, xlstm_mlp, Tokens(ties=False), always(LINEAR), xlstm_norms, allowed=(LINEAR,),
        layers=xlstm_layers,
    ),
}  # fmt: skip
