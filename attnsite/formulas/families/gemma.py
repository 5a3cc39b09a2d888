"""Gemma 3n and Gemma 4: later layers read the keys and values of earlier ones, heads differ by kind of layer."""

from attnsite.formulas.architecture import Architecture, Place
from attnsite.formulas.blocks import gated_mlp, matrix
from attnsite.formulas.decoder import Ends, Experts, Mixer, Mlp
from attnsite.formulas.ends import Tokens
from attnsite.formulas.keys import Keys
from attnsite.formulas.layouts import Layout, Reused
from attnsite.formulas.mixers import head_dim_of, kv_heads_of, stored
from attnsite.formulas.patterns import FULL, SLIDING, by, every


def reuses(keys: Keys, place: Place) -> bool:
    """The last `num_kv_shared_layers` layers keep nothing (`kv_sharing_modes`)."""
    shared = keys.integer("num_kv_shared_layers", 0, least=0)
    return place.index >= keys.integer("num_hidden_layers") - shared > 0 or shared >= keys.integer("num_hidden_layers")


def attention(keys: Keys, place: Place, kv_heads: int, dim: int, one_matrix: bool) -> Mixer:
    """Queries and their norm everywhere; keys, values and the keys' norm where the layer keeps them. Where keys are
    values (`one_matrix`), one matrix makes both, and both are kept."""
    hidden, heads, bias = keys.integer("hidden_size"), keys.integer("num_attention_heads"), keys.flag("attention_bias")
    count = matrix(hidden, heads * dim, bias) + matrix(heads * dim, hidden, bias) + dim
    if reuses(keys, place):
        return Mixer(count, (Reused(),))
    count += matrix(hidden, kv_heads * dim, bias) * (1 if one_matrix else 2) + dim
    states: tuple[Layout, ...] = (stored(keys, place.kind, kv_heads, dim, dim),)
    return Mixer(count, states, pair=2 * heads * dim)


def gemma3n_mixer(keys: Keys, place: Place) -> Mixer:
    return attention(keys, place, kv_heads_of(keys), head_dim_of(keys), one_matrix=False)


def gemma3n_mlp(keys: Keys, place: Place) -> Mlp:
    """Its width may be a list, one for each layer."""
    if isinstance(keys.value("intermediate_size"), list):
        widths = keys.list("intermediate_size") or []
        if place.index >= len(widths):
            keys.log.fault(keys.place + "intermediate_size", "has fewer widths than layers", "give one for each")
            return Mlp()
        return Mlp(gated_mlp(keys.integer("hidden_size"), widths[place.index]))
    return Mlp(gated_mlp(keys.integer("hidden_size"), keys.integer("intermediate_size")))


def gemma3n_other(keys: Keys, place: Place) -> int:
    """Four norms, AltUp over `altup_num_inputs` copies, LAuReL of low rank, and the layer's own input."""
    hidden, copies = keys.integer("hidden_size"), keys.integer("altup_num_inputs")
    own, rank = keys.integer("hidden_size_per_layer_input"), keys.integer("laurel_rank")
    altup = hidden + copies**2 + copies**3 + matrix(hidden, copies) + hidden
    return 4 * hidden + altup + 2 * matrix(hidden, rank) + hidden + 2 * matrix(hidden, own) + hidden


def per_layer_input(keys: Keys, own: int) -> tuple[int, int]:
    """Rows of an embedding for every layer, and what projects the input beside it, with its norm."""
    wide = keys.integer("num_hidden_layers") * own
    rows = keys.integer("vocab_size_per_layer_input") * wide
    return rows, matrix(keys.integer("hidden_size"), wide) + own


def gemma3n_ends(keys: Keys) -> Ends:
    plain, hidden = Tokens()(keys), keys.integer("hidden_size")
    rows, other = per_layer_input(keys, keys.integer("hidden_size_per_layer_input"))
    copies = 2 * (keys.integer("altup_num_inputs") - 1) * matrix(hidden, hidden)
    return Ends(plain.rows + rows, plain.output, plain.other + other + copies)


