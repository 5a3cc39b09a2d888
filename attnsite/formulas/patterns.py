"""Which kind each layer is: `layer_types` where the config has it, else the rule of the architecture's config class.

`get_layer_types_and_kwargs` (transformers, `cache_utils.py`) has the rule of all that name no kinds: a `sliding_window`
that is not null slides every layer, else an `attention_chunk_size` cuts every layer into chunks.
"""

from collections.abc import Callable

from attnsite.formulas.keys import Keys

FULL, SLIDING, CHUNKED = "full_attention", "sliding_attention", "chunked_attention"
LINEAR, CONV, HYBRID, INDEXED = "linear_attention", "conv", "hybrid", "indexed_attention"
RENAMED = {  # `_LEGACY_LAYER_TYPE_REMAP`, configuration_utils.py
    "mamba": LINEAR,
    "attention": FULL,
    "deepseek_sparse_attention": INDEXED,
    "recurrent": LINEAR,
}
WITHOUT_STATE = ("moe", "mlp")
CACHED = (FULL, SLIDING, CHUNKED, LINEAR, CONV, HYBRID, INDEXED, "compressed_sparse_attention",
          "heavily_compressed_attention", "minimax_m3_sparse", "cross_attention")  # fmt: skip
Pattern = Callable[[Keys, int], list[str]]


def kinds(keys: Keys, layers: int, pattern: Pattern, allowed: tuple[str, ...]) -> list[str]:
    """The kind of each layer; a name that the architecture does not know is a fault."""
    found = [RENAMED.get(kind, kind) for kind in keys.list("layer_types", str) or pattern(keys, layers)]
    for kind in dict.fromkeys(found):
        if kind not in allowed:
            what = f"names {kind!r}, which is no kind of layer of this model_type"
            keys.log.fault(keys.place + "layer_types", what, f"it knows {', '.join(allowed)}")
    if len(found) < layers:
        what = f"names {len(found)} kinds for {layers} layers"
        keys.log.fault(keys.place + "layer_types", what, "give one for each layer")
    return (found + [FULL] * layers)[:layers]


def windows(keys: Keys, layers: int) -> list[str]:
    """The rule of all that have no other."""
    if keys.given("sliding_window"):
        return [SLIDING] * layers
    return [CHUNKED if keys.given("attention_chunk_size") else FULL] * layers


def every(key: str, fallback: int, near: str = SLIDING, far: str = FULL) -> Pattern:
    """Layer i is `far` where i + 1 is a multiple of the key's value; without a key, of `fallback`."""

    def pattern(keys: Keys, layers: int) -> list[str]:
        step = keys.integer(key, fallback) if key else fallback
        return [near if (i + 1) % step else far for i in range(layers)]

    return pattern


def first_of(step: int, key: str = "") -> Pattern:
    """The first of every `step` layers is full, the others slide."""

    def pattern(keys: Keys, layers: int) -> list[str]:
        count = keys.integer(key, step) if key else step
        return [SLIDING if i % count else FULL for i in range(layers)]

    return pattern


def always(kind: str) -> Pattern:
    return lambda keys, layers: [kind] * layers


def by(rule: Callable[[Keys, int, int], str]) -> Pattern:
    """A rule for each index and the number of layers."""
    return lambda keys, layers: [rule(keys, i, layers) for i in range(layers)]


def used_window(keys: Keys) -> bool:
    """Qwen's rule: `use_sliding_window` says whether there is one."""
    return keys.flag("use_sliding_window") and keys.given("sliding_window")


def last_layers(keys: Keys, layers: int) -> list[str]:
    """Qwen2, Qwen3: from `max_window_layers` on, layers slide."""
    if not used_window(keys):
        return [FULL] * layers
    first = keys.integer("max_window_layers", 0, least=0)
    return [SLIDING if i >= first else FULL for i in range(layers)]


def no_positions(keys: Keys, layers: int) -> list[int]:
    """`no_rope_layers`: 1 where a layer rotates, 0 where it has no positions."""
    step = keys.integer("no_rope_layer_interval", 4)
    found = keys.list("no_rope_layers") or [int((i + 1) % step != 0) for i in range(layers)]
    return (found + [1] * layers)[:layers]


def sparse_layers(keys: Keys, layers: int) -> list[bool]:
    """Which layers have routed experts: `mlp_layer_types`, else all from `first_k_dense_replace` on."""
    names = keys.list("mlp_layer_types", str)
    if names is not None:
        return [name != "dense" for name in (names + ["sparse"] * layers)[:layers]]
    dense = keys.integer("first_k_dense_replace", 0, least=0)
    step = keys.integer("moe_layer_freq", 1) if isinstance(keys.value("moe_layer_freq"), int) else 1
    return [i >= dense and i % step == 0 for i in range(layers)]
