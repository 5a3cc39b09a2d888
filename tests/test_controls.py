"""A control differs from its kernel in what it is for, and in nothing else: the same bits, where they should be."""

import numba
import numpy as np
import pytest

from attnsite.kernels import cpu_blas, cpu_block_sparse, cpu_simd
from attnsite.kernels.controls import control_kept, control_masked, control_written, cpu_simd_repeated
from attnsite.kernels.simd.call import FAR, prepare
from attnsite.kernels.simd.prefill import Blocks, computed

SHAPES = [  # heads, kv_heads, queries, keys, dim: more queries than keys and the reverse, no multiples of anything
    (4, 2, 113, 203, 59),
    (2, 1, 203, 113, 64),
    (3, 3, 257, 640, 5),
]
BLOCKS = [None, (1, 1), (64, 64), (32, 8), (7, 9), (300, 40)]


def arrays(heads, kv_heads, queries, keys, dim):
    rng = np.random.default_rng([heads, queries, keys, dim])
    sizes = (heads, queries), (kv_heads, keys), (kv_heads, keys)
    return [rng.standard_normal((2, *size, dim), dtype=np.float32) for size in sizes]


def run(module, q, k, v, **options):
    out = np.full_like(q, np.nan)
    module.attention(q, k, v, out, **options)
    return out


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
def test_what_is_computed_and_hidden_changes_no_bit(shape, causal):
    """Blocks of any size, or nothing left out; dealt out to threads either way; with NaN among what is hidden."""
    q, k, v = arrays(*shape)
    spoiled = v.copy()
    spoiled[:, :, -1] = np.nan  # which the last query alone sees, if the mask is causal
    for values in (v, spoiled):
        expected = run(cpu_simd, q, k, values, causal=causal)
        for blocks in BLOCKS:
            for dealt in ("longest first", "in parts"):
                found = run(control_masked, q, k, values, causal=causal, blocks=blocks, dealt=dealt)
                np.testing.assert_array_equal(found, expected)
    assert np.isfinite(run(cpu_simd, q, k, spoiled, causal=True)[:, :, : q.shape[2] - 1]).all()


def test_a_control_computes_what_its_kernel_leaves_out():
    """Else it would be no control: pairs that are computed, counted from what the loop asks for."""

    @numba.njit
    def pairs(call, blocks, rows):
        total = 0
        for first in range(0, call.queries, rows):
            begin, end = computed(call, blocks, first, rows)
            total += rows * max(0, end - begin)
        return total

    q, k, v = arrays(1, 1, 256, 256, 8)
    call, _, _ = prepare(q, k, v, np.empty_like(q), causal=True)
    needed, blocked, everything = (pairs(call, Blocks(*size), 32) for size in ((1, 1), (64, 64), (FAR, FAR)))

    assert needed == sum(32 * (first + 32) for first in range(0, 256, 32))
    assert blocked == sum(64 * (first + 64) for first in range(0, 256, 64))
    assert everything == 256 * 256


@pytest.mark.parametrize("causal", [False, True])
def test_scores_that_are_written_out_give_the_same_bits_up_to_a_tile_of_keys(causal):
    """With more keys sums are rescaled on the way or not, and differ in their rounding alone."""
    for shape in ((4, 2, 113, cpu_simd.KEYS, 59), (2, 1, 203, 100, 64), (1, 1, 40, 9, 256)):
        q, k, v = arrays(*shape)
        found = run(control_written, q, k, v, causal=causal)
        np.testing.assert_array_equal(found, run(cpu_simd, q, k, v, causal=causal))
    q, k, v = arrays(*SHAPES[0])
    found, expected = (run(module, q, k, v, causal=causal) for module in (control_written, cpu_simd))
    np.testing.assert_allclose(found, expected, atol=2e-6)


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
def test_copied_heads_kept_memory_and_a_layout_that_keeps_everything_change_no_bit(shape, causal):
    """Each beside the kernel that it follows."""
    q, k, v = arrays(*shape)
    tiled = run(cpu_simd, q, k, v, causal=causal)
    size = -(-q.shape[2] // 4)
    layout = np.ones((4, -(-k.shape[2] // size)), bool)

    np.testing.assert_array_equal(run(cpu_simd_repeated, q, k, v, causal=causal), tiled)
    np.testing.assert_array_equal(run(cpu_block_sparse, q, k, v, causal=causal), tiled)
    np.testing.assert_array_equal(run(cpu_block_sparse, q, k, v, causal=causal, layout=layout), tiled)
    blas = run(cpu_blas, q, k, v, causal=causal)
    np.testing.assert_array_equal(run(control_kept, q, k, v, causal=causal), blas)
