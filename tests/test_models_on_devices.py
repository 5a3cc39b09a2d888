"""The count of models on devices, against arithmetic that is done here by hand."""

import pytest

from attnsite.experiments import models_on_devices as counted
from attnsite.formulas import devices


def case(model, device, tokens=8192, version="published", weights="bf16", batch=1):
    keys = {"model": model, "version": version, "weights": weights}
    return keys | {"tokens": tokens, "batch": batch, "device": device}


def test_every_case_that_a_figure_asks_for_is_counted_once():
    keys = [tuple(sorted(asked.items())) for asked in counted.experiment.cases]
    assert len(keys) == len(set(keys))
    assert {asked["version"] for asked in counted.experiment.cases} == {"published", "MHA", "no window"}


def test_a_cache_is_two_vectors_for_each_layer_and_kv_head():
    per_token = 2 * 32 * 8 * 128 * 2
    shared = counted.observe(case("llama-3.1-8b", "h100-sxm"))
    whole = counted.observe(case("llama-3.1-8b", "h100-sxm", version="MHA"))
    assert (shared["bytes_per_token"], shared["kv_bytes"]) == (per_token, 8192 * per_token)
    assert whole["kv_bytes"] == 4 * shared["kv_bytes"]
    assert whole["weight_bytes"] - shared["weight_bytes"] == 2 * 32 * 2 * 4096 * (32 - 8) * 128


def test_without_windows_every_layer_of_gemma_keeps_every_token():
    rolled = counted.observe(case("gemma-3-27b", "h100-sxm"))["kv_bytes"]
    each = 2 * 16 * 128 * 2
    assert rolled == each * (10 * 8192 + 52 * 1024)
    assert counted.observe(case("gemma-3-27b", "h100-sxm", version="no window"))["kv_bytes"] == each * 62 * 8192


@pytest.mark.parametrize("batch", [1, 32])
def test_the_longest_context_fits_and_one_token_more_does_not(batch):
    seen = counted.observe(case("llama-3.1-8b", "rtx-4090", batch=batch))
    left = devices.find("rtx-4090").memory_bytes - seen["weight_bytes"]
    assert seen["longest"] == left // (batch * seen["bytes_per_token"])
    assert counted.observe(case("llama-3.1-70b", "rtx-4090"))["longest"] == 0


def test_the_bound_of_decoding_is_the_bandwidth_over_what_a_step_reads():
    seen = counted.observe(case("llama-3.1-8b", "apple-m4-max"))
    embedding = 128256 * 4096 * 2  # a step reads one row of it
    step = seen["weight_bytes"] - embedding + seen["kv_bytes"]
    assert seen["decode_tokens_per_second"] == pytest.approx(546e9 / step, rel=1e-3)
    assert seen["prefill_seconds"] is None, "no peak of 16-bit products is known of it"
