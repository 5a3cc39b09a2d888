"""What a config says that no model can be, though each value by itself could: a slip that would give an answer."""

from attnsite.formulas.decoder import Decoder
from attnsite.formulas.keys import Keys

PAIRS = {"attn_layer_offset": "attn_layer_period", "expert_layer_offset": "expert_layer_period"}
CHOSEN = ("num_experts_per_tok", "moe_topk", "top_k_experts", "num_selected_experts", "moe_top_k", "top_k")
AS_CONFIG = "set it as the model's own config.json does"


def log_faults(keys: Keys, decoder: Decoder) -> None:
    """Add to the log of a config what its values cannot be together; `decoder` is what was made of them."""

    def fault(name: str, what: str) -> None:
        keys.log.fault(keys.place + name, what, AS_CONFIG)

    layers = len(decoder.layers)
    if not layers:
        fault("num_hidden_layers", "leaves no layer")
    for count, chosen in {(each.count, each.chosen) for layer in decoder.layers for each in layer.experts}:
        if chosen > count:
            name = next((key for key in CHOSEN if keys.value(key) == chosen), CHOSEN[0])
            fault(name, f"is {chosen}, of {count} experts")
    for name, of in PAIRS.items():
        offset, period = keys.value(name), keys.value(of)
        if isinstance(offset, int) and isinstance(period, int) and offset >= period > 0:
            fault(name, f"is {offset}, which no layer of every {period} has")
    for name, value in keys.values.items():
        if value in ("", []) and name.endswith(("pattern", "layer_types", "block_types", "layers_block_type")):
            fault(name, "is empty")
        elif name.endswith(("_idxs", "_layer_ids")) or name in ("moe_layers", "attn_layer_indices"):
            held = value if isinstance(value, list) else []
            if odd := [each for each in held if isinstance(each, int) and not 0 <= each < layers]:
                fault(name, f"names layer {odd[0]}, of {layers}")
        elif name.endswith("_skip_topk_offset") and isinstance(value, int) and value > layers:
            fault(name, f"is {value}, of {layers} layers")
