"""Registers cut into slices, one for each head of a group, against NumPy; and groups of all sizes against float64."""

import numpy as np
import pytest
from numba import njit

from attnsite.kernels import cpu_simd_decode, cpu_simd_decode_bf16, cpu_simd_decode_int8, reference
from attnsite.kernels.plain.inner import INLINE
from attnsite.kernels.simd import slices
from attnsite.kernels.simd.decode_layout import chunk_of, slice_of
from attnsite.kernels.simd.registers import WIDTH, load, pointer, store
from attnsite.kernels.simd.tile import put, zeros

accumulate_slices, fold_slices, keep_first = slices.accumulate_slices, slices.fold_slices, slices.keep_first
spread_largest, copy_slice, repeat, put_scaled = (
    slices.spread_largest, slices.copy_slice, slices.repeat, slices.put_scaled)  # fmt: skip
SIZE, ROWS = WIDTH // 2, WIDTH  # lanes of a slice, and keys
OTHER = np.float32(-7)


def steps(source):
    """What each operation makes of WIDTH rows of WIDTH numbers, source[r], and of the query source[WIDTH]."""

    @njit(**INLINE)
    def fold(a, b):
        tile = zeros(ROWS, 1)
        tile = accumulate_slices(tile, a, 0, WIDTH, load(a, WIDTH * WIDTH, 1), SIZE)
        put(b, 0, WIDTH, fold_slices(tile, SIZE))

    @njit
    def run(source, target, scaled):
        a, b, c = pointer(source), pointer(target), pointer(scaled)
        fold(a, b)
        one = load(a, 0, 1)
        store(b, 2 * WIDTH, keep_first(one, 1, OTHER, SIZE))
        store(b, 3 * WIDTH, spread_largest(one, SIZE))
        store(b, 4 * WIDTH, repeat(a, 1, SIZE))
        copy_slice(a, 3, b, 5 * WIDTH, SIZE)
        tile = accumulate_slices(zeros(2, 1), a, 0, 1, load(a, WIDTH * WIDTH, 1), SIZE)
        put_scaled(c, 0, WIDTH, 2 * WIDTH, 1, tile)

    target, scaled = np.full(6 * WIDTH, np.nan, np.float32), source.reshape(-1)[: 2 * WIDTH + 2].copy()
    run(source.reshape(-1), target, scaled)
    return target.reshape(6, WIDTH), scaled


