"""What the calculator says beside its numbers: the released dtype, limits, defaults, and the numbers of each step."""

import json
import re
from fractions import Fraction
from pathlib import Path

import pytest

from attnsite import cli
from attnsite.commands.cost import tokens
from attnsite.formulas import config, devices, models
from attnsite.formulas.cost import Cost
from attnsite.formulas.counts import Count
from attnsite.formulas.dtypes import DTYPES, WEIGHTS
from attnsite.formulas.keys import NotUnderstood
from attnsite.site.widgets import calculator, calculator_form
from attnsite.site.widgets.calculator_tables import derivation
from attnsite.site.widgets.calculator_words import Chosen, figures, sentence

FORMULAS = Path(config.__file__).parent
QUANTIZED = [model for model in models.load().values() if "quantization_config" in model.config]


def of(values, count=8192):
    """A pasted config on the first device."""
    every = devices.load()
    cost = Cost(config.read_config(values), Count(count), device=every["h100-sxm"])
    return Chosen("yours", cost, every["h100-sxm"], tuple(every.values()), "", cost.decoder.positions)


def shown(html):
    return re.sub(r"<[^>]+>", "|", html)


# --- the dtype of the release ----------------------------------------------------------------------------------


def test_a_model_released_in_fewer_bits_opens_in_them_and_says_so():
    """Until another dtype is chosen for all weights."""
    assert {"deepseek-v3", "gpt-oss-120b", "kimi-k2"} <= {model.slug for model in QUANTIZED}
    for model in QUANTIZED:
        opened = calculator.chosen(model.slug)
        assert opened.cost.weight_bytes < 2 * opened.cost.decoder.parameters * 0.6
        assert f"of weights in {opened.cost.stored.name}, as released," in sentence(opened), model.slug
        assert not any(note.startswith("quantization_config") for note in opened.cost.decoder.notes)
        other = Cost(opened.cost.decoder, Count(8192), weights=WEIGHTS["bf16"], device=opened.device)
        assert other.weight_bytes == 2 * other.decoder.parameters
        assert "as released" not in sentence(Chosen("m", other, opened.device, opened.devices, model.slug))
    assert "released" not in sentence(calculator.chosen())


@pytest.mark.parametrize(
    ("slug", "held", "within"),
    [
        ("gpt-oss-120b", 60.8 * 2**30, 0.003),  # model card of gpt-oss, table 1: size of the checkpoint
        ("gpt-oss-20b", 12.8 * 2**30, 0.003),
        ("deepseek-v4-flash", 148.66 * 2**30, 0.03),  # llm-cal ca137f6b, docs/models: its files, with a layer more
        ("deepseek-v3", 641.30 * 2**30, 0.03),
    ],
)
def test_weights_as_released_take_what_the_files_take(slug, held, within):
    """Experts in four bits, or all layers in eight, and embedding and output in sixteen. DeepSeek's files have a layer
    more, which predicts a further token."""
    assert Cost(models.load()[slug].decoder(), Count(1)).weight_bytes == pytest.approx(held, rel=within)


def test_what_a_config_was_quantized_to_is_read_or_named():
    """fp8, mxfp4, AWQ and GPTQ; another method is a note, and weights count as before."""
    base = models.load()["llama-3-8b"].config
    whole = Cost(config.read_config(base), Count(1))
    ends = 2 * 128256 * 4096 + 4096
    for method, each in (({"quant_method": "fp8"}, 1), ({"quant_method": "gptq", "bits": 8}, 1),
                         ({"quant_method": "awq", "bits": 4}, 133 / 256)):  # fmt: skip
        found = Cost(config.read_config({**base, "quantization_config": method}), Count(1))
        assert found.weight_bytes == pytest.approx((whole.decoder.parameters - ends) * each + 2 * ends, rel=1e-6)
        assert found.decode.bytes < whole.decode.bytes
    for method in ({"quant_method": "bitsandbytes"}, {"quant_method": "awq", "bits": 3}, {}):
        found = of({**base, "quantization_config": method})
        assert found.cost.weight_bytes == whole.weight_bytes
        assert "Its config names a quantization" in sentence(found)


# --- limits of a model, defaults of a class --------------------------------------------------------------------


