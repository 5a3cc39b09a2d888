"""Configs, read: every model type against what its tiny model really held, and faults named all at once."""

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attnsite.formulas import config
from attnsite.formulas.counts import Count
from attnsite.formulas.keys import NotUnderstood

OBSERVED = json.loads(Path(__file__).with_name("configs.json").read_text("utf-8"))
CASES = OBSERVED["cases"]
# Classes whose own defaults lack a key that the formulas ask for, so that a config has to have it.
INCOMPLETE = {"deepseek_v2": "num_experts_per_tok"}
# What a class can do and the formulas do not: a config that asks for it is refused, not answered wrongly.
TIED = "tie_word_embeddings"
NOT_MODELLED = {
    "bart": {TIED}, "mbart": {TIED}, "pegasus": {TIED}, "m2m_100": {TIED}, "t5gemma2": {TIED}, "zamba": {TIED},
    "zamba2": {TIED}, "gpt2": {"add_cross_attention"}, "gpt-sw3": {"add_cross_attention"},
    "xglm": {"add_cross_attention"}, "doge": {"is_moe"}, "ernie4_5_moe": {"moe_layer_end_index"},
    "gemma3_text": {"use_bidirectional_attention"}, "gemma4_text": {"enable_moe_block"},
    "helium": {"hidden_size", "num_attention_heads", "head_dim"},
}  # fmt: skip
LLAMA = CASES["llama"]["config"]


def faults(values):
    """What reading them tells, as lines."""
    with pytest.raises(NotUnderstood) as caught:
        config.read_config(values)
    return [str(fault) for fault in caught.value.faults]


def test_at_least_120_model_types_were_observed_and_all_others_say_why_not():
    """A type that is read was run, or the file has the reason."""
    assert len(CASES) >= 120
    assert set(config.supported()) == set(CASES) | set(OBSERVED["failed"])
    assert OBSERVED["transformers"] == config.version()


@pytest.mark.parametrize("name", CASES)
def test_bytes_are_those_of_the_cache_that_was_allocated(name):
    """To the byte, between two steps, past every window."""
    case = CASES[name]
    count = Count(case["tokens"], spare=1, source=case.get("source", 0))

    assert config.read_config(case["config"]).kv_bytes(count) == case["bytes"]


@pytest.mark.parametrize("name", CASES)
def test_parameters_are_those_of_the_model(name):
    """To the last one, for the tiny model and for the class's own sizes; what is left out has its reason."""
    case = CASES[name]
    assert config.read_config(case["config"]).parameters == case["parameters"] - case.get("left_out", 0)
    assert bool(case.get("left_out")) == bool(case.get("why"))
    if name in INCOMPLETE:
        assert INCOMPLETE[name] in "".join(faults({"model_type": name}))
    elif "default_parameters" in case:
        assert config.read_config({"model_type": name}).parameters == case["default_parameters"]


@pytest.mark.parametrize("name", OBSERVED["turned"])
def test_bytes_and_parameters_follow_a_key_that_changes_what_is_kept(name):
    """Windows switched on or off, KV heads spread, experts taken away: each was run too."""
    case = OBSERVED["turned"][name]
    decoder = config.read_config(case["config"])

    assert decoder.kv_bytes(Count(case["tokens"], spare=1)) == case["bytes"]
    assert decoder.parameters == case["parameters"]


@pytest.mark.parametrize("name", CASES)
def test_parameters_follow_every_key_of_the_class(name):
    """Each key changed alone: as many parameters as the model then has, or a fault that names the key."""
    case = CASES[name]
    assert case["turned"]
    for key, (value, parameters) in case["turned"].items():
        values = case["config"] | {key: value}
        if key in NOT_MODELLED.get(name, ()):
            assert faults(values), key
        else:
            assert config.read_config(values).parameters == parameters, key


@pytest.mark.parametrize("name", OBSERVED["checkpoints"])
def test_parameters_of_checkpoints_are_those_of_their_models(name):
    case = OBSERVED["checkpoints"][name]

    assert config.read_config(case["config"]).parameters == case["parameters"]