def test_slices_are_folded_kept_spread_and_scaled_as_numpy_does():
    """Whole numbers, whose sums are exact in any order."""
    rng = np.random.default_rng(3)
    source = rng.integers(-9, 10, (WIDTH + 1, WIDTH)).astype(np.float32)
    found, scaled = steps(source)
    query = source[WIDTH].reshape(2, SIZE)
    expected = np.einsum("hs,ks->kh", query, source[:WIDTH, :SIZE]).reshape(WIDTH // SIZE, SIZE, 2)
    np.testing.assert_array_equal(found[:2].reshape(WIDTH // SIZE, 2, SIZE), expected.swapaxes(1, 2))
    lanes = np.arange(WIDTH) % SIZE
    np.testing.assert_array_equal(found[2], np.where(lanes < 1, source[0], OTHER))
    np.testing.assert_array_equal(found[3], source[0].reshape(2, SIZE).max(1).repeat(SIZE))
    flat = source.reshape(-1)
    np.testing.assert_array_equal(found[4], np.tile(flat[1 : 1 + SIZE], 2))
    np.testing.assert_array_equal(found[5][:SIZE], flat[3 : 3 + SIZE])
    assert np.isnan(found[5][SIZE:]).all(), "copied beyond the slice"
    for r in range(2):
        key = np.tile(flat[r : r + SIZE], 2)
        old, factor = flat[r * WIDTH : (r + 1) * WIDTH], flat[2 * WIDTH + r]
        np.testing.assert_array_equal(scaled[r * WIDTH : (r + 1) * WIDTH], old * factor + key * source[WIDTH])


def test_chunks_hold_every_head_of_a_group_and_waste_less_than_half():
    for group in range(1, 130):
        heads = chunk_of(group)
        rows = -(-group // heads) * heads
        assert heads == 1 if group == 1 else heads in (2, 4, 8, 16, 32) and heads <= 2 * WIDTH
        assert group <= rows < 2 * group
        assert heads == 1 or WIDTH % slice_of(heads) == 0


def exact(q, k, v, causal, window, key_mask):
    """Attention in float64, from rows that take part alone, and zeros for queries that see none."""
    queries, keys, group = q.shape[2], k.shape[2], q.shape[1] // k.shape[1]
    i, j = np.arange(queries)[:, None] + keys - queries, np.arange(keys)
    seen = np.ones((queries, keys), bool) if not causal else j <= i
    seen = seen & (j >= i - window[0]) if window else seen
    out = np.zeros(q.shape)
    for b, h, n in np.ndindex(q.shape[:3]):
        rows = np.flatnonzero(seen[n] & (True if key_mask is None else key_mask[b]))
        if len(rows):
            s = k[b, h // group, rows].astype(float) @ q[b, h, n].astype(float) / np.sqrt(q.shape[3])
            weights = np.exp(s - s.max())
            out[b, h, n] = weights @ v[b, h // group, rows].astype(float) / weights.sum()
    return out


CALLS = [  # batch, KV heads, queries, keys, dim, causal, window, masked
    (2, 1, 1, 300, 128, True, None, False),
    (1, 2, 3, 77, 64, True, None, False),
    (1, 1, 5, 513, 40, True, (50, 0), True),
    (1, 1, 2, 290, 80, False, None, True),
    (1, 1, 16, 140, 16, True, (3, 0), False),
    (1, 1, 16, 9, 48, True, None, False),  # the first queries see nothing
]


@pytest.mark.parametrize("call", CALLS, ids=str)
def test_heads_of_a_group_of_any_size_are_as_exact_alone_as_together(call):
    """Float32, bfloat16 and int8 caches; hidden rows hold NaN, outputs NaN beforehand, and canaries stand around."""
    batch, kv_heads, queries, keys, dim, causal, window, masked = call
    for group in (1, 2, 3, 4, 5, 7, 8, 12, 16, 20, 24, 32, 71):
        rng = np.random.default_rng(group)
        q = rng.standard_normal((batch, kv_heads * group, queries, dim), dtype=np.float32)
        k, v = rng.standard_normal((2, batch, kv_heads, keys, dim), dtype=np.float32)
        key_mask = rng.random((batch, keys)) < 0.7 if masked else None
        for module in (None, cpu_simd_decode_bf16, cpu_simd_decode_int8):
            scales, kept, restored = None, (k.copy(), v.copy()), (k, v)
            if module:
                kept = module.store_cache(k, v)
                restored = module.restore_cache(*kept)
            elif masked:
                for array in kept:
                    array[np.broadcast_to(~key_mask[:, None], array.shape[:3])] = np.nan
            if module is cpu_simd_decode_int8:
                kept, scales = zip(*kept, strict=True)
            around = np.full(q.size + 64, np.nan, np.float32)
            around[:32] = around[-32:] = 17
            out = around[32:-32].reshape(q.shape)
            cpu_simd_decode.attention(q, *kept, out, causal=causal, window=window, key_mask=key_mask, scales=scales)
            error = np.abs(out - exact(q, *restored, causal, window, key_mask)).max()
            assert error < 3e-6, (group, module)
            assert (np.delete(around, np.s_[32:-32]) == 17).all(), (group, module)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_bad_key_or_value_that_a_group_sees_is_seen_and_another_is_not(bad):
    """Against the reference, for a query that sees it and one that does not."""
    rng = np.random.default_rng(1)
    q = rng.standard_normal((1, 8, 2, 64), dtype=np.float32)
    for where in (0, 1):
        kept = list(rng.standard_normal((2, 1, 2, 41, 64), dtype=np.float32))
        kept[where][0, 1, 40] = bad  # the last key, which the first query does not see
        out = np.full_like(q, np.nan)
        cpu_simd_decode.attention(q, *kept, out, causal=True)
        expected = np.empty(q.shape)
        with np.errstate(invalid="ignore"):
            reference.attention(q, *kept, expected, causal=True)
        np.testing.assert_array_equal(np.isnan(out), np.isnan(expected))
        assert np.isfinite(out[:, :, 0]).all()
        assert not np.isfinite(out[0, 4:, 1]).all()
