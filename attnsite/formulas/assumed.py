"""Keys of published files that the classes of transformers do not read, with the values for which the formulas hold.

Another value is a fault; of a list, each. `ANY` is a key that changes no count, whatever it is. `INSTEAD` has the keys
that a class reads only where another is absent.
"""

from collections.abc import Mapping
from typing import Any

ANY: Any = object()
GATED_DELTA: Mapping[str, tuple[Any, ...]] = {"attn_output_gate": (True,), "mamba_ssm_dtype": ("float32",)}
ASSUMED: Mapping[str, Mapping[str, tuple[Any, ...]]] = {
    "qwen3_5_text": GATED_DELTA,
    "qwen3_5_moe_text": GATED_DELTA,
    "qwen3_next": GATED_DELTA,
    "qwen3_moe": {"use_qk_norm": (True,)},
    "qwen2": {"attention_bias": (True,)},  # of queries, keys and values, which the class always has
    "deepseek_v4": {"expert_dtype": (ANY,), "num_hash_layers": (ANY,), "qk_rope_head_dim": (ANY,)},
    "glm_moe_dsa": {"indexer_rope_interleave": (ANY,), "index_share_for_mtp_iteration": (ANY,),
                    "moe_router_dtype": (ANY,), "qk_head_dim": (ANY,)},
    "minimax_m2": {"attn_type_list": (1,), "use_qk_norm": (True,), "qk_norm_type": ("per_layer",),
                   "use_routing_bias": (ANY,), "rotary_dim": (ANY,)},
    "minimax_m3_vl_text": {"use_qk_norm": (True,), "qk_norm_type": ("per_head",), "use_routing_bias": (ANY,),
                           "use_gemma_norm": (ANY,), "attention_output_gate": (False,), "n_shared_experts": (1,),
                           "moe_intermediate_size": (ANY,), "rotary_dim": (ANY,)},
    "mimo_v2_flash": {"add_swa_attention_sink_bias": (True,), "add_full_attention_sink_bias": (False,),
                      "attention_chunk_size": (ANY,)},
    "lfm2": {"block_dim": (ANY,), "conv_dim": (ANY,), "conv_dim_out": (ANY,), "num_heads": (ANY,),
             "block_use_swiglu": (True,), "block_mlp_init_scale": (ANY,), "block_out_init_scale": (ANY,),
             "block_use_xavier_init": (ANY,), "conv_use_xavier_init": (ANY,), "use_pos_enc": (ANY,)},
    "mistral": {"attention_sink_size": (ANY,)},
    "phi3": {"full_attn_mod": (1,)},
}  # fmt: skip
INSTEAD: Mapping[str, tuple[str, ...]] = {
    "layer_types": ("full_attention_interval", "sliding_window_pattern", "layer_group_size", "attn_layer_period",
                    "attn_layer_offset", "no_rope_layer_interval", "global_attn_every_n_layers"),
    "indexer_types": ("index_topk_freq", "index_skip_topk_offset", "index_topk_pattern"),
    "mlp_layer_types": ("first_k_dense_replace", "moe_layer_freq", "num_dense_layers"),
}  # fmt: skip
EVERYWHERE = ("encoder_no_repeat_ngram_size", "no_repeat_ngram_size", "num_beam_groups", "num_return_sequences",
              "dim_model_base")  # fmt: skip


def assumed(model_type: str, key: str) -> tuple[Any, ...]:
    """The values of a key for which the formulas of a model type hold; none where nothing is known of it."""
    if key in EVERYWHERE:
        return (ANY,)
    return ASSUMED.get(model_type, {}).get(key, ())


def holds(value: object, allowed: tuple[Any, ...]) -> bool:
    """Whether a value is among those allowed, or each of a list is."""
    if ANY in allowed:
        return True
    return all(each in allowed for each in value) if isinstance(value, list) else value in allowed


def stands_instead(keys: Mapping[str, object], key: str) -> bool:
    """Whether a key is one that its class reads only where another is absent, which is there."""
    return any(keys.get(first) is not None and key in others for first, others in INSTEAD.items())