@pytest.mark.parametrize(
    ("name", "published"),
    [("Llama 3 8B", 8_030_261_248), ("Llama 3.1 70B", 70_553_706_496), ("Mixtral 8x7B", 46_702_792_704),
     ("Qwen3 30B A3B", 30_532_122_624), ("Qwen3 32B", 32_762_123_264)],
)  # fmt: skip
def test_checkpoints_have_as_many_parameters_as_their_files_say(name, published):
    """`metadata.total_size` / 2 of the published safetensors indices."""
    assert config.read_config(OBSERVED["checkpoints"][name]["config"]).parameters == published


@pytest.mark.parametrize("name", CASES)
def test_every_layout_cites_a_class_that_is_there(name):
    """The script that observed has looked the class up, and found its line."""
    assert CASES[name]["line"] > 0
    assert re.fullmatch(r"models/\w+/modeling_\w+\.py: \w+", config.read_config(CASES[name]["config"]).source)


@pytest.mark.parametrize("name", CASES)
def test_parts_add_up_and_every_value_has_its_key(name):
    decoder = config.read_config(CASES[name]["config"])

    assert sum(decoder.parts().values()) == decoder.parameters
    assert 0 < decoder.active <= decoder.parameters
    assert decoder.trace
    assert all(decoder.trace.values())


def test_a_key_that_is_absent_is_traced_to_its_class():
    """Values of the file name their key, others the class and its version."""
    trace = config.read_config({"model_type": "llama", "hidden_size": 64, "num_attention_heads": 4}).trace

    assert trace["hidden_size"] == "hidden_size"
    assert "default of LlamaConfig, transformers" in trace["vocab_size"]
    assert trace["num_key_value_heads"].endswith("as num_attention_heads")


def test_both_names_of_a_key_are_read():
    """GPT-2 calls its layers `n_layer`; transformers reads the common name too."""
    own, common = {"model_type": "gpt2", "n_layer": 3}, {"model_type": "gpt2", "num_hidden_layers": 3}

    assert len(config.read_config(own).layers) == len(config.read_config(common).layers) == 3


def test_a_wrapper_is_read_inside():
    """The decoder under `text_config`; a model type inside is the wrapper's own where there is none."""
    inner = {key: value for key, value in CASES["gemma3_text"]["config"].items() if key != "model_type"}
    whole = config.read_config({"model_type": "gemma3", "text_config": inner, "vision_config": {}})

    assert whole.parameters == CASES["gemma3_text"]["parameters"]
    assert whole.trace["text_config.hidden_size"] == "text_config.hidden_size"
    assert any("encoders are not counted" in note for note in whole.notes)


def test_null_is_a_value():
    """Mistral's class has a window; a config that says null has none."""
    windowed, open_ended = {"model_type": "mistral"}, {"model_type": "mistral", "sliding_window": None}

    assert {layer.kind for layer in config.read_config(windowed).layers} == {"sliding_attention"}
    assert {layer.kind for layer in config.read_config(open_ended).layers} == {"full_attention"}


def test_all_faults_are_told_at_once():
    """Each with its key, what is wrong and what to do."""
    told = faults(LLAMA | {"hidden_size": "wide", "num_attention_heads": 0, "tie_word_embeddings": 3,
                           "my_own_window": 7, "layer_types": ["full_attention"]})  # fmt: skip

    for key in ("hidden_size", "num_attention_heads", "tie_word_embeddings", "my_own_window", "layer_types"):
        assert any(line.startswith(f"{key}:") for line in told), key
    assert all("; " in line for line in told)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"model_type": "nobody_knows"}, "not understood"),
        ({}, "model_type: is missing"),
        ({"model_type": 3}, "model_type: is missing"),
        ([], "not an object"),
        ({"model_type": "gemma3"}, "text_config: is missing"),
        ({"model_type": "gemma3", "text_config": {"model_type": "nobody"}}, "text_config.model_type: is 'nobody'"),
        ({"model_type": "llama", "num_hidden_layers": 10**9}, "look for a slip"),
        ({"model_type": "llama", "kv_shared_across": 2}, "kv_shared_across: is a key that is not understood"),
        ({"model_type": "lfm2_moe"}, "layer_types: is missing"),
        ({"model_type": "hunyuan_v1_dense", "head_dim": None}, "head_dim: is missing"),
        ({"model_type": "doge", "is_moe": True}, "not modelled"),
        ({"model_type": "gemma3_text", "use_bidirectional_attention": True}, "keeps no cache"),
    ],
)
def test_what_is_not_understood_is_named_and_never_guessed(values, words):
    assert words in "\n".join(faults(values))


