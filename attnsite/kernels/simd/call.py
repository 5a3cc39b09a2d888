"""One call of attention as compiled code takes it: flat arrays, strides in elements, and which keys a query sees."""

import functools
import math
from itertools import chain
from typing import NamedTuple

import numpy as np
from numba import njit

from attnsite.kernels.plain.exponential import LOG2_E
from attnsite.kernels.plain.inner import INLINE
from attnsite.kernels.plain.shapes import Look, fit, look, require_writable
from attnsite.kernels.simd.half import INT8, bits, storage
from attnsite.kernels.simd.rows import Place, place

WIDEST = 256  # columns of a head
FAR = 1 << 40  # a reach without an end
_FLOAT32 = np.dtype(np.float32)
_LOG2_E = np.float32(LOG2_E)
_NOTHING32, _NOTHING16 = np.empty(0, np.float32), np.empty(0, np.uint16)
_NARROW = [_NOTHING16] * 4
_EXTRAS: list[np.ndarray] = [np.empty(0, np.uint8), *[_NOTHING32] * 4]


class Call(NamedTuple):
    """Sizes, and which keys a query sees: query i sees key j when i + low ≤ j ≤ i + high.

    A causal mask, a window and both alignments are this. Query i stands at position i + offset itself.
    """

    batch: int
    heads: int
    kv_heads: int
    queries: int
    keys: int
    dim: int
    low: int
    high: int
    offset: int
    q_type: int  # how q is stored: FLOAT32, FLOAT16 or BFLOAT16
    kv_type: int  # the same for k and v; INT8 too
    out_type: int  # the same for out


class Arrays(NamedTuple):
    """Those of one call in compiled code: q, out (batch, heads, queries, dim), k, v (batch, kv_heads, keys, dim).

    16-bit numbers lie in the uint16 places, float32 ones in the others, so that types never vary; a place that is not
    used leads nowhere. The rest are flat arrays, empty where they were not asked for: key_mask (batch · keys), 1 for
    keys that take part; alibi_slopes (batch · heads), times √dim; lse (batch · heads · queries), which is written;
    k_scales and v_scales (batch · kv_heads · keys), the factors of int8's rows.
    """

    q: Place
    k: Place
    v: Place
    out: Place
    q16: Place
    k16: Place
    v16: Place
    out16: Place
    key_mask: np.ndarray
    alibi_slopes: np.ndarray
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
    causal_alignment: str = "bottom-right",
    key_mask: np.ndarray | None = None,
    alibi_slopes: np.ndarray | None = None,
    lse: np.ndarray | None = None,
    scales: tuple[np.ndarray, np.ndarray] | None = None,
) -> tuple[Call, np.ndarray, tuple[np.ndarray, ...]]:
    """Check a call and lay it out: its sizes, and the numbers and flat arrays that `unpack_call` makes records of.

    Arguments are those of `cpu_simd.attention` and `cpu_simd_decode.attention`. Nothing is copied but int8 codes that
    are odd in number. Raises ValueError, naming the argument, for what does not fit together, and NotImplementedError
    for a head width.
    """
    require_writable(out=out)
    call, numbers = _lay_out(look(q), look(k), look(v), look(out), causal, window and tuple(window), causal_alignment,
                             scales is not None)  # fmt: skip
    flat = [flatten(q), flatten(k), flatten(v), flatten(out)]
    kinds = call.q_type, call.kv_type, call.kv_type, call.out_type
    if any(kinds):
        narrow = [array if kind else _NOTHING16 for array, kind in zip(flat, kinds, strict=True)]
        flat = [_NOTHING32 if kind else array for array, kind in zip(flat, kinds, strict=True)]
    else:
        narrow = _NARROW
    plain = key_mask is alibi_slopes is lse is scales is None
    extras = _EXTRAS if plain else _extras(call, key_mask, alibi_slopes, lse, scales)
    return call, numbers, (*flat, *narrow, *extras)


@functools.lru_cache(maxsize=512)
def _lay_out(q: Look, k: Look, v: Look, out: Look, causal: bool, window: tuple[int, int] | None,
             causal_alignment: str, scaled: bool) -> tuple[Call, np.ndarray]:  # fmt: skip
    """Kept for the calls to come: for a short prompt this takes as long as its arithmetic."""
    named = {"q": q, "k": k, "v": v, "out": out}
    sizes = fit(tuple(named.items()), dtypes=None, widest=WIDEST)
    q_type, kv_type, out_type = storage(q[2]), storage(k[2], INT8 if scaled else None), storage(out[2])
    if v[2] != k[2] or out[2] not in (q[2], np.dtype(np.float32)):
        raise ValueError(f"k is {k[2]} and v {v[2]}, q {q[2]} and out {out[2]}: store those pairs alike")
    low, high, offset = reach(sizes.queries, sizes.keys, causal, window, causal_alignment)
    call = Call(*sizes, low, high, offset, q_type, kv_type, out_type)
    return call, np.array([*call, *chain.from_iterable(strides_of(name, *array) for name, array in named.items())])


