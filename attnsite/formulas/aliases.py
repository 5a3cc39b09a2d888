"""Model types whose decoder is another type's: those of published files that transformers knows by another name.

Sizes have to be in the file: the defaults of the class that they are read as are those of another model, so that only
flags that are off are taken from it.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Alias:
    """`like` is the model type whose layers these are, `source` the class that says so."""

    like: str
    source: str


@dataclass(frozen=True)
class Inside:
    """Where a wrapper has its decoder: under `key`, of `model_type` unless it names one; `tied` unless it says so."""

    key: str
    model_type: str
    tied: bool | None = None


ALIASES = {
    "kimi_k2": Alias("deepseek_v3", "its files name the class DeepseekV3ForCausalLM"),
    "qwen3_vl_text": Alias("qwen3", "models/qwen3_vl/modeling_qwen3_vl.py: Qwen3VLTextAttention"),
    "qwen3_vl_moe_text": Alias("qwen3_moe", "models/qwen3_vl_moe/modeling_qwen3_vl_moe.py: Qwen3VLMoeTextAttention"),
    "mimo": Alias("qwen2", "XiaomiMiMo/MiMo-7B-Base, modeling_mimo.py: MiMoForCausalLM is a Qwen2ForCausalLM"),
    "qwen2_vl": Alias("qwen2", "models/qwen2_vl/modeling_qwen2_vl.py: Qwen2VLAttention"),
    "qwen2_vl_text": Alias("qwen2", "models/qwen2_vl/modeling_qwen2_vl.py: Qwen2VLAttention"),
    "qwen2_5_vl": Alias("qwen2", "models/qwen2_5_vl/modeling_qwen2_5_vl.py: Qwen2_5_VLAttention"),
    "qwen2_5_vl_text": Alias("qwen2", "models/qwen2_5_vl/modeling_qwen2_5_vl.py: Qwen2_5_VLAttention"),
    "exaone4_5_text": Alias("exaone4", "models/exaone4_5/modeling_exaone4_5.py: Exaone4_5Model holds an exaone4"),
    "internlm2": Alias("llama", "internlm/internlm2-7b, modeling_internlm2.py: InternLM2Attention"),
    "minicpm": Alias("llama", "openbmb/MiniCPM-2B-sft-bf16, modeling_minicpm.py: MiniCPMAttention"),
    "baichuan": Alias("llama", "baichuan-inc/Baichuan2-7B-Base, modeling_baichuan.py: Attention"),
    "minimax_m3": Alias("minimax_m3_vl_text", "models/minimax_m3_vl/modeling_minimax_m3_vl.py: MiniMaxM3VLAttention"),
}
WRAPPERS = {
    "qwen2_vl": Inside("text_config", "qwen2_vl_text"),
    "qwen2_5_vl": Inside("text_config", "qwen2_5_vl_text"),
    "qwen3_vl": Inside("text_config", "qwen3_vl_text", False),
    "qwen3_vl_moe": Inside("text_config", "qwen3_vl_moe_text", False),
}
