"""Intensity and balance: counts agree with the closed form of the page, and times are read off as they should be."""

import pytest

from attnsite.experiments import balance_by_machine, batch_intensity
from attnsite.figures import time_by_sharing
from attnsite.formulas.attention import Attention
from attnsite.records import registry
from attnsite.records.run_file import Provenance, Row, Run

CACHE = 2 * 4 * 128 * 4 * 1000  # bytes of keys and values in `run`


@pytest.mark.parametrize("size", [2, 4])
@pytest.mark.parametrize(("group", "queries", "keys"), [(1, 1, 4096), (8, 1, 4096), (4, 16, 512), (1, 256, 256)])
def test_intensity_depends_on_sharing_alone(group, queries, keys, size):
    """FLOPs over bytes, each array moved once, are (2 / b) · s·K / (s + K), whatever the width and KV heads."""
    shared = group * queries
    for dim, kv_heads in ((64, 2), (128, 8)):
        layer = Attention(1, kv_heads * group, dim, kv_heads)
        seen = layer.core_flops(queries, keys) / layer.input_bytes(queries, keys, size)

        assert seen == pytest.approx(2 / size * shared * keys / (shared + keys))


def test_a_decoding_step_does_as_many_flops_a_byte_as_there_are_heads_in_a_group():
    """At 16 bits; latent attention of 128 heads does 2·128·(2·512 + 64) FLOPs on 2·(512 + 64) bytes."""
    cases = {case["name"]: case for case in balance_by_machine.experiment.cases if case["kind"] == "decoding"}
    seen = {name: balance_by_machine.observe(case)["intensity"] for name, case in cases.items()}

    assert (seen["Llama 2 7B"], seen["Llama 3 8B"], seen["Falcon-7B"]) == (1, 4, 71)
    assert seen["DeepSeek-V3 671B"] == pytest.approx(256 * 1088 / 1152)


@pytest.mark.parametrize("machine", balance_by_machine.machines(), ids=lambda machine: machine["key"])
def test_what_a_machine_asks_for_brings_attention_to_its_balance(machine):
    """So many queries on a long cache, or so long a causal prompt, have the machine's intensity; its source exists."""
    seen = balance_by_machine.observe(machine)

    assert seen["queries_a_key"] * 2 / balance_by_machine.ELEMENT_BYTES == pytest.approx(seen["intensity"])
    assert (seen["causal_prompt"] + 1) / 2 / balance_by_machine.ELEMENT_BYTES == pytest.approx(seen["intensity"])
    assert (registry.ROOT.parent / "docs" / "sources" / f"{machine['source']}.bib").exists()


def test_a_batch_moves_the_weights_only():
    """The intensity of attention is the same for every batch, that of the weights is the batch at 16 bits."""
    for case in batch_intensity.experiment.cases:
        seen = batch_intensity.observe(case)

        assert seen["weight_flops"] / seen["weight_bytes"] == case["batch"]
        assert seen["attention_flops"] / seen["cache_bytes"] == 32 / case["kv_heads"]


def run(times):
    """A run with a time for each (query heads of a group, tokens, sequences)."""
    rows = [
        Row(kernel="cpu_simd", samples=(time,) * 3,
            case={"heads": 4 * group, "kv_heads": 4, "queries": queries, "keys": 1000, "dim": 128, "batch": batch,
                  "causal": False})
        for (group, queries, batch), time in times.items()
    ]  # fmt: skip
    rows += [Row(case={}, kernel="ceiling:read", values={"bytes": CACHE}, samples=(1.0,)),
             Row(case={}, kernel="ceiling:fma", values={"flops": 4 * 128 * 4 * 1000 * 16}, samples=(1.0,))]  # fmt: skip
    return Run("time_by_sharing", "timing", "m", "full", "d", (), Provenance({}, {}, "", 1.0, {}), tuple(rows))


def test_where_the_time_doubles_is_read_between_the_points():
    """One second is reading, 16 queries are a second of arithmetic; 2 s lie halfway from 1 to 4 s in the logarithm."""
    seen = time_by_sharing.values(
        run({(1, 1, 1): 1, (4, 1, 1): 1, (16, 1, 1): 4, (1, 8, 1): 1.5, (1, 1, 2): 2, (1, 1, 4): 4})
    )

    assert seen["doubling"].value == pytest.approx(8)
    assert (seen["batch_next"].value, seen["batch_next_growth"].value) == (2, pytest.approx(2))
    assert seen["tokens_doubling"].value == 8  # not reached: the most that was measured
    assert seen["balance_queries"].value == pytest.approx(16)
    assert seen["group_16_growth"].value == 4
    assert seen["one_over_reading"].value == 1


def test_a_run_without_a_batch_is_not_measured_yet():
    """A figure that compares three ways of having more queries needs all of them."""
    with pytest.raises(LookupError, match="not measured yet"):
        time_by_sharing.values(run({(1, 1, 1): 1, (4, 1, 1): 1, (1, 8, 1): 2}))
