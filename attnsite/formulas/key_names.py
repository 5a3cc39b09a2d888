"""What the name of a key says: whether it can change a count of parameters or what is kept.

Names are those of the config classes of transformers and of files that checkpoints come with.
"""

import re

ENDINGS = (
    "_token_id", "_token_index", "_token", "_eps", "_epsilon", "dropout", "_pdrop", "_prob", "_probs", "_std",
    "_std_dev", "_coef", "_coeff", "_loss_weight", "_implementation", "_act", "_activation", "_softcapping", "_theta",
    "_scaling", "_multiplier", "_multipliers", "_scale", "_factor", "_range", "_method", "_func", "_fn", "_penalty",
    "_alpha", "_gamma", "_mode", "_beta_fast", "_beta_slow", "_fp32",
)  # fmt: skip
BEGINNINGS = (
    "_", "output_", "initializer", "mrope", "chunk_size", "finetuning", "summary_", "router_jitter",
    "mlp_activations_", "attn_logit", "final_logit", "scale_", "reorder", "use_flash_", "flash_attn",
    "tensor_parallel", "gradient_", "training_", "image_", "video_", "vision_", "audio_", "boi_", "eoi_", "boa_",
    "eoa_", "mm_", "projector_", "multimodal_", "visual", "rescale_", "mamba_dt_m", "mamba_dt_limit", "mamba_dt_init",
    "residual_", "embd_", "resid_", "embedding_initializer", "aux_", "apply_residual", "keys_to_ignore",
    "layer_norm_eps", "num_mtp_", "mtp_", "forced_",
)  # fmt: skip
NAMES = {
    "activation_function", "architectures", "attention_implementation", "attn_implementation", "auto_map",
    "begin_suppress_tokens", "bos_token", "cache_implementation", "compression_config", "dense_act_fn", "do_sample",
    "dtype", "eos_token", "ep_size", "hidden_act", "hidden_activation", "id2label", "is_decoder",
    "is_encoder_decoder", "is_llama_config", "label2id", "logits_to_keep", "mamba_chunk_size",
    "mamba_ssm_cache_dtype", "max_length", "max_seq_len", "max_sequence_length", "min_length", "model_max_length",
    "model_type", "n_ctx", "n_group", "norm_topk_prob", "norm_type", "num_experts_group", "num_labels",
    "num_logits_to_keep", "num_nextn_predict_layers", "original_max_position_embeddings", "partial_rotary_factor",
    "prefix", "pretraining_tp", "problem_type", "pruned_heads", "quantization_config", "query_pre_attn_scalar",
    "return_dict", "rms_norm", "rope_interleave", "rope_parameters", "rope_traditional", "rope_type", "scoring_func",
    "seq_aux", "seq_length", "slow_but_exact", "suppress_tokens", "task_specific_params", "temperature",
    "time_step_floor", "time_step_init_scheme", "time_step_limit", "time_step_max", "time_step_min",
    "time_step_scale", "tokenizer_class", "top_k", "top_p", "topk_group", "topk_method", "torch_dtype", "torchscript",
    "transformers_version", "use_bfloat16", "use_cache", "use_falcon_mambapy", "use_mamba_kernels", "use_mambapy",
    "use_sdpa",
}  # fmt: skip
NEEDED = {"block_ffn_dim_multiplier", "qk_dim_factor", "v_dim_factor", "ffn_proj_factor"}  # though they end so
TELLING = re.compile(
    r"layer|head|window|hidden|kv|expert|rank|dim|size|ssm|mamba|conv|state|cache|attn|attention|share|latent|index"
    r"|compress|width|expand|lru|recurrent|pattern|block|vocab|bias|norm|tie|moe|ffn|memory"
)


def irrelevant(key: str) -> bool:
    """Whether a key changes no count: of tokens, rates, activations, training, images."""
    if key in NEEDED:
        return False
    return key in NAMES or key.startswith(BEGINNINGS) or key.endswith(ENDINGS)


def telling(key: str) -> bool:
    """Whether a key that is not known sounds as if it could change one."""
    return bool(TELLING.search(key))
