"""The `cost` command: the answer, its record, and one line for whatever is wrong."""

import json
import re
from pathlib import Path

import pytest

from attnsite import cli
from attnsite.commands.cost import cost

OBSERVED = json.loads(Path(__file__).with_name("configs.json").read_text("utf-8"))
LLAMA = {
    "model_type": "llama", "vocab_size": 128256, "hidden_size": 4096, "intermediate_size": 14336,
    "torch_dtype": "bfloat16", "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 8,
    "tie_word_embeddings": False,
}  # fmt: skip
GEMMA = {
    "model_type": "gemma3", "text_config": {
        "model_type": "gemma3_text", "vocab_size": 262208, "hidden_size": 5376, "intermediate_size": 21504,
        "num_hidden_layers": 62, "num_attention_heads": 32, "num_key_value_heads": 16, "head_dim": 128,
        "sliding_window": 1024,
    },
}  # fmt: skip


@pytest.fixture
def answer(tmp_path, capsys):
    """What the command prints for a config, and its exit status."""

    def ask(values, *words):
        path = tmp_path / "config.json"
        path.write_text(values if isinstance(values, str) else json.dumps(values), "utf-8")
        status = cli.main(["cost", str(path), *words])
        return status, *capsys.readouterr()

    return ask


def test_the_answer_of_llama_3_8b(answer):
    """1 GiB at 8192 tokens, 128 KiB a token, 8.03 billion parameters, the formula with its numbers."""
    status, out, err = answer(LLAMA)

    assert (status, err) == (0, "")
    assert out.startswith("1 GiB of KV cache for llama in bf16 at 8,192 tokens × 1 sequence; ")
    assert "adds 128 KiB." in out
    assert "8,030,261,248" in out
    assert "32 × 2 × 8 KV heads × 128 × 8,192 tokens × 2 bytes" in out
    assert "modeling_llama.py: LlamaAttention" in out


@pytest.mark.parametrize(
    ("changed", "said"),
    [({"torch_dtype": "float3"}, "dtype: is 'float3'"), ({"num_key_value_heads": 7}, "does not divide 32 query heads"),
     ({"num_key_value_heads": 64}, "does not divide 32 query heads")],
)  # fmt: skip
def test_what_no_model_has_is_named(answer, changed, said):
    """And no answer is given for it."""
    status, out, err = answer(LLAMA | changed)
    assert (status, out) == (1, "")
    assert said in err


def test_a_dtype_is_read_as_configs_spell_it_and_a_key_stands_once(answer):
    """With the package's name before it or not; of two values of a key readers would take different ones."""
    whole = json.loads(answer(LLAMA | {"torch_dtype": "torch.float32"}, "--json")[1])
    assert whole["weight_bytes"] == 4 * whole["parameters"]
    status, _, err = answer(json.dumps(LLAMA).replace("{", '{"num_hidden_layers": 2, ', 1))
    assert status == 1
    assert "'num_hidden_layers' is a duplicate key" in err


def test_the_record_for_programs(answer):
    """Whole numbers under the names that are documented."""
    _, out, _ = answer(LLAMA, "--json", "--context", "32k", "--batch", "8", "--kv-dtype", "fp8")
    record = json.loads(out)

    assert record["parameters"] == record["active_parameters"] == 8_030_261_248
    assert record["kv_bytes_per_token"] == 64 << 10
    assert record["kv_bytes"] == (64 << 10) * 32768 * 8
    assert record["kv_bytes"] == sum(state["bytes"] for state in record["states"])
    assert record["keys"]["num_key_value_heads"] == "num_key_value_heads"


def test_windows_count_with_the_newest_token_and_without(answer):
    """Gemma 3 27B at 32k: 10 layers of all tokens and 52 of 1024, of which transformers has 1023 between steps."""
    _, out, _ = answer(GEMMA, "--json", "--context", "32k")
    record, each = json.loads(out), 2 * 16 * 128 * 2

    assert record["kv_bytes"] == each * (10 * 32768 + 52 * 1024)
    assert record["kv_bytes_between_steps"] == each * (10 * 32768 + 52 * 1023)
    assert record["kv_bytes_per_token"] == 10 * each


def test_experts_count_as_active_only_where_they_are_chosen():
    """Qwen3 30B A3B: 30.5 billion, 3.3 of them for a token."""
    values = {"model_type": "qwen3_moe", "vocab_size": 151936, "hidden_size": 2048, "num_hidden_layers": 48,
              "num_attention_heads": 32, "num_key_value_heads": 4, "head_dim": 128, "num_experts": 128,
              "num_experts_per_tok": 8, "moe_intermediate_size": 768}  # fmt: skip
    record = cost(values)

    assert record["parameters"] == 30_532_122_624
    assert record["active_parameters"] == record["parameters"] - 48 * 120 * 3 * 2048 * 768


def test_ranks_keep_their_share_and_pages_are_whole(answer):
    """Four ranks have two KV heads each; 8193 tokens take 513 pages of 16."""
    one = json.loads(answer(LLAMA, "--json")[1])["kv_bytes"]
    assert json.loads(answer(LLAMA, "--json", "--tensor-parallel", "4")[1])["kv_bytes"] == one // 4
    assert json.loads(answer(LLAMA, "--json", "--tensor-parallel", "16")[1])["kv_bytes"] == one // 8
    paged = json.loads(answer(LLAMA, "--json", "--context", "8193", "--page", "16")[1])["kv_bytes"]
    assert paged == one // 8192 * 513 * 16


def test_ranks_that_do_not_divide_are_refused(answer):
    status, out, err = answer(LLAMA, "--tensor-parallel", "3")

    assert (status, out) == (1, "")
    assert "cannot be shared out to 3 ranks; choose a number of ranks" in err


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", ":1: is not valid JSON"),
        ("[1]", "not an object"),
        ('{"model_type": "nobody"}', "is 'nobody', which is not understood"),
        ("[" * 100_000, "is not valid JSON"),
    ],
)
def test_bad_files_get_one_line(answer, text, told):
    """File, place, what and remedy; no traceback."""
    status, out, err = answer(text)

    assert (status, out) == (1, "")
    assert told in err
    assert len(err.strip().splitlines()) == 1


def test_no_file_and_none_that_is_there(capsys, tmp_path):
    assert cli.main(["cost", str(tmp_path / "none.json")]) == 1
    assert "cannot be read" in capsys.readouterr().err
    assert cli.main(["cost"]) == 1
    assert "names no model" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words", [("--context", "0"), ("--context", "many"), ("--batch", "-1"), ("--kv-dtype", "gold")]
)
def test_bad_options_are_refused_with_their_name(answer, words, capsys):
    with pytest.raises(SystemExit):
        answer(LLAMA, *words)
    assert f"argument {words[0]}" in capsys.readouterr().err


@pytest.mark.parametrize("name", OBSERVED["cases"])
def test_the_formula_that_is_shown_gives_the_bytes_that_are_shown(name):
    """What a reader would type into a calculator, words left out."""
    record = cost(OBSERVED["cases"][name]["config"], context=777, batch=3)
    for state in record["states"]:
        assert eval(re.sub(r"[A-Za-z,]", "", state["formula"]).replace("×", "*")) == state["bytes"]
    assert sum(state["bytes"] for state in record["states"]) == record["kv_bytes"]


def test_the_list_names_what_is_understood(capsys):
    assert cli.main(["cost", "--list"]) == 0
    names = capsys.readouterr().out.split()

    assert len(names) >= 120
    assert "llama" in names
