"""`cpu_block_sparse` over any layout, against the reference."""

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attnsite.kernels import cpu_block_sparse, cpu_simd, reference
from attnsite.measure import correctness
from attnsite.records.workload import Workload


def arrays(heads, kv_heads, queries, keys, dim, seed=0, batch=1):
    rng = np.random.default_rng([seed, heads, kv_heads, queries, keys, dim])

    def normal(count, length):
        return rng.standard_normal((batch, count, length, dim), dtype=np.float32)

    return normal(heads, queries), normal(kv_heads, keys), normal(kv_heads, keys)


def sight(layout, queries, keys, causal):
    """Which keys each query sees, bool (queries, keys): the definition, pair by pair."""
    size = -(-queries // len(layout))
    seen = layout[np.arange(queries) // size][:, np.arange(keys) // size]
    return seen & np.tri(queries, keys, keys - queries if causal else keys, dtype=bool)


def run(q, k, v, causal, layout=None):
    out = np.full_like(q, np.nan)
    cpu_block_sparse.attention(q, k, v, out, causal=causal, layout=layout)
    return out


def layouts(queries, keys, size, share, seed):
    """A random layout in blocks of `size`, with about that share of blocks kept."""
    shape = -(-queries // size), -(-keys // -(-queries // -(-queries // size)))
    return np.random.default_rng([seed, *shape]).random(shape) < share


@settings(max_examples=150, deadline=None)
@given(
    st.integers(1, 2), st.integers(1, 3), st.integers(1, 300), st.integers(1, 300), st.integers(1, 70),
    st.integers(1, 150), st.sampled_from([0, 0.1, 0.5, 0.9, 1]), st.booleans(), st.integers(0, 99),
)  # fmt: skip
def test_any_layout_is_right(kv_heads, group, queries, keys, dim, size, share, causal, seed):
    """Any lengths, blocks of any size, any share of them kept, rows and columns that are empty."""
    q, k, v = arrays(kv_heads * group, kv_heads, queries, keys, dim, seed, batch=1 + seed % 2)
    layout = layouts(queries, keys, size, share, seed)
    seen = sight(layout, queries, keys, causal)

    out = run(q, k, v, causal, layout)

    assert correctness.compare(q, k, v, out, causal=causal, seen=lambda rows: seen[rows]).right
    assert (out[:, :, ~seen.any(axis=1)] == 0).all()


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("size", [8, 13, 64])
def test_what_is_dropped_is_never_read(size, causal):
    """NaN and infinity in dropped blocks leave the result as it is, bit for bit; kept ones go where they must."""
    q, k, v = arrays(2, 1, 260, 260, 40)
    layout = layouts(260, 260, size, 0.3, 1)
    layout[:, 2] = layout[:, 4] = False
    layout[3, 1] = True
    size = -(-260 // len(layout))
    clean = run(q, k, v, causal, layout)
    for column, bad in ((2, np.nan), (4, np.inf)):
        k[:, :, column * size : (column + 1) * size] = v[:, :, column * size : (column + 1) * size] = bad
    np.testing.assert_array_equal(run(q, k, v, causal, layout), clean)

    v[0, 0, size + 1, 3] = np.nan
    spoiled = run(q, k, v, causal, layout)
    exact = reference.rows(q, k, v, np.arange(260), causal=causal, seen=sight(layout, 260, 260, causal))
    np.testing.assert_array_equal(np.isnan(spoiled), np.isnan(exact))


@pytest.mark.parametrize("tokens", [64, 200, 1000])
@pytest.mark.parametrize("blocks", [(64, 2, 0), (32, 1, 4), (16, 3, 5), (64, 1, 1)])
def test_workloads_with_blocks_are_what_the_reference_sees(tokens, blocks):
    """The layout of a workload and what it says its queries see are the same; the generic check accepts the kernel."""
    work = Workload(heads=4, kv_heads=2, queries=tokens, keys=tokens, dim=16, causal=True, blocks=blocks)

    np.testing.assert_array_equal(work.seen(np.arange(tokens)), sight(work.layout(), tokens, tokens, True))
    assert correctness.check(cpu_block_sparse.attention, work).right


@pytest.mark.parametrize("lengths", [(200, 200), (70, 300), (300, 70)])
def test_a_layout_that_keeps_everything_changes_nothing(lengths):
    """All blocks are one tile after another, so that even the bits are those of the dense kernel."""
    q, k, v = arrays(4, 2, *lengths, 64)
    dense = np.full_like(q, np.nan)
    cpu_simd.attention(q, k, v, dense, causal=True)

    np.testing.assert_array_equal(run(q, k, v, True), dense)
    everything = np.ones((-(-lengths[0] // 64), -(-lengths[1] // 64)), bool)
    if (
        lengths[0] > 64 * (len(everything) - 1)
        and -(-lengths[0] // len(everything)) * everything.shape[1] >= lengths[1]
    ):
        np.testing.assert_allclose(run(q, k, v, True, everything), dense, rtol=1e-5, atol=1e-6)


def test_any_number_of_threads_gives_the_same_bits():
    """How work is dealt out depends on who is free; what is computed does not."""
    q, k, v = arrays(3, 1, 700, 700, 40)
    layout, before = layouts(700, 700, 48, 0.3, 2), numba.get_num_threads()
    together = run(q, k, v, True, layout)
    try:
        numba.set_num_threads(1)
        alone = run(q, k, v, True, layout)
    finally:
        numba.set_num_threads(before)

    np.testing.assert_array_equal(alone, together)


def test_what_does_not_fit_is_refused():
    """One line, which says what is wrong and what to do."""
    q, k, v = arrays(2, 1, 40, 90, 8)
    for layout, line in (
        (np.ones((4, 8), bool), "layout has 8 blocks of 10 keys, fewer than 90: give it a column"),
        (np.ones((4, 9)), r"layout is float64 \(4, 9\): make it bool"),
        (np.ones(4, bool), r"layout is bool \(4,\)"),
        (np.ones((0, 4), bool), "make it bool"),
    ):
        with pytest.raises(ValueError, match=line):
            run(q, k, v, True, layout)
    half = [x.astype(np.float16) for x in (q, k, v)]
    with pytest.raises(NotImplementedError, match="float32"):
        run(*half, True)


@pytest.mark.parametrize("shape", [(0, 5), (5, 0), (0, 0)])
def test_lengths_of_zero(shape):
    """No query or no key: nothing to do, or nothing to see."""
    q, k, v = arrays(2, 1, *shape, 8)

    assert (run(q, k, v, True) == 0).all()
