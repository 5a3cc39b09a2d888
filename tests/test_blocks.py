"""What a causal mask leaves to compute: closed forms against a mask that is looked at pair by pair."""

import numpy as np
import pytest

from attnsite.experiments import causal_pairs
from attnsite.figures import tiling_by_length
from attnsite.figures.toolkit import caches, causal_blocks
from attnsite.records.quantity import Quantity
from attnsite.records.run_file import Provenance, Run

BLOCKS = [(1, 1), (32, 8), (8, 32), (64, 64), (64, 512), (96, 64)]


def computed(queries, keys, tall, wide):
    """Pairs in blocks of which a query sees something, from the mask itself."""
    visible = np.arange(keys)[None, :] <= np.arange(queries)[:, None] + keys - queries
    needed = np.zeros_like(visible)
    for top in range(0, queries, tall):
        for left in range(0, keys, wide):
            needed[top : top + tall, left : left + wide] = visible[top : top + tall, left : left + wide].any()
    return needed


@pytest.mark.parametrize(("tall", "wide"), BLOCKS)
@pytest.mark.parametrize("tokens", [192, 768])
def test_the_formula_counts_the_blocks_that_are_needed(tokens, tall, wide):
    """The gain is all pairs over those in blocks that are computed, also for sides that do not divide each other."""
    if tokens % tall or (tokens % wide and wide < tokens):
        pytest.skip("the formula is for prompts of whole blocks")

    assert causal_blocks.gain(tokens, tall, wide) == pytest.approx(
        tokens**2 / computed(tokens, tokens, tall, wide).sum()
    )


@pytest.mark.parametrize(("tall", "wide"), BLOCKS)
@pytest.mark.parametrize(("queries", "keys"), [(192, 192), (1, 192), (60, 200)])
def test_the_experiment_counts_what_the_mask_needs(queries, keys, tall, wide):
    """Prompts, chunks and single queries; and the thread with most to do, where equal parts are dealt out."""
    found = causal_pairs.observe({"queries": queries, "keys": keys, "block": (tall, wide)})
    needed = computed(queries, keys, tall, wide)

    assert found["computed"] == needed.sum()
    assert found["seen"] == computed(queries, keys, 1, 1).sum()
    if queries == keys and tall == wide == 1:
        halves = needed[: queries // 2].sum(), needed[queries // 2 :].sum()
        assert found["in_2_parts"] == pytest.approx(queries * keys / 2 / max(halves))


def test_a_chunk_gains_what_its_pairs_say():
    """A decoding step gains nothing, a whole prompt nearly two."""
    for queries in (1, 50, 200):
        pairs = computed(queries, 200, 1, 1).sum()
        assert causal_blocks.chunk_gain(queries, 200) == pytest.approx(queries * 200 / pairs)


@pytest.mark.parametrize("heads", [1, 2, 3])
@pytest.mark.parametrize("threads", [1, 2, 4])
def test_everybody_waits_for_the_thread_with_most_pairs(heads, threads):
    """Rows of blocks in equal runs, head after head; one head on T threads tends to 2 T / (2 T − 1)."""
    rows = np.concatenate([computed(256, 256, 8, 8).sum(axis=1).reshape(-1, 8).sum(axis=1)] * heads)
    part = -(-len(rows) // threads)
    most = max(rows[first : first + part].sum() for first in range(0, len(rows), part))

    assert causal_blocks.gain_in_parts(256, 8, 8, heads, threads) == pytest.approx(part * 8 * 256 / most)
    assert causal_blocks.gain_in_parts(65536, 1, 1, 1, threads) == pytest.approx(
        2 * threads / (2 * threads - 1), rel=1e-3
    )


def test_caches_are_those_of_all_cores_that_work_together():
    """Each core has its own first levels, the last is shared; a machine that does not say has none."""
    machine = {"threads": 2, "caches": {"L1 data": "32K", "L1 instruction": "32K", "L2": "1024K", "L3": "32768K"}}

    def run(machine):
        return Run("e", "timing", "m", "quick", "d", (), Provenance(machine, {}, "", 0.0, {}), ())

    assert caches.of(run(machine)) == {"L1": 64 << 10, "L2": 2 << 20, "L3": 32 << 20}
    assert caches.of(run({})) == {}


def test_tiles_pay_from_the_length_after_the_last_at_which_they_do_not():
    """A ratio whose IQR reaches 1 is not clearly above it; later ones count, earlier exceptions do not."""
    ratios = {16: (0.9, 0.8, 1.0), 32: (1.3, 1.2, 1.4), 64: (1.1, 0.9, 1.2), 128: (1.2, 1.1, 1.3), 256: (1.5, 1.4, 1.6)}
    those = {n: Quantity(value, "×", low, high) for n, (value, low, high) in ratios.items()}

    assert tiling_by_length.crossing(those) == (64, 128)
    assert tiling_by_length.crossing({128: those[128]}) == (0, 128)
    assert tiling_by_length.crossing({64: those[64]}) == (64, 0)
