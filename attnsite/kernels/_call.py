"""One call of attention as compiled code takes it: flat arrays, strides in elements, and which keys a query sees."""

import math
from itertools import chain
from typing import NamedTuple

import numpy as np
from numba import njit

from attnsite.kernels._panels import FAR
from attnsite.kernels._storage import INT8, bits, storage

LOG2_E = np.float32(math.log2(math.e))
_NOTHING32, _NOTHING16 = np.empty(0, np.float32), np.empty(0, np.uint16)
_NOTHING8 = np.empty(0, np.uint8)


class Call(NamedTuple):
    """Sizes and strides. Query i sees key j when i + low ≤ j ≤ i + high; it stands at position i + offset itself."""

    batch: int
    heads: int
    kv_heads: int
    queries: int
    keys: int
    dim: int
    q_batch: int  # elements from one sequence to the next …
    q_head: int  # … from one head to the next …
    q_row: int  # … and from one row to the next
    k_batch: int
    k_head: int
    k_row: int
    v_batch: int
    v_head: int
    v_row: int
    out_batch: int
    out_head: int
    out_row: int
    low: int
    high: int
    offset: int
    asked: int  # how q is stored: FLOAT32, FLOAT16 or BFLOAT16
    stored: int  # the same for k and v; INT8 too
    written: int  # the same for out


class Arrays(NamedTuple):
    """The flat arrays. 16-bit numbers lie in the uint16 ones; the others are then empty, so that types never vary.

    taken (batch · keys): keys that take part; slopes (batch · heads): ALiBi's; lse (batch · heads · queries) is
    written; k_scales and v_scales (batch · kv_heads · keys) belong to int8's rows. Each of them may be empty, which
    means: not asked for.
    """

    q: np.ndarray
    k: np.ndarray
    v: np.ndarray
    out: np.ndarray
    q16: np.ndarray
    k16: np.ndarray
    v16: np.ndarray
    out16: np.ndarray
    taken: np.ndarray
    slopes: np.ndarray
    lse: np.ndarray
    k_scales: np.ndarray
    v_scales: np.ndarray


def prepare(
    q: np.ndarray,
    k: np.ndarray,
    v: np.ndarray,
    out: np.ndarray,
    *,
    causal: bool,
    window: tuple[int, int] | None = None,
    aligned: str = "bottom-right",
    taken: np.ndarray | None = None,
    slopes: np.ndarray | None = None,
    lse: np.ndarray | None = None,
    scales: tuple[np.ndarray, np.ndarray] | None = None,
) -> tuple[Call, Arrays]:
    """Check a call and lay it out; compiled code takes `Call` as an array of int64.

    Raises ValueError, naming the argument, for what does not fit together, and NotImplementedError for a head width.
    """
    for name, array in (("q", q), ("k", k), ("v", v), ("out", out)):
        if array.ndim != 4:
            raise ValueError(f"{name} has {array.ndim} dimensions: make it (batch, heads, length, dim)")
    batch, heads, queries, dim = q.shape
    kv_heads, keys = k.shape[1:3]
    if k.shape != (batch, kv_heads, keys, dim) or v.shape != k.shape or out.shape != q.shape:
        raise ValueError(f"q {q.shape}, k {k.shape}, v {v.shape} and out {out.shape} do not belong together")
    if kv_heads == 0 or heads % kv_heads:
        raise ValueError(f"{kv_heads} KV heads do not divide {heads} heads")
    if not 1 <= dim <= 256:
        raise NotImplementedError(f"head widths from 1 to 256, got {dim}")
    asked, stored = storage(q), storage(k, INT8 if scales is not None else None)
    if v.dtype != k.dtype or out.dtype not in (q.dtype, np.dtype(np.float32)):
        raise ValueError(f"k is {k.dtype} and v {v.dtype}, q {q.dtype} and out {out.dtype}: store those pairs alike")
    low, high, offset = reach(queries, keys, causal, window, aligned)
    laid = [flatten("q", q), flatten("k", k), flatten("v", v), flatten("out", out)]
    flat, strides = [array for array, _ in laid], chain.from_iterable(steps for _, steps in laid)
    written = storage(out)
    call = Call._make([batch, heads, kv_heads, queries, keys, dim, *strides, low, high, offset, asked, stored, written])
    kinds = (asked, stored, stored, written)
    wide = [_NOTHING32 if kind else array for array, kind in zip(flat, kinds, strict=True)]
    narrow = [array if kind else _NOTHING16 for array, kind in zip(flat, kinds, strict=True)]
    extras = [
        _NOTHING8 if taken is None else _extra("taken", taken, (batch, keys), bool).view(np.uint8),
        _NOTHING32
        if slopes is None
        else _extra("slopes", slopes, (batch, heads), np.float32) * np.float32(math.sqrt(dim)),
        _NOTHING32 if lse is None else _extra("lse", lse, (batch, heads, queries), np.float32),
        *([_NOTHING32] * 2 if scales is None else
          [_extra("scales", each, (batch, kv_heads, keys), np.float32) for each in scales]),
    ]  # fmt: skip
    return call, Arrays._make([*wide, *narrow, *extras])


