"""What a config says that no model can be, though each value by itself could: a slip that would give an answer."""

from attnsite.formulas.decoder import Decoder
from attnsite.formulas.keys import Keys

PAIRS = {"attn_layer_offset": "attn_layer_period", "expert_layer_offset": "expert_layer_period"}
CHOSEN = ("num_experts_per_tok", "moe_topk", "top_k_experts", "num_selected_experts", "moe_top_k", "top_k")
LISTS = ("_idxs", "_layer_ids")
PATTERNS = ("pattern", "layer_types", "block_types", "layers_block_type")


def fault(keys: Keys, name: str, what: str) -> None:
    keys.log.fault(keys.place + name, what, "set it as the model's own config.json does")


def log_faults(keys: Keys, decoder: Decoder) -> None:
    """Add to the log of a config what its values cannot be together; `decoder` is what was made of them."""
    layers = len(decoder.layers)
    if not layers:
        fault(keys, "num_hidden_layers", "leaves no layer")
    choices(keys, decoder)
    for name, of in PAIRS.items():
        offset, period = keys.value(name), keys.value(of)
        if isinstance(offset, int) and isinstance(period, int) and offset >= period > 0:
            fault(keys, name, f"is {offset}, which no layer of every {period} has")
    for name, value in keys.values.items():
        if value in ("", []) and any(name.endswith(end) for end in PATTERNS):
            fault(keys, name, "is empty")
        elif any(name.endswith(end) for end in LISTS) or name in ("moe_layers", "attn_layer_indices"):
            held = value if isinstance(value, list) else []
            odd = [each for each in held if isinstance(each, int) and not 0 <= each < layers]
            if odd:
                fault(keys, name, f"names layer {odd[0]}, of {layers}")
        elif name.endswith("_skip_topk_offset") and isinstance(value, int) and value > layers:
            fault(keys, name, f"is {value}, of {layers} layers")


def choices(keys: Keys, decoder: Decoder) -> None:
    """More experts chosen for a token than there are, each such pair once."""
    told: list[int] = []
    for layer in decoder.layers:
        for each in layer.experts:
            if each.chosen > each.count and each.chosen not in told:
                told.append(each.chosen)
                named = [key for key in CHOSEN if keys.value(key) == each.chosen]
                fault(keys, named[0] if named else CHOSEN[0], f"is {each.chosen}, of {each.count} experts")