def reach(
    queries: int, keys: int, causal: bool, window: tuple[int, int] | None, causal_alignment: str
) -> tuple[int, int, int]:
    """low, high and offset of a call. `window` is (left, right), −1 for no end, as in FlashAttention.

    "bottom-right": the last query stands at the last key, as in FlashAttention since 2.1 and when decoding.
    "top-left": the first query stands at the first key, as with PyTorch's `is_causal`.
    """
    offsets = {"bottom-right": keys - queries, "top-left": 0}
    if causal_alignment not in offsets:
        raise ValueError(f'causal_alignment is {causal_alignment!r}: make it "bottom-right" or "top-left"')
    left, right = window or (-1, -1)
    offset = offsets[causal_alignment]
    right = 0 if causal else right
    return (offset - left if left >= 0 else -FAR), (offset + right if right >= 0 else FAR), offset


def strides_of(name: str, shape: tuple[int, ...], strides: tuple[int, ...], dtype: np.dtype) -> tuple[int, int, int]:
    """An array's strides over sequences, heads and rows, in elements.

    Raises ValueError if a row does not lie in one piece, forwards, or if int8 codes have gaps anywhere.
    """
    if 0 in shape:
        return (0, 0, 0)
    dense = tuple(dtype.itemsize * math.prod(shape[i + 1 :]) for i in range(4))
    if dtype == np.int8:
        if any(size > 1 and step != one for size, step, one in zip(shape, strides, dense, strict=True)):
            raise ValueError(f"{name} is int8: make it contiguous")
        return dense[0], dense[1], dense[2]
    size = dtype.itemsize
    steps = [step if count > 1 else 0 for count, step in zip(shape, strides, strict=True)]
    if any(step % size or step < 0 for step in steps) or (shape[3] > 1 and steps[3] != size):
        raise ValueError(f"{name} does not lie head element by head element, forwards: copy it first")
    return steps[0] // size, steps[1] // size, steps[2] // size


def flatten(array: np.ndarray) -> np.ndarray:
    """The memory that an array spans as one flat array, 16-bit numbers as their bits in uint16; copies nothing else.

    int8 becomes uint16 too, copied if its numbers are odd in number.
    """
    if array.dtype is _FLOAT32 and array.flags.c_contiguous:  # by far the most frequent, and the quickest
        return array.reshape(-1)
    if array.dtype == np.int8:
        codes = array.reshape(-1)
        return (np.append(codes, codes[:1]) if codes.size % 2 else codes).view(np.uint16)
    array = bits(array)
    if array.flags.c_contiguous:
        return array.reshape(-1)
    if array.size == 0:
        return np.empty(0, array.dtype)
    pairs = zip(array.shape, array.strides, strict=True)
    span = 1 + sum((size - 1) * step // array.itemsize for size, step in pairs)
    return np.lib.stride_tricks.as_strided(array, (span,), (array.itemsize,))


def _extras(call: Call, key_mask: np.ndarray | None, alibi_slopes: np.ndarray | None, lse: np.ndarray | None,
            scales: tuple[np.ndarray, np.ndarray] | None) -> list[np.ndarray]:  # fmt: skip
    """What was asked for beyond q, k, v and out; the empty array for what was not."""
    batch, heads, kv_heads, queries, keys, dim = call[:6]
    made: list[np.ndarray] = list(_EXTRAS)
    if key_mask is not None:
        made[0] = _checked("key_mask", key_mask, (batch, keys), bool).view(np.uint8)
    if alibi_slopes is not None:
        made[1] = _checked("alibi_slopes", alibi_slopes, (batch, heads), np.float32) * np.float32(math.sqrt(dim))
    if lse is not None:
        require_writable(lse=lse)
        made[2] = _checked("lse", lse, (batch, heads, queries), np.float32)
    if scales is not None:
        made[3:] = [_checked("scales", each, (batch, kv_heads, keys), np.float32) for each in scales]
    return made


def _checked(name: str, array: np.ndarray, shape: tuple[int, ...], dtype: type) -> np.ndarray:
    if array.shape != shape or array.dtype != dtype or not array.flags.c_contiguous:
        raise ValueError(f"{name} is {array.dtype} {array.shape}: make it contiguous {dtype.__name__} {shape}")
    return array.reshape(-1)


@njit(**INLINE)
def unpack_call(numbers, flat):
    """`Call` and `Arrays` from what `prepare` gave: Numba takes an array in a microsecond and a record in a hundred."""
    n = numbers
    call = Call(n[0], n[1], n[2], n[3], n[4], n[5], n[6], n[7], n[8], n[9], n[10], n[11])
    q, k, v, out, q16, k16, v16, out16, key_mask, alibi_slopes, lse, k_scales, v_scales = flat
    arrays = Arrays(place(q, n, 12), place(k, n, 15), place(v, n, 18), place(out, n, 21), place(q16, n, 12),
                    place(k16, n, 15), place(v16, n, 18), place(out16, n, 21), key_mask, alibi_slopes, lse, k_scales,
                    v_scales)  # fmt: skip
    return call, arrays


@njit(**INLINE)
def base_two_scale(dim):
    """1 / √dim times log2(e): weights are powers of two inside."""
    return np.float32(_LOG2_E / np.sqrt(np.float32(dim)))


@njit(**INLINE)
def log_sum(most, total, dim):
    """The natural log-sum-exp of scores whose largest is `most`, before scaling: total = Σ exp((score − most) / √dim).

    Rounded once, to float32; the backward pass recomputes weights from it.
    """
    return np.float32(np.float64(most) / np.sqrt(np.float64(dim)) + np.log(np.float64(total)))
