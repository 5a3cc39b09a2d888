"""Write tests/configs.json: what tiny random models of the transformers package really hold, to compare formulas with.

    python -m venv /tmp/observing && /tmp/observing/bin/pip install torch transformers
    PYTHONPATH=. /tmp/observing/bin/python -m tests.observe_caches     # some minutes on a CPU; needs no network

For each model type: its config made small, `model.num_parameters()`, and the bytes of every tensor in the cache object
after a prefill and a few decode steps, past its windows. A second config is the class's own, on the meta device, which
allocates nothing: parameters alone.
"""

import argparse
import ast
import json
import re
import tempfile
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

import torch
import transformers
from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM
from transformers.models.auto.configuration_auto import CONFIG_MAPPING

from attnsite.formulas import families
from attnsite.formulas.config import read_config, supported
from attnsite.formulas.counts import Count

TARGET = Path(__file__).with_name("configs.json")
PROMPT, STEPS, SOURCE = 21, 5, 11  # tokens that are read at once, tokens that follow one by one, an encoder's input

# Common names, each set where the class has it; numbers differ from each other so that no formula is right by chance.
SMALL = {
    "vocab_size": 131, "hidden_size": 48, "intermediate_size": 88, "num_hidden_layers": 6, "num_attention_heads": 4,
    "num_key_value_heads": 2, "head_dim": 20, "sliding_window": 9, "attention_chunk_size": 9, "max_position_embeddings":
    64, "moe_intermediate_size": 32, "num_experts": 5, "num_local_experts": 5, "n_routed_experts": 5,
    "num_experts_per_tok": 2, "shared_expert_intermediate_size": 56, "shared_intermediate_size": 56,
    "q_lora_rank": 22, "kv_lora_rank": 18, "qk_nope_head_dim": 12, "qk_rope_head_dim": 8, "v_head_dim": 14,
    "index_head_dim": 16, "index_n_heads": 3, "index_topk": 4, "n_group": 1,
    "topk_group": 1, "first_k_dense_replace": 2,
    "max_window_layers": 3, "linear_num_key_heads": 2, "linear_num_value_heads": 4,
    "linear_key_head_dim": 12, "linear_value_head_dim": 10, "linear_conv_kernel_dim": 3,
    "mamba_n_heads": 6, "mamba_d_head": 16, "mamba_d_state": 8,
    "mamba_n_groups": 2, "mamba_ngroups": 2, "n_mamba_heads": 6, "state_size": 8, "ssm_state_size": 8,
    "mamba_num_heads": 6, "mamba_head_dim": 16, "n_groups": 2, "n_shared_experts": 1, "num_shared_experts": 1,
    "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2,
}  # fmt: skip
SIDE = {"vocab_size": 131, "hidden_size": 48, "intermediate_size": 88, "num_hidden_layers": 7, "sliding_window": 9,
        "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 20}  # fmt: skip
SIGHT = {"hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 1, "num_attention_heads": 2}
# What a class needs beyond, or otherwise; None leaves a common name out.
SPECIAL: dict[str, dict[str, object]] = {
    "helium": {"head_dim": 12},  # its output matrix is hidden × hidden
    "dbrx": {
        "attn_config": {"kv_n_heads": 2, "rope_theta": 1e4, "clip_qkv": 8.0},
        "ffn_config": {"ffn_hidden_size": 40, "moe_num_experts": 5, "moe_top_k": 2},
    },
    "stablelm": {"head_dim": ..., "partial_rotary_factor": 0.5},
    "codegen": {"rotary_dim": 8},
    "gptj": {"rotary_dim": 8},
    "gpt_neo": {"attention_types": [[["global", "local"], 3]], "window_size": 9},
    "whisper": {"d_model": 48, "max_source_positions": 15, "max_target_positions": 64, "num_mel_bins": 10},
    "mllama_text_model": {"num_hidden_layers": 5, "cross_attention_layers": [1, 3], "rope_parameters": {"rope_type":
                          "default", "rope_theta": 1e4}},
    "t5gemma": {"encoder": SIDE, "decoder": SIDE, "vocab_size": 131},
    "t5gemma2": {
        "encoder": {
            "text_config": SIDE, "vision_config": {**SIGHT, "image_size": 32, "patch_size": 16},
            "mm_tokens_per_image": 4,
        },
        "decoder": SIDE,
    },
    "phi4_multimodal": {
        "vision_config": {**SIGHT, "image_size": 28, "patch_size": 14, "crop_size": 28},
        "audio_config": {"hidden_size": 16, "intermediate_size": 24, "num_blocks": 1, "num_attention_heads": 2,
                         "ext_pw_out_channel": 16, "nemo_conv_channels": 16},
        "num_hidden_layers": 4,
    },
    "moshi": {"num_hidden_layers": 4, "ffn_dim": 88},
    "modernbert-decoder": {"local_attention": 18},
    "jamba": {"num_hidden_layers": 10, "mamba_dt_rank": 5},
    "ministral": {"num_hidden_layers": 4},
    "granitemoehybrid": {"layer_types": ["mamba", "mamba", "attention", "mamba", "mamba", "attention"]},
    "bamba": {"attn_layer_indices": [2, 4]},
    "mamba2": {"num_heads": 6, "head_dim": 16},
    "falcon_h1": {"mamba_d_ssm": 96, "mamba_rms_norm": True},
    "nemotron_h": {
        "num_hidden_layers": ..., "layers_block_type": ["mamba", "moe", "attention", "mlp", "mamba", "attention"],
        "moe_shared_expert_intermediate_size": 24,
    },
    "zamba": {"num_hidden_layers": 12, "head_dim": ..., "n_mamba_heads": 2},
    "zamba2": {"layers_block_type": ["mamba", "hybrid", "mamba", "mamba", "hybrid", "mamba"], "head_dim": ...},
    "recurrent_gemma": {"lru_width": 56, "attention_window_size": 9},
    "rwkv": {"context_length": 64},
    "xlstm": {"num_blocks": ..., "hidden_size": 128, "num_heads": 4, "vocab_size": 131, "chunk_size": 16},
    "lfm2": {"full_attn_idxs": [2, 5]},
    "lfm2_moe": {"layer_types": ["conv", "full_attention", "conv", "conv", "full_attention", "conv"]},
    "kimi_linear": {"linear_num_heads": 3, "linear_head_dim": 24, "q_lora_rank": ...},
    "bailing_hybrid": {"q_lora_rank": ..., "head_dim": 24},
    "mpt": {"use_cache": True},
    "deepseek_v4": {
        "num_hidden_layers": 8, "head_dim": 24, "o_groups": 2, "o_lora_rank": 10, "hc_mult": 3,
        "compress_rates": {"compressed_sparse_attention": 4, "heavily_compressed_attention": 8},
        "layer_types": ["sliding_attention", *["heavily_compressed_attention", "compressed_sparse_attention"] * 3,
                        "sliding_attention"],
    },
    "hy_v4": {"hc_mult": 3},
    "gemma4_text": {"num_kv_shared_layers": 2, "global_head_dim": 28, "vocab_size_per_layer_input": 131,
                    "hidden_size_per_layer_input": 6, "num_hidden_layers": 12, "num_global_key_value_heads": 1,
                    "attention_k_eq_v": True},
    "gemma4_unified_text": {"global_head_dim": 28, "num_hidden_layers": 8},
    "gemma3n_text": {"num_kv_shared_layers": 4, "vocab_size_per_layer_input": 131, "hidden_size_per_layer_input": 6,
                     "num_hidden_layers": 10, "laurel_rank": 5, "altup_num_inputs": 3,
                     "activation_sparsity_pattern": [0.0] * 10},
    "longcat_flash": {"head_dim": 8, "num_layers": 3, "ffn_hidden_size": 88,
                      "expert_ffn_hidden_size": 32, "zero_expert_num": 2},
}  # fmt: skip
NOTHING = "(?!)"  # no name has it
# Parts that a formula leaves out on purpose, by the names of their parameters.
LEFT_OUT = {
    "phi4_multimodal": ("embed_tokens_extend.", "image and audio encoders"),
    "t5gemma2": ("encoder.vision_tower.|encoder.multi_modal_projector.", "the image encoder and its projector"),
}
# Checkpoints as their config.json files have them, where the count of parameters is published.
CHECKPOINTS: dict[str, dict[str, object]] = {
    "Llama 3 8B": {"model_type": "llama", "vocab_size": 128256, "hidden_size": 4096, "intermediate_size": 14336,
                   "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 8},
    "Llama 3.1 70B": {"model_type": "llama", "vocab_size": 128256, "hidden_size": 8192, "intermediate_size": 28672,
                      "num_hidden_layers": 80, "num_attention_heads": 64, "num_key_value_heads": 8},
    "Qwen3 32B": {"model_type": "qwen3", "vocab_size": 151936, "hidden_size": 5120, "intermediate_size": 25600,
                  "num_hidden_layers": 64, "num_attention_heads": 64, "num_key_value_heads": 8, "head_dim": 128},
    "Qwen3 30B A3B": {"model_type": "qwen3_moe", "vocab_size": 151936, "hidden_size": 2048, "intermediate_size": 6144,
                      "num_hidden_layers": 48, "num_attention_heads": 32, "num_key_value_heads": 4, "head_dim": 128,
                      "num_experts": 128, "num_experts_per_tok": 8, "moe_intermediate_size": 768},
    "Mixtral 8x7B": {"model_type": "mixtral", "vocab_size": 32000, "hidden_size": 4096, "intermediate_size": 14336,
                     "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 8,
                     "num_local_experts": 8, "num_experts_per_tok": 2},
    "Gemma 3 27B": {"model_type": "gemma3", "text_config": {
        "model_type": "gemma3_text", "vocab_size": 262208, "hidden_size": 5376, "intermediate_size": 21504,
        "num_hidden_layers": 62, "num_attention_heads": 32, "num_key_value_heads": 16, "head_dim": 128,
        "sliding_window": 1024}},
    "gpt-oss 20B": {"model_type": "gpt_oss", "vocab_size": 201088, "hidden_size": 2880, "intermediate_size": 2880,
                    "num_hidden_layers": 24, "num_attention_heads": 64, "num_key_value_heads": 8, "head_dim": 64,
                    "num_local_experts": 32, "num_experts_per_tok": 4, "sliding_window": 128},
}  # fmt: skip
# Runs with a key turned that changes what is kept.
TURNED: dict[str, dict[str, object]] = {
    "qwen2": {"use_sliding_window": True},
    "qwen3": {"use_sliding_window": True},
    "qwen2_moe": {"use_sliding_window": True},
    "qwen3_moe": {"use_sliding_window": True},
    "smollm3": {"use_sliding_window": True},
    "mistral": {"sliding_window": None},
    "phi3": {"sliding_window": None},
    "mixtral": {"sliding_window": None},
    "llama4_text": {"attention_chunk_size": None},
    "falcon": {"new_decoder_architecture": True, "num_kv_heads": 2},
    "gpt_bigcode": {"multi_query": False},
    "gemma3_text": {"sliding_window_pattern": 3},
    "gemma4_text": {"attention_k_eq_v": False, "num_kv_shared_layers": 0},
    "glm_moe_dsa": {"index_topk_freq": 2},
    "olmo_hybrid": {"num_hidden_layers": 3},
    "lfm2": {"full_attn_idxs": None},
    "granitemoehybrid": {"num_local_experts": 0},
    "minimax_m3_vl_text": {"layer_types": ["full_attention", *["minimax_m3_sparse"] * 5], "index_n_heads": 4},
    "deepseek_v4": {"num_hidden_layers": 3, "layer_types": None},
}
SKIPPED: dict[str, str] = {}


def small(model_type: str) -> dict[str, object]:
    """The config of a tiny model, by the keys that its class has."""
    cls = CONFIG_MAPPING[model_type]
    fields = cls.__dataclass_fields__
    own = {name: name if name in fields else cls.attribute_map.get(name, name) for name in SMALL}
    values = {own[name]: value for name, value in SMALL.items() if own[name] in fields}
    if "kv_lora_rank" in fields and "num_key_value_heads" in fields:
        values["num_key_value_heads"] = SMALL["num_attention_heads"]  # MLA's are spread to all heads
    special = SPECIAL.get(model_type, {})
    values |= {key: value for key, value in special.items() if value is not ...}
    return {"model_type": model_type} | {key: value for key, value in values.items() if special.get(key) is not ...}


def auto_class(config: transformers.PreTrainedConfig) -> type:
    if config.model_type == "whisper":
        return transformers.AutoModelForSpeechSeq2Seq
    return AutoModelForSeq2SeqLM if config.is_encoder_decoder else AutoModelForCausalLM


def make(config: transformers.PreTrainedConfig) -> torch.nn.Module:
    """A model by its config; two classes are in no automatic map."""
    torch.manual_seed(0)
    named = {"mistral4": "Mistral4ForCausalLM", "mllama_text_model": "MllamaForCausalLM"}
    if config.model_type in named:
        return getattr(transformers, named[config.model_type])(config)
    return auto_class(config).from_config(config)


def config_of(values: dict[str, object]) -> transformers.PreTrainedConfig:
    return CONFIG_MAPPING[values["model_type"]](**{k: v for k, v in values.items() if k != "model_type"})


LARGEST = 20_000_000  # parameters: what is larger was not made small, and would take the machine's memory


def build(values: dict[str, object]) -> torch.nn.Module:
    """A model with random weights, saved and loaded in bf16 as a user loads one: what is kept in float32 stays so."""
    with torch.device("meta"):
        if (count := make(config_of(values)).num_parameters()) > LARGEST:
            raise ValueError(f"has {count} parameters, more than {LARGEST}")
    model = make(config_of(values))
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        return type(model).from_pretrained(folder, dtype=torch.bfloat16).eval()


def tensors(value: object, seen: set[int]) -> Iterator[torch.Tensor]:
    """Every tensor in an object, once."""
    if id(value) in seen:
        return
    seen.add(id(value))
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from tensors(inner, seen)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from tensors(inner, seen)
    elif type(value).__module__.startswith("transformers") and hasattr(value, "__dict__"):
        if isinstance(value, torch.nn.Module | transformers.PreTrainedConfig):
            return
        yield from tensors(vars(value), seen)


def cache_bytes(cache: object) -> tuple[int, int]:
    """Bytes of floating-point tensors, and of others: counters and the like."""
    found = [(t.element_size() * t.nelement(), t.is_floating_point()) for t in tensors(cache, set())]
    return sum(size for size, real in found if real), sum(size for size, real in found if not real)


def run(model: torch.nn.Module, model_type: str) -> tuple[object, int]:
    """Prefill and decode as `generate` does; the cache and the tokens that went through: all but the last one."""
    torch.manual_seed(1)
    prompt = torch.randint(3, 120, (1, PROMPT))
    arguments: dict[str, object] = {"attention_mask": torch.ones_like(prompt)}
    if model.config.is_encoder_decoder:
        arguments = {"decoder_input_ids": prompt, "decoder_start_token_id": 0}
        prompt = torch.randint(3, 120, (1, SOURCE))
        if model_type == "whisper":
            prompt = torch.randn(1, model.config.num_mel_bins, 2 * model.config.max_source_positions).to(torch.bfloat16)
    with torch.no_grad():
        out = model.generate(
            prompt, max_new_tokens=STEPS + 1, min_new_tokens=STEPS + 1, do_sample=False, return_dict_in_generate=True,
            use_cache=True, **arguments,
        )  # fmt: skip
    cache = next(
        (getattr(out, n) for n in ("cache", "past_key_values", "cache_params", "state") if getattr(out, n, None)), None
    )
    own = [getattr(module, name, None) for module in model.modules() for name in ("conv1d_state", "recurrent_states")]
    return (cache, [state for state in own if state is not None]), out.sequences.shape[1] - 1


def line_of(source: str) -> int:
    """The line of the class that an architecture cites; 0 where it is not there."""
    path, name = source.split(": ")
    text = (Path(transformers.__file__).parent / path).read_text("utf-8")
    return next((n.lineno for n in ast.parse(text).body if isinstance(n, ast.ClassDef) and n.name == name), 0)


def turned(model_type: str, values: dict[str, object]) -> dict[str, list[object]]:
    """Each key of the class changed alone, and the parameters that the model then has, on the meta device."""
    found: dict[str, list[object]] = {}
    for key, default in class_defaults()[model_type]["defaults"].items():
        now = values.get(key, default)
        if isinstance(now, bool):
            other: object = not now
        elif isinstance(now, int):
            other = 2 * now or 2
        else:
            continue
        try:
            count = count_whole(values | {key: other}, LEFT_OUT.get(model_type, (NOTHING,))[0])
        except Exception:
            continue  # the class refuses it
        if count < LARGEST:
            found[key] = [other, count]
    return found


def class_defaults() -> dict[str, dict[str, dict[str, object]]]:
    path = Path(families.__file__).parents[1] / "class_defaults.json"
    return json.loads(path.read_text("utf-8"))["classes"]


def observe(model_type: str, values: dict[str, object]) -> dict[str, object]:
    model = build(values)
    cache, tokens = run(model, model_type)
    counted, others = cache_bytes(cache)
    case = {"config": values, "tokens": tokens, "bytes": counted, "other_bytes": others,
            "parameters": model.num_parameters()}  # fmt: skip
    if model.config.is_encoder_decoder:
        case["source"] = SOURCE
    if model_type in LEFT_OUT:
        names, why = LEFT_OUT[model_type]
        case["left_out"] = sum(p.numel() for name, p in model.named_parameters() if re.search(names, name))
        case["why"] = f"{why} are not counted"
    return case


def count_whole(values: dict[str, object], left_out: str = NOTHING) -> int:
    """Parameters of a model on the meta device, under `text_config` alone where there is one, less what is left out."""
    inner = values["text_config"] if values["model_type"] == "gemma3" else values
    with torch.device("meta"):
        named = make(config_of(inner)).named_parameters()
        return sum(parameter.numel() for name, parameter in named if not re.search(left_out, name))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("types", nargs="*", help="model types (default: all that are understood)")
    parser.add_argument("--compare", action="store_true", help="say what differs, and write nothing")
    options = parser.parse_args()
    warnings.filterwarnings("ignore")
    transformers.logging.set_verbosity_error()
    cases: dict[str, dict[str, object]] = {}
    more: dict[str, dict[str, object]] = {}
    failed, unbuilt = dict(SKIPPED), {}
    for model_type in options.types or supported():
        started = time.perf_counter()
        try:
            case = observe(model_type, small(model_type))
            if not options.compare:
                case["turned"] = turned(model_type, case["config"])
        except Exception as error:
            failed[model_type] = f"{type(error).__name__}: {' '.join(str(error).split())[:160]}"
            print(f"-- {model_type}: {failed[model_type]}", flush=True)
            continue
        try:
            if not options.compare and model_type not in LEFT_OUT:
                case["default_parameters"] = count_whole({"model_type": model_type})
        except Exception as error:
            unbuilt[model_type] = f"{type(error).__name__}: {' '.join(str(error).split())[:120]}"
        case["line"] = line_of(read_config(case["config"]).source)
        cases[model_type] = case
        compare(model_type, case, time.perf_counter() - started)
        if model_type in TURNED:
            again = observe(model_type, small(model_type) | TURNED[model_type])
            compare(model_type, again | {"line": 1}, 0)
            more[model_type] = again
    if not options.compare:
        write({"cases": cases, "turned": more}, failed, unbuilt)


def write(parts: dict[str, dict[str, object]], failed: dict[str, str], unbuilt: dict[str, str]) -> None:
    """One case a line, so that a difference can be read."""
    head = {
        "what": "written by tests/observe_caches.py: what tiny random models hold after prefill and decode steps",
        "transformers": transformers.__version__,
        "torch": torch.__version__.split("+")[0],
        "device": "CPU, bf16, batch 1",
        "failed": failed,
        "default_not_built": unbuilt,
    }
    known = {name: {"config": values, "parameters": count_whole(values)} for name, values in CHECKPOINTS.items()}
    parts |= {"checkpoints": known}
    lines = [f'"{name}": {json.dumps(value)}' for name, value in head.items()]
    for name, table in parts.items():
        inner = ",\n".join(f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in sorted(table.items()))
        lines.append(f'"{name}": {{\n{inner}\n}}')
    TARGET.write_text("{\n" + ",\n".join(lines) + "\n}\n", "utf-8")
    print(f"{TARGET.name}: {len(parts['cases'])} model types, {len(failed)} failed, {TARGET.stat().st_size} bytes")


def compare(model_type: str, case: dict[str, object], seconds: float) -> None:
    try:
        decoder = read_config(case["config"])
        held = decoder.kv_bytes(Count(case["tokens"], spare=1, source=case.get("source", 0)))
        told = "" if held == case["bytes"] else f"  BYTES {held} not {case['bytes']}"
        if rest := case["parameters"] - case.get("left_out", 0) - decoder.parameters:
            told += f"  PARAMETERS {rest} are missing"
        if "default_parameters" in case:
            whole = read_config({"model_type": model_type}).parameters
            told += "" if whole == case["default_parameters"] else f"  DEFAULT {case['default_parameters'] - whole}"
        told += "" if case["line"] else f"  no class at {decoder.source}"
    except BaseException as error:
        told = f"  {type(error).__name__}: {error}; {getattr(error, 'exceptions', '')}"
    print(f"{'ok' if not told else '!!'} {model_type} {seconds:.1f}s{told}", flush=True)


if __name__ == "__main__":
    main()
