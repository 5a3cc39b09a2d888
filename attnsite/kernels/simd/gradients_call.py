"""One call of the backward pass as compiled code takes it: flat arrays, strides in elements, chunks of keys."""

import functools
from itertools import chain
from typing import NamedTuple

import numpy as np
from numba import njit

from attnsite.kernels.plain.inner import INLINE
from attnsite.kernels.plain.shapes import Look, fit
from attnsite.kernels.simd.call import WIDEST, apart, reach


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


class Place(NamedTuple):
    """Where an array's numbers lie, flat, with the elements from one sequence, head and row to the next."""

    data: np.ndarray
    batch: int
    head: int
    row: int


class Arrays(NamedTuple):
    """Those of one call; dq, dk and dv are written."""

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
    q: Look,
    k: Look,
    v: Look,
    out: Look,
    dout: Look,
    dq: Look,
    dk: Look,
    dv: Look,
    causal: bool,
    window: tuple[int, int] | None,
    aligned: str,
    least: int,
    units: int,
) -> tuple[Shape, np.ndarray]:
    """Sizes, and the same with all strides as int64; for each array what `look` saw.

    The keys are split into `units` chunks over all heads of all sequences, of a multiple of `least` keys each.
    Raises as `cpu_simd_backward.gradients` does.
    """
    named = {"q": q, "k": k, "v": v, "out": out, "dout": dout, "dq": dq, "dk": dk, "dv": dv}
    batch, heads, kv_heads, queries, keys, dim = fit(tuple(named.items()), widest=WIDEST)
    low, high, _ = reach(queries, keys, causal, window, aligned)
    wanted = -(-units // max(1, batch * kv_heads))
    chunk = max(1, -(-keys // (wanted * least))) * least
    sizes = Shape(batch, heads, kv_heads, queries, keys, dim, low, high, chunk, -(-keys // chunk))
    return sizes, np.array([*sizes, *chain.from_iterable(apart(name, *array) for name, array in named.items())])


@njit(**INLINE)
def unpack_shape(n):
    """`Shape` again, from its numbers."""
    return Shape(n[0], n[1], n[2], n[3], n[4], n[5], n[6], n[7], n[8], n[9])


@njit(**INLINE)
def place(data, n, i):
    """Array i of `Arrays`: its strides lie behind the sizes."""
    return Place(data, n[10 + 3 * i], n[11 + 3 * i], n[12 + 3 * i])


@njit(**INLINE)
def row_at(array, b, h, i):
    """Where row i of a `Place` begins."""
    return b * array.batch + h * array.head + i * array.row
