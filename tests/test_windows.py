"""Windows: a mask over all scores, a ring that forgets, and what a window leaves to be read."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attnsite.kernels import cpu_blas_masked, cpu_simd, cpu_simd_decode, reference
from attnsite.kernels import cpu_simd_decode_rolled as rolled
from attnsite.measure import candidates, correctness
from attnsite.records import registry
from attnsite.records.workload import Workload


def arrays(heads, kv_heads, queries, keys, dim, seed=0):
    rng = np.random.default_rng([seed, heads, kv_heads, queries, keys, dim])

    def normal(count, length):
        return rng.standard_normal((2, count, length, dim), dtype=np.float32)

    return normal(heads, queries), normal(kv_heads, keys), normal(kv_heads, keys)


def band(queries, keys, window, causal):
    """Which keys each query sees, bool (queries, keys)."""
    apart = np.arange(keys)[None] - (np.arange(queries)[:, None] + keys - queries)
    left, right = window
    right = 0 if causal else right
    return (apart >= (-left if left >= 0 else -keys - queries)) & (apart <= (right if right >= 0 else keys + queries))


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 2), st.integers(1, 3), st.integers(1, 90), st.integers(1, 90), st.integers(1, 40),
    st.integers(-1, 60), st.integers(-1, 60), st.booleans(), st.integers(0, 9),
)  # fmt: skip
def test_a_mask_and_a_bounded_loop_see_the_same(kv_heads, group, queries, keys, dim, left, right, causal, seed):
    """The kernel that masks all scores and the one that skips both agree with the reference, wherever the window is."""
    q, k, v = arrays(kv_heads * group, kv_heads, queries, keys, dim, seed)
    seen = band(queries, keys, (left, right), causal)
    for kernel in (cpu_blas_masked, cpu_simd):
        out = np.full_like(q, np.nan)
        kernel.attention(q, k, v, out, causal=causal, window=(left, right))

        assert correctness.compare(q, k, v, out, causal=causal, seen=lambda rows: seen[rows]).right
        assert (out[:, :, ~seen.any(axis=1)] == 0).all()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("where", ["k", "v"])
def test_a_mask_hides_whatever_is_there(bad, where):
    """Keys and values outside the window have no influence, not even where 0 times them is no number."""
    q, k, v = arrays(2, 1, 40, 50, 8)
    k2, v2 = k.copy(), v.copy()
    {"k": k2, "v": v2}[where][0, 0, 20, 3] = bad
    clean, spoiled = np.empty_like(q), np.empty_like(q)
    options = {"causal": True, "window": (6, 0)}
    cpu_blas_masked.attention(q, k, v, clean, **options)
    cpu_blas_masked.attention(q, k2, v2, spoiled, **options)

    sees = band(40, 50, (6, 0), True)[:, 20]
    np.testing.assert_allclose(spoiled[0][:, ~sees], clean[0][:, ~sees], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(spoiled[1], clean[1], rtol=1e-5, atol=1e-6)
    exact = reference.rows(q, k2, v2, np.arange(40), causal=True, seen=band(40, 50, (6, 0), True))
    np.testing.assert_array_equal(np.isnan(spoiled), np.isnan(exact))


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 3), st.integers(1, 4), st.integers(1, 400), st.integers(1, 300), st.integers(1, 40))
def test_a_ring_answers_as_the_window_over_the_whole_cache(kv_heads, group, keys, window, dim):
    """Whether the context is shorter than the window, as long, or has gone round several times."""
    q, k, v = arrays(kv_heads * group, kv_heads, 1, keys, dim)
    kept = rolled.store_cache(k, v, (window - 1, 0))
    out = np.full_like(q, np.nan)

    rolled.attention(q, *kept, out, causal=True, window=(window - 1, 0))

    seen = band(1, keys, (window - 1, 0), True)
    assert correctness.compare(q, k, v, out, causal=True, seen=lambda rows: seen[rows]).right


@pytest.mark.parametrize("window", [1, 5, 16, 100])
def test_appending_token_by_token_fills_the_same_ring(window):
    """A ring that grew with the context holds what one that was made at the end holds, in the same rows."""
    _, k, v = arrays(2, 2, 1, 37, 8)
    ring = rolled.Ring(np.full((2, 2, window, 8), np.nan, np.float32), 0)
    for token in range(37):
        ring = rolled.append(ring, k[:, :, token])

        made, _ = rolled.store_cache(k[:, :, : token + 1], v[:, :, : token + 1], (window - 1, 0))
        assert ring.seen == made.seen == token + 1
        np.testing.assert_array_equal(ring.held(), made.held())
    restored, _ = rolled.restore_cache(ring, ring)
    np.testing.assert_array_equal(restored[:, :, -window:], k[:, :, -window:])
    assert (restored[:, :, :-window] == 0).all()


def test_the_order_of_rows_does_not_matter():
    """The rows of a full ring, shuffled, give the same result up to the order of adding."""
    q, k, v = arrays(4, 2, 1, 200, 32)
    order = np.random.default_rng(0).permutation(200)
    one, other = np.empty_like(q), np.empty_like(q)
    cpu_simd_decode.attention(q, k, v, one, causal=True)
    rows = (rolled.Ring(np.ascontiguousarray(x[:, :, order]), 200) for x in (k, v))
    rolled.attention(q, *rows, other, causal=True)

    np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)


def test_a_ring_of_another_length_is_refused():
    """The window of the call is that of the ring."""
    q, k, v = arrays(2, 2, 1, 40, 8)
    rings = rolled.store_cache(k, v, (7, 0))
    with pytest.raises(ValueError, match="the ring has 8 rows"):
        rolled.attention(q, *rings, np.empty_like(q), causal=True, window=(15, 0))
    with pytest.raises(NotImplementedError, match="one query"):
        rolled.attention(q.repeat(2, 2), *rings, np.empty_like(q.repeat(2, 2)), causal=True)


def test_the_measuring_room_rolls_the_workloads_window():
    """A cache is stored for the window of the workload, and stands for tokens in their own places."""
    work = Workload(heads=4, kv_heads=2, queries=1, keys=300, dim=16, causal=True, window=64)
    _, k, v = work.inputs()

    kept, meant = candidates.keep(rolled, k, v, work)

    assert kept[0].rows.shape == (1, 2, 64, 16)
    np.testing.assert_array_equal(meant[0][:, :, -64:], k[:, :, -64:])


@pytest.mark.parametrize("heads", [1, 8, 32])
@pytest.mark.parametrize(("queries", "window"), [(1, (63, 0)), (1, (299, 0)), (5, (63, 0)), (1, (0, 0))])
def test_decoding_with_a_window_never_looks_at_what_it_hides(heads, queries, window):
    """Whole pages of hidden keys and values may be NaN; several parts of the keys are joined all the same."""
    q, k, v = arrays(heads, 1, queries, 5000, 64)
    hidden = ~band(queries, 5000, window, True).any(axis=0)
    k[:, :, hidden] = v[:, :, hidden] = np.nan
    out = np.full_like(q, np.nan)

    cpu_simd_decode.attention(q, k, v, out, causal=True, window=window)

    seen = band(queries, 5000, window, True)
    k[:, :, hidden] = v[:, :, hidden] = 0
    assert correctness.compare(q, k, v, out, causal=True, seen=lambda rows: seen[rows]).right


def test_kernels_for_windows_and_layouts_stand_apart():
    """General sweeps do not time them; a pattern that names them does."""
    general = registry.matching("kernels", ("cpu_*", "cpu_simd_decode*"))
    assert not any(name.endswith(("_masked", "_rolled", "_sparse")) for name in general)
    assert registry.matching("kernels", ("cpu_*_rolled", "cpu_block_sparse")) == [
        "cpu_block_sparse", "cpu_simd_decode_rolled",
    ]  # fmt: skip