def gemma4_heads(keys: Keys, place: Place) -> tuple[int, int]:
    """KV heads and head dimension of a layer: `per_layer_config` by index, else full layers have the global ones."""
    kv_heads, dim = kv_heads_of(keys), head_dim_of(keys)
    keys.find("num_global_key_value_heads")
    table = keys.value("per_layer_config")
    if isinstance(table, dict):
        name = next((key for key in table if str(key).isdecimal() and int(key) == place.index), None)
        if name is None:
            return kv_heads, dim
        inner = keys.inside("per_layer_config").inside(name)
        return inner.integer("num_key_value_heads", kv_heads), inner.integer("head_dim", dim)
    if place.kind == FULL:
        dim = keys.integer("global_head_dim", 512, why="512, the class's")
        if keys.flag("attention_k_eq_v") and keys.given("num_global_key_value_heads"):
            kv_heads = keys.integer("num_global_key_value_heads")
    return kv_heads, dim


def gemma4_mixer(keys: Keys, place: Place) -> Mixer:
    kv_heads, dim = gemma4_heads(keys, place)
    return attention(keys, place, kv_heads, dim, keys.flag("attention_k_eq_v") and place.kind != SLIDING)


def gemma4_mlp(keys: Keys, place: Place) -> Mlp:
    """A dense MLP, twice as wide where the layer shares keys and values if so set; experts beside it, with a router
    that has a scale for the input and one for each expert, and three more norms."""
    hidden, inner = keys.integer("hidden_size"), keys.integer("intermediate_size")
    double = keys.flag("use_double_wide_mlp") and reuses(keys, place)
    dense = gated_mlp(hidden, 2 * inner if double else inner)
    if not keys.flag("enable_moe_block"):
        return Mlp(dense)
    count, each = keys.integer("num_experts"), gated_mlp(hidden, keys.integer("moe_intermediate_size"))
    chosen = keys.integer("top_k_experts")
    return Mlp(dense + matrix(hidden, count) + hidden + count + 3 * hidden, Experts(count, chosen, each))


def gemma4_other(keys: Keys, place: Place) -> int:
    hidden, own = keys.integer("hidden_size"), keys.integer("hidden_size_per_layer_input", 0, least=0)
    return 4 * hidden + (2 * matrix(hidden, own) + hidden if own else 0)


def gemma4_ends(keys: Keys) -> Ends:
    plain, own = Tokens()(keys), keys.integer("hidden_size_per_layer_input", 0, least=0)
    if not own:
        return plain
    rows, other = per_layer_input(keys, own)
    return Ends(plain.rows + rows, plain.output, plain.other + other)


def gemma4_kind(keys: Keys, i: int, layers: int) -> str:
    return FULL if (i + 1) % 6 == 0 or i == layers - 1 else SLIDING


def last_full(kinds: list[str]) -> list[str]:
    """Gemma 4's class makes the last layer a full one, whatever a config names."""
    return [*kinds[:-1], FULL]


TYPES = {
    "gemma3n_text": Architecture(
        "Gemma3nTextAttention", gemma3n_mixer, gemma3n_mlp, gemma3n_ends, every("", 5), gemma3n_other, folder="gemma3n"
    ),
    "gemma4_text": Architecture(
        "Gemma4TextAttention", gemma4_mixer, gemma4_mlp, gemma4_ends, by(gemma4_kind), gemma4_other, folder="gemma4",
        adjust=last_full,
    ),
    "gemma4_unified_text": Architecture(
        "Gemma4UnifiedTextAttention", gemma4_mixer, gemma4_mlp, gemma4_ends, by(gemma4_kind), gemma4_other,
        folder="gemma4_unified", adjust=last_full,
    ),
}  # fmt: skip