def test_a_context_beyond_the_models_own_is_told(capsys):
    """On the page, of a model of the list and of a pasted one, and by the command; within it nothing is said."""
    told = "The model supports 8,192 tokens; this is extrapolated."
    assert told in sentence(calculator.chosen("llama-3-8b", tokens=8193))
    assert "made for" not in sentence(calculator.chosen("llama-3-8b", tokens=8192))
    base = models.load()["llama-3-8b"].config
    for key in ("max_position_embeddings", "max_seq_len"):
        assert told in sentence(of({**base, key: 8192}, 9000)), key
    assert "made for" not in sentence(of(base, 1 << 20))
    assert cli.main(["cost", "llama-3-8b", "--context", "32k"]) == 0
    assert "made for 8,192 tokens" in capsys.readouterr().out
    assert cli.main(["cost", "llama-3-8b", "--context", "32k", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["context_limit"] == 8192
    rows = {row[0]: row[-1] for row in json.loads(calculator.data())["models"]}
    assert rows["llama-3-8b"] == 8192
    assert all(rows[model.slug] == model.context for model in models.load().values() if model.context)


def test_sizes_that_a_config_does_not_name_are_told_before_the_answer():
    """Of a config of one key all; of a whole one, and of a model of the list, none."""
    first, _, rest = sentence(of({"model_type": "llama"})).partition(". ")
    assert first.startswith("Not in the config, and taken from its class: ")
    assert {"hidden_size", "num_hidden_layers", "num_attention_heads", "vocab_size"} <= set(re.findall(r"\w+", first))
    assert rest.startswith("yours needs")
    assert sentence(of(models.load()["llama-3-8b"].config)).startswith("yours needs")
    nested = {"model_type": "gemma3", "text_config": {"model_type": "gemma3_text", "hidden_size": 2560}}
    assert "text_config.num_hidden_layers" in sentence(of(nested)).partition(". ")[0]
    assert "hidden_size" not in re.findall(r"\.(\w+)", sentence(of(nested)).partition(". ")[0])
    for model in models.load().values():
        assert sentence(calculator.chosen(model.slug)).startswith(model.name), model.slug


def test_what_a_fault_advises_can_be_done_where_it_is_read():
    """The browser shows the same lines: so none names a command or an option of it."""
    for path in [*FORMULAS.glob("*.py"), *(FORMULAS / "families").glob("*.py")]:
        code = re.sub(r'"""(?:.|\n)*?"""', "", path.read_text(encoding="utf-8"))
        assert not re.search(r"attnsite cost|`attnsite|--[a-z]", code), path.name
    with pytest.raises(NotUnderstood, match="which is not understood; report the model"):
        config.read_config({"model_type": "no_such_model"})


# --- examples, and the numbers of each step --------------------------------------------------------------------


@pytest.mark.parametrize(("label", "state"), calculator_form.STARTS, ids=lambda value: str(value)[:20])
def test_an_example_fits_the_device_that_it_names(label, state):
    """And is within the context of its model; a dtype in its label is that of its weights."""
    model, device = models.find(state["model"]), devices.find(state["device"])
    count, ranks = Count(tokens(state.get("context", "8k"))), int(state.get("devices", 1))
    stored = WEIGHTS[state["weights"]] if "weights" in state else None
    cost = Cost(model.decoder(), count, int(state.get("batch", 1)), DTYPES["bf16"], stored, ranks, device)

    assert cost.fits
    assert not model.context or count.tokens <= model.context
    named = re.search(r", (fp8|q4)$", label)
    assert not named or cost.weight_dtype.name.startswith(named[1])


@pytest.mark.parametrize(
    ("slug", "batch", "ranks"),
    [("llama-3-8b", 1, 1), ("qwen3-30b-a3b", 4, 1), ("deepseek-v3", 16, 8), ("t5-small", 1, 1)],
)
def test_the_derivation_of_a_decode_step_has_every_number_of_it(slug, batch, ranks):
    """Layers, output and norm, experts and cache, each with its bytes, make the bytes that the step reads.

    The embedding is named as what it does not read."""
    one = calculator.chosen(slug, "h200-sxm", 4096, batch)
    cost = Cost(one.cost.decoder, one.cost.count, batch, ranks=ranks, device=one.device)
    text = shown(derivation(Chosen(one.name, cost, one.device, one.devices, slug)))
    step = re.search(r"A decode step reads\|+([^|]+)", text)[1]
    layers, ends = (int(found.replace(",", "")) for found in re.findall(r"([\d,]+) of (?:layers|output)", step))
    per = [float(Fraction(found)) for found in re.findall(r"× ([\d/]+) bytes?", step)]
    read = layers * per[0] + ends * per[1]
    if cost.decoder.in_experts:
        found = re.search(r"Experts that a step reads\|+([\d.]+)% of ([\d,]+) parameters", text)
        share = cost.decoder.experts_read(batch) / cost.decoder.in_experts
        assert float(found[1]) / 100 == pytest.approx(share, abs=5e-3)
        assert int(found[2].replace(",", "")) == cost.decoder.in_experts
        assert "+ the experts" in step
        read += share * cost.decoder.in_experts * cost.stored.experts.group_bytes / cost.stored.experts.group
    held = int(re.search(r"([\d,]+) bytes of cache", step)[1].replace(",", ""))

    assert read / ranks + held == pytest.approx(cost.decode.bytes)
    assert (f"/ {ranks} devices" in step) == (ranks > 1)
    if cost.decoder.ends.rows:
        assert f"Embedding, not read by a step||{cost.decoder.ends.rows:,} parameters" in text
    rest = cost.decoder.parameters - cost.decoder.in_layers - cost.decoder.in_experts - ends
    assert rest == cost.decoder.ends.rows + cost.decoder.encoder


def test_a_cache_that_does_not_grow_any_more_says_when_it_did():
    """Full windows add nothing: beside 0 B stands what each token added before."""
    full = shown(figures(calculator.chosen("mistral-7b-v0.1", tokens=32768))).replace("\u202f", " ")
    assert "|0 B| |all windows are full: 128 KiB for each of the first 4,096 tokens|" in full
    assert "all windows" not in figures(calculator.chosen("mistral-7b-v0.1", tokens=4095))
    for model in models.load().values():
        one = calculator.chosen(model.slug, tokens=1 << 20)
        if not one.cost.kv_bytes_per_token:
            assert re.search(r"all windows are full|no layer keeps more", figures(one)), model.slug


def test_fp4_of_consumer_blackwell_is_dense_and_twice_its_int8():
    """As NVIDIA's whitepaper has it: half of the AI TOPS, which count sparsity."""
    for key, announced in (("rtx-5090", 3352), ("rtx-5080", 1801), ("rtx-5070-ti", 1406), ("rtx-5070", 988)):
        peaks = devices.load()[key].peaks_tflops
        assert peaks["fp4"] == announced / 2
        assert peaks["fp4"] == pytest.approx(2 * peaks["int8"], rel=2e-3)