def reach(queries: int, keys: int, causal: bool, window: tuple[int, int] | None, aligned: str) -> tuple[int, int, int]:
    """low, high and offset of a call. `window` is (left, right), −1 for no end, as in FlashAttention.

    "bottom-right": the last query stands at the last key, as in FlashAttention since 2.1 and when decoding.
    "top-left": the first query stands at the first key, as with PyTorch's `is_causal`.
    """
    offsets = {"bottom-right": keys - queries, "top-left": 0}
    if aligned not in offsets:
        raise ValueError(f'aligned is {aligned!r}: make it "bottom-right" or "top-left"')
    left, right = window or (-1, -1)
    offset = offsets[aligned]
    right = 0 if causal else right
    return (offset - left if left >= 0 else -FAR), (offset + right if right >= 0 else FAR), offset


def flatten(name: str, array: np.ndarray) -> tuple[np.ndarray, tuple[int, ...]]:
    """The memory that an array spans as one flat array, and its strides in elements. Copies nothing else.

    float32 stays so and 16-bit numbers become their bits in uint16; int8 too, copied if their number is odd.
    """
    if array.dtype == np.int8:
        if not array.flags.c_contiguous:
            raise ValueError(f"{name} is int8: make it contiguous")
        codes = array.reshape(-1)
        return (np.append(codes, codes[:1]) if codes.size % 2 else codes).view(np.uint16), tuple(array.strides[:3])
    array = bits(array)
    if array.flags.c_contiguous:  # by far the most frequent, and the quickest
        return array.reshape(-1), tuple(step // array.itemsize for step in array.strides[:3])
    if array.size == 0:
        return np.empty(0, array.dtype), (0, 0, 0)
    sizes, steps = array.shape, [step // array.itemsize for step in array.strides]
    misfit = any(step % array.itemsize or step < 0 for step in array.strides)
    if misfit or (sizes[3] > 1 and steps[3] != 1):
        raise ValueError(f"{name} does not lie head element by head element, forwards: copy it first")
    span = 1 + sum((size - 1) * step for size, step in zip(sizes, steps, strict=True))
    flat = np.lib.stride_tricks.as_strided(array, (span,), (array.itemsize,))
    return flat, tuple(step if size > 1 else 0 for size, step in zip(sizes[:3], steps[:3], strict=True))


def _extra(name: str, array: np.ndarray, shape: tuple[int, ...], dtype: type) -> np.ndarray:
    if array.shape != shape or array.dtype != dtype or not array.flags.c_contiguous:
        raise ValueError(f"{name} is {array.dtype} {array.shape}: make it contiguous {dtype.__name__} {shape}")
    return array.reshape(-1)


@njit(forceinline=True)
def unpack_call(numbers):
    """`Call` again, from its numbers: Numba takes an array in a microsecond and a named tuple in a hundred."""
    n = numbers
    return Call(n[0], n[1], n[2], n[3], n[4], n[5], n[6], n[7], n[8], n[9], n[10], n[11], n[12], n[13], n[14], n[15],
                n[16], n[17], n[18], n[19], n[20], n[21], n[22], n[23])  # fmt: skip


@njit(forceinline=True)
def base_two_scale(dim):
    """1 / √dim times log2(e): weights are powers of two inside."""
    return np.float32(LOG2_E / np.sqrt(np.float32(dim)))
