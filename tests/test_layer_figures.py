"""Figures of a whole step: what is counted beside what is measured, against closed forms."""

import math

import pytest

from attnsite.experiments import attention_share, cache_or_weights, gqa_elsewhere
from attnsite.figures import gqa_by_queries, gqa_phases, with_and_without_cache
from attnsite.figures.toolkit import layer
from attnsite.records.quantity import Quantity


class Rates:
    """A run that knows nothing but its limits."""

    def __init__(self, **rates):
        self.rates = rates

    def ceiling(self, name):
        rate = self.rates.get(name)
        return rate and Quantity(rate, "1/s", 0.5 * rate, 2 * rate)


def test_the_layer_has_the_weights_that_the_counts_assume():
    assert layer.MLP_OVER_SQUARE == attention_share.MLP_OVER_SQUARE
    for case in gqa_elsewhere.experiment.cases:
        assert gqa_elsewhere.observe(case)["layer_weights"] == layer.weights(case["kv_heads"])


def test_products_take_as_long_as_the_slower_of_reading_and_multiplying():
    run = Rates(read=1e9, matmul=1e12)
    reading = 4 * layer.weights(32) / 1e9
    assert layer.products(run, 32).value == reading
    assert layer.products(run, 32, 1000).value == reading  # 4 bytes a weight, 2000 FLOPs at a thousand times the rate
    assert layer.products(run, 32, 4000).value == 2 * layer.weights(32) * 4000 / 1e12
    assert (layer.products(run, 32).low, layer.products(run, 32).high) == (reading / 2, reading * 2)
    with pytest.raises(LookupError, match="not measured yet"):
        layer.products(Rates(read=1e9), 32)


@pytest.mark.parametrize("power", [1, 2])
def test_a_power_is_found_again_between_its_points(power):
    found = with_and_without_cache.between([(n, 3.0 * n**power) for n in (5, 8, 40)], power)
    assert list(found) == list(range(1, 41))
    assert all(math.isclose(time, 3.0 * n**power) for n, time in found.items())


@pytest.mark.parametrize("kv_heads", [32, 8, 1])
def test_reading_and_computing_take_the_same_time_at_the_balance(kv_heads):
    run = Rates(read=1e9, fma=1024e9)  # far apart, so that the queries and the result are few beside the cache
    queries = gqa_by_queries.balance(run, kv_heads)
    assert queries == 2048 * kv_heads / 32
    case = {"heads": 32, "dim": 128, "kv_heads": kv_heads, "keys": 2**24, "causal": False}
    at = [gqa_phases.expected(run, {**case, "queries": n}) for n in (1, queries / 2, queries, 2 * queries)]
    assert math.isclose(at[1] / at[0], 1, rel_tol=0.01)
    assert math.isclose(at[2] / at[0], 1, rel_tol=0.01)
    assert math.isclose(at[3] / at[0], 2, rel_tol=0.01)


def test_cache_and_weights_are_equal_at_six_widths_without_sharing():
    case = {"width": 4096, "query_heads": 32, "head_dim": 128, "kv_heads": 32, "context": 4096,
            "mlp_matrices": 2, "mlp_width": 4 * 4096}  # fmt: skip
    seen = cache_or_weights.observe(case)
    assert seen["widths"] == 6
    assert seen["equal_at"]["16"] == 6 * 4096 / 16
    assert seen["batch_for_full_context"] == 6