def test_a_key_without_weight_is_noted_and_read_past():
    """A name that says nothing of sizes is no fault."""
    decoder = config.read_config(LLAMA | {"favourite_colour": "green"})

    assert "favourite_colour is not read" in decoder.notes


@pytest.mark.parametrize(
    ("name", "keys"),
    [
        ("llama", {"pretraining_tp": 1, "rope_scaling": {"factor": 8.0}, "rope_theta": 5e5, "torch_dtype": "bfloat16"}),
        ("qwen2", {"max_window_layers": 28, "use_mrope": False, "attention_dropout": 0.0, "hidden_act": "silu"}),
        ("qwen3_moe", {"max_window_layers": 48, "output_router_logits": False, "router_aux_loss_coef": 0.001}),
        ("deepseek_v3", {"ep_size": 1, "moe_layer_freq": 1, "num_nextn_predict_layers": 1, "scoring_func": "sigmoid",
                         "topk_method": "noaux_tc", "quantization_config": {"quant_method": "fp8"}}),
        ("gpt2", {"n_ctx": 1024, "resid_pdrop": 0.1, "summary_type": "cls_index", "task_specific_params": {}}),
        ("phi3", {"attention_bias": False, "original_max_position_embeddings": 4096, "embd_pdrop": 0.0}),
        ("gpt_oss", {"experts_per_token": 2, "initial_context_length": 4096, "swiglu_limit": 7.0}),
        ("nemotron_h", {"attention_head_dim": 128, "num_hidden_layers": 6, "time_step_rank": 256, "expand": 2,
                        "mamba_proj_bias": False, "time_step_limit": [0.0, 1.0]}),
        ("opt", {"_remove_final_layer_norm": False, "init_std": 0.02, "layerdrop": 0.0, "prefix": "</s>"}),
    ],
)  # fmt: skip
def test_keys_that_files_of_checkpoints_have_besides_change_nothing(name, keys):
    """No fault, and the same counts."""
    case = CASES[name]

    assert config.read_config(case["config"] | keys).parameters == case["parameters"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 100) | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@given(st.sampled_from(sorted(CASES)), st.data())
def test_nonsense_is_refused_in_lines(name, data):
    """Any value under any key gives a decoder or faults, and nothing else."""
    values = dict(CASES[name]["config"])
    for key in data.draw(st.lists(st.sampled_from(sorted(values)), min_size=1, max_size=3)):
        values[key] = data.draw(JSON)
    told = []
    try:
        config.read_config(values)
    except NotUnderstood as error:
        told = [str(fault) for fault in error.faults]
        assert told

    assert all("; " in fault and "\n" not in fault for fault in told)


@pytest.mark.parametrize(
    ("values", "what"),
    [
        ({"model_type": "mixtral", "num_experts_per_tok": 99}, "is 99, of 8 experts"),
        ({"model_type": "deepseek_v3", "n_routed_experts": 2}, "of 2 experts"),
        ({"model_type": "jamba", "attn_layer_offset": 99}, "which no layer of every 8 has"),
        ({"model_type": "nemotron_h", "hybrid_override_pattern": ""}, "leaves no layer"),
        ({"model_type": "llama", "layer_types": []}, "is empty"),
        ({"model_type": "glm_moe_dsa", "index_skip_topk_offset": 10**9}, "is 1000000000, of 78 layers"),
        ({"model_type": "lfm2", "full_attn_idxs": [99]}, "names layer 99, of 32"),
    ],
)
def test_values_that_no_model_has_together_are_refused(values, what):
    """Each of them by itself could be, and an answer would come out."""
    assert what in "\n".join(faults(values))
