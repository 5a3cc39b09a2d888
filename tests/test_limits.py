"""Bounds of a device: by hand for one model, and what must hold for all of them."""

import json
from dataclasses import replace

import pytest

from attnsite import cli
from attnsite.formulas import devices, models
from attnsite.formulas.cost import Cost
from attnsite.formulas.counts import Count
from attnsite.formulas.dtypes import DTYPES, WEIGHTS
from attnsite.formulas.layouts import Chunked, Full, Latent, Sliding

LLAMA, H100 = models.load()["llama-3-8b"], devices.load()["h100-sxm"]
LAYERS = 32 * (4096 * 4096 * 2 + 2 * 4096 * 1024 + 3 * 4096 * 14336)  # weights of Llama 3 8B's layers, without norms
OUTPUT = 128256 * 4096


def llama(tokens=8192, **more):
    return Cost(LLAMA.decoder(), Count(tokens), device=H100, **more)


def test_a_decode_step_of_llama_reads_its_weights_without_the_embedding_and_its_cache():
    """7.5 billion parameters in bf16 and 1 GiB, in 3.35 TB/s: 208 tokens a second."""
    work = llama().decode

    assert work.bytes == 2 * (LAYERS + OUTPUT + 65 * 4096) + (1 << 30)
    assert work.flops == 2 * (LAYERS + OUTPUT + 32 * 32 * 2 * 128 * 8192)
    assert llama().decode_tokens_per_second == pytest.approx(3.35e12 / work.bytes)
    assert llama().limits == {"decode": "memory bandwidth", "prefill": "compute"}


def test_a_prompt_multiplies_every_token_with_the_layers_and_the_last_with_the_output():
    """And each visible pair of query and key in 32 heads of 128, twice."""
    work, pairs = llama(100).prompt, 100 * 101 // 2

    assert work.flops == 2 * (100 * LAYERS + OUTPUT + 32 * 32 * 2 * 128 * pairs)
    assert llama(100).time_to_first_token_s == max(work.flops / 989e12, work.bytes / 3.35e12)


def test_large_batches_are_limited_by_compute_and_small_ones_by_memory():
    """Without a context to read, the weights are shared by the batch."""
    assert llama(1, batch=1).limits["decode"] == "memory bandwidth"
    assert llama(1, batch=4096).limits["decode"] == "compute"


def test_experts_are_read_as_often_as_they_are_expected_to_be_chosen():
    """Of Qwen3 30B A3B one token reads 8 of 128 in each layer, many tokens nearly all."""
    decoder = models.load()["qwen3-30b-a3b"].decoder()
    each = 48 * 3 * 2048 * 768

    assert decoder.experts_read(1) == pytest.approx(8 * each)
    assert decoder.experts_read(16) == pytest.approx(128 * (1 - (1 - 8 / 128) ** 16) * each)
    assert decoder.experts_read(10_000) == pytest.approx(decoder.in_experts) == pytest.approx(128 * each)


@pytest.mark.parametrize(
    ("layout", "seen", "visible"),
    [(Full(1, 1, 1), 10, 55), (Latent(4, 2), 10, 55), (Sliding(1, 1, 1, 4), 4, 4 * 10 - 6), (Chunked(1, 1, 1, 4), 2,
     10 + 10 + 3)],
)  # fmt: skip
def test_keys_seen_and_pairs_visible_are_those_of_a_mask(layout, seen, visible):
    """Ten tokens: 55 pairs of a causal mask; windows and chunks of 4 leave fewer."""
    assert (layout.seen(10), layout.visible(10)) == (seen, visible)


def test_more_ranks_share_weights_and_repeat_what_cannot_be_shared():
    """Eight KV heads on 16 ranks: each has one, so that the cache is there twice."""
    one, many = llama(), llama(ranks=16)

    assert many.memory_bytes == -(-one.weight_bytes // 16) + one.kv_bytes // 8
    assert many.decode.flops == one.decode.flops / 16


def test_what_does_not_fit_says_how_many_devices_do():
    """Llama 3.1 405B: 812 GB in bf16, 16 of 80 GB; 8 in 8 bits."""
    whole = Cost(models.load()["llama-3.1-405b"].decoder(), Count(8192), device=H100)

    assert (whole.fits, whole.devices_needed()) == (False, 16)
    assert replace(whole, weights=WEIGHTS["fp8"]).devices_needed() == 8
    assert whole.fits_on() == []
    assert "h100-sxm" in llama().fits_on()


def test_bounds_hold_for_every_model():
    """A batch never makes a step shorter or a token dearer; fewer bits never make it slower."""
    for slug, model in models.load().items():
        few = Cost(model.decoder(), Count(4096), device=H100)
        many, small = replace(few, batch=8), replace(few, weights=WEIGHTS["q4_0"], kv=DTYPES["fp8"])

        assert many.decode.bytes >= few.decode.bytes, slug
        assert many.decode_tokens_per_second >= few.decode_tokens_per_second, slug
        assert small.decode.bytes <= few.decode.bytes, slug
        assert 0 < few.decode.bytes <= few.memory_bytes, slug
        assert few.time_to_first_token_s > 0


def test_the_command_takes_a_name_and_a_device(capsys):
    """And its record has what a program asks for."""
    assert cli.main(["cost", "Llama 3 8B", "--device", "h100", "--json"]) == 0
    record = json.loads(capsys.readouterr().out)

    assert (record["model"], record["device"], record["fits"]) == ("llama-3-8b", "h100-sxm", True)
    assert record["memory_bytes"] == 16_060_522_496 + (1 << 30)
    assert record["decode_tokens_per_second_at_most"] == pytest.approx(208, rel=0.01)
    assert record["limits"] == {"decode": "memory bandwidth", "prefill": "compute"}
    assert cli.main(["cost", "llama-3-8b", "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert (record["device"], record["fits"], record["decode_tokens_per_second_at_most"]) == (None, None, None)


@pytest.mark.parametrize(
    ("words", "said"),
    [(("lama 3 8b",), "is no model known here, and no file; try llama-3-8b"),
     (("qqqqqqqq",), "--list models"), (("gpt2", "--device", "h10o"), "which is not known; try h100-sxm"),
     (("llama-3.1-405b", "--device", "h100"), "80 GB of NVIDIA H100 SXM; with --tensor-parallel 16")],
)  # fmt: skip
def test_names_that_are_not_known_get_the_nearest(words, said, capsys):
    """One line, and what to do."""
    cli.main(["cost", *words])
    printed = capsys.readouterr()
    assert said in printed.out + printed.err
