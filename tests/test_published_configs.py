"""Config files as they are published: names that transformers does not know, keys that its classes do not read."""

import pytest

from attnsite.formulas import config
from attnsite.formulas.aliases import ALIASES, WRAPPERS
from attnsite.formulas.assumed import ANY, ASSUMED
from attnsite.formulas.counts import Count
from attnsite.formulas.keys import NotUnderstood
from attnsite.formulas.layouts import Full, Sliding

DEEPSEEK = {
    "vocab_size": 163840, "hidden_size": 7168, "intermediate_size": 18432, "moe_intermediate_size": 2048,
    "num_hidden_layers": 61, "num_attention_heads": 64, "n_routed_experts": 384, "n_shared_experts": 1,
    "num_experts_per_tok": 8, "kv_lora_rank": 512, "q_lora_rank": 1536, "qk_rope_head_dim": 64, "v_head_dim": 128,
    "qk_nope_head_dim": 128, "first_k_dense_replace": 1, "tie_word_embeddings": False,
}  # fmt: skip
QWEN = {"vocab_size": 151936, "hidden_size": 2048, "intermediate_size": 6144, "num_hidden_layers": 28,
        "num_attention_heads": 16, "num_key_value_heads": 8, "head_dim": 128}  # fmt: skip
MIMO = {"model_type": "mimo_v2_flash", "num_hidden_layers": 4, "num_attention_heads": 64, "num_key_value_heads": 4,
        "head_dim": 192, "v_head_dim": 128}  # fmt: skip


def test_a_type_that_is_read_as_another_says_so_and_has_its_layers():
    """Kimi K2 is DeepSeek V3's class with other sizes: 1.03 trillion parameters, the same cache a layer."""
    kimi = config.read_config(DEEPSEEK | {"model_type": "kimi_k2"})

    assert kimi.parameters == config.read_config(DEEPSEEK | {"model_type": "deepseek_v3"}).parameters
    assert kimi.parameters == 1_026_408_209_408
    assert "kimi_k2 is read as deepseek_v3" in kimi.notes[0]


@pytest.mark.parametrize("missing", ["hidden_size", "num_hidden_layers", "kv_lora_rank"])
def test_a_type_that_is_read_as_another_has_none_of_its_sizes(missing):
    """They would be those of another model."""
    values = DEEPSEEK | {"model_type": "kimi_k2"}
    del values[missing]

    with pytest.raises(NotUnderstood, match=f"{missing}: is missing"):
        config.read_config(values)


def test_the_embedding_is_tied_as_the_wrapper_of_images_says():
    """Qwen3-VL 2B is Qwen3 1.7B and an encoder of images, and says at the top that it ties."""
    tied = config.read_config(
        {"model_type": "qwen3_vl", "tie_word_embeddings": True,
         "text_config": QWEN | {"model_type": "qwen3_vl_text"}}
    )  # fmt: skip
    loose = config.read_config({"model_type": "qwen3_vl", "text_config": QWEN | {"model_type": "qwen3_vl_text"}})

    assert tied.parameters == config.read_config(QWEN | {"model_type": "qwen3", "tie_word_embeddings": True}).parameters
    assert loose.parameters - tied.parameters == 151936 * 2048


@pytest.mark.parametrize("model_type", ASSUMED)
def test_a_key_that_no_class_reads_may_have_only_the_value_that_the_formulas_hold_for(model_type):
    """Any other value is named, and no answer is given."""
    for key, allowed in ASSUMED[model_type].items():
        told = _told({"model_type": model_type, key: allowed[0] if allowed[0] is not ANY else 7})
        assert key not in told
        if allowed[0] is not ANY:
            assert f"{key}: is 'otherwise', and these formulas hold for {allowed[0]!r}" in _told(
                {"model_type": model_type, key: "otherwise"}
            )


def test_sliding_layers_of_mimo_have_the_heads_that_its_file_names():
    """And the file's window counts the tokens before the newest."""
    own = {"swa_num_key_value_heads": 8, "swa_head_dim": 192, "swa_v_head_dim": 128, "sliding_window_size": 128,
           "hybrid_layer_pattern": [0, 1, 1, 0]}  # fmt: skip
    states = config.read_config(MIMO | own).states()

    assert states == {Full(4, 192, 128): 2, Sliding(8, 192, 128, 129): 2}


def test_keys_that_are_off_are_told_and_refuse_nothing():
    """A model without shared experts says that their width is 0."""
    values = {"model_type": "qwen3_moe", "shared_expert_intermediate_size": 0}

    assert "shared_expert_intermediate_size is not read" in config.read_config(values).notes
    with pytest.raises(NotUnderstood, match="shared_expert_intermediate_size"):
        config.read_config(values | {"shared_expert_intermediate_size": 512})


def test_a_rule_of_layers_is_not_read_beside_their_names():
    """`full_attention_interval` stands in published files of Qwen3.5 beside `layer_types`, which wins."""
    values = {"model_type": "qwen3_5_text", "num_hidden_layers": 4, "full_attention_interval": 2,
              "layer_types": [*["linear_attention"] * 3, "full_attention"]}  # fmt: skip
    kept = config.read_config(values).states()

    assert sum(layers for state, layers in kept.items() if state.kept(Count(2)).cache) == 1


def test_every_alias_is_of_a_type_that_is_understood():
    """And every wrapper's decoder too."""
    known = {*config.supported(), *ALIASES}

    assert {alias.like for alias in ALIASES.values()} <= set(config.supported())
    assert {inside.model_type for inside in WRAPPERS.values()} <= known
    assert not set(ALIASES) & set(config.supported())


def _told(values):
    try:
        return "\n".join(config.read_config(values).notes)
    except NotUnderstood as error:
        return str(error)
