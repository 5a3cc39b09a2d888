"""One call of the backward pass as compiled code takes it: flat arrays, strides in elements, chunks of keys."""

import functools
from itertools import chain
from typing import NamedTuple

import numpy as np
from numba import njit

from attnsite.kernels.plain.inner import INLINE
from attnsite.kernels.plain.shapes import Look, fit
from attnsite.kernels.simd.call import WIDEST, reach, strides_of
from attnsite.kernels.simd.rows import Place, place


class Shape(NamedTuple):
    """Sizes, and which keys a query sees: query i sees key j when i + low ≤ j ≤ i + high."""

    batch: int
    heads: int
    kv_heads: int
    queries: int
    keys: int
    dim: int
    low: int
    high: int
    chunk: int  # keys of a unit of work
    chunks: int


class Gradients(NamedTuple):
    """The arrays of one call, in compiled code; dq, dk and dv are written. lse is flat."""

    q: Place
    k: Place
    v: Place
    out: Place
    dout: Place
    dq: Place
    dk: Place
    dv: Place
    lse: np.ndarray


@functools.lru_cache(maxsize=512)
def lay_out_gradients(
    named: tuple[tuple[str, Look], ...],
    causal: bool,
    window: tuple[int, int] | None,
    causal_alignment: str,
    least: int,
    units: int,
) -> tuple[Shape, np.ndarray]:
    """Sizes, and the same with all strides as int64; for each array, in the order of `Gradients`, what `look` saw.

    The keys are split into `units` chunks over all heads of all sequences, of a multiple of `least` keys each.
    Raises as `cpu_simd_backward.gradients` does.
    """
    batch, heads, kv_heads, queries, keys, dim = fit(named, widest=WIDEST)
    low, high, _ = reach(queries, keys, causal, window, causal_alignment)
    wanted = -(-units // max(1, batch * kv_heads))
    chunk = max(1, -(-keys // (wanted * least))) * least
    sizes = Shape(batch, heads, kv_heads, queries, keys, dim, low, high, chunk, -(-keys // chunk))
    return sizes, np.array([*sizes, *chain.from_iterable(strides_of(name, *array) for name, array in named)])


@njit(**INLINE)
def unpack_gradients(n, flat, lse):
    """`Shape` and `Gradients` from the numbers and the eight flat arrays of a call."""
    shape = Shape(n[0], n[1], n[2], n[3], n[4], n[5], n[6], n[7], n[8], n[9])
    q, k, v, out, dout, dq, dk, dv = flat
    return shape, Gradients(place(q, n, 10), place(k, n, 13), place(v, n, 16), place(out, n, 19), place(dout, n, 22),
                            place(dq, n, 25), place(dk, n, 28), place(dv, n, 31), lse)  # fmt: skip
