"""What fits together: the one check of a call's arrays, for every kernel on every device, before any is read.

Compiled code looks at no bounds. Arrays that do not fit would be read beyond their ends, which gives numbers that look
right, or ends the process.
"""

import functools
import math
from collections import Counter
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

FLOAT32 = (np.dtype(np.float32),)
Look = tuple[tuple[int, ...], tuple[int, ...], np.dtype]
_LIKE_K = ("k", "v", "dk", "dv")
_WRITTEN = ("out", "dq", "dk", "dv")
_PLAN = "(batch, heads, length, dim)"


class Sizes(NamedTuple):
    """Of a call whose arrays fit: q (batch, heads, queries, dim), k and v (batch, kv_heads, keys, dim)."""

    batch: int
    heads: int
    kv_heads: int
    queries: int
    keys: int
    dim: int


def require_fit(q: Any, k: Any, v: Any, out: Any, *, dtypes: tuple[np.dtype, ...] = FLOAT32, widest: int = 0,
                contiguous: bool = False) -> Sizes:  # fmt: skip
    """The sizes of a call, if its arrays fit together, of NumPy or on a device.

    dtypes: what q may be stored as; k, v and out are stored alike. contiguous: whether a row after another is needed.
    Raises ValueError for the first array that does not fit, NotImplementedError for heads wider than `widest`, if any.
    """
    require_writable(out=out)
    return fit((("q", look(q)), ("k", look(k)), ("v", look(v)), ("out", look(out))), dtypes, widest, contiguous)


def require_writable(**arrays: Any) -> None:
    """Raise ValueError for an array that is to be written and may only be read."""
    for name, array in arrays.items():
        flags = getattr(array, "flags", None)
        if not getattr(flags, "writeable", True):
            raise ValueError(f"{name} may only be read: give an array that can be written to")


def look(array: Any) -> Look:
    """What is to be seen of an array without reading it."""
    return array.shape, array.strides, array.dtype


@functools.lru_cache(maxsize=512)
def fit(looks: tuple[tuple[str, Look], ...], dtypes: tuple[np.dtype, ...] | None = FLOAT32, widest: int = 0,
        contiguous: bool = False) -> Sizes:  # fmt: skip
    """The same for arrays by their names, q and k among them; dtypes None leaves types to the caller.

    Arrays called k, v, dk and dv are like k, all others like q. Kept for the calls to come.
    """
    named = dict(looks)
    for name, (shape, _, _) in looks:
        if len(shape) != 4:
            plan = _PLAN.replace("heads", "kv_heads") if name in _LIKE_K else _PLAN
            raise ValueError(f"{name} has {len(shape)} dimensions, {shape}: make it {plan}")
    batch, dim = (_most(shape[i] for shape, _, _ in named.values()) for i in (0, 3))
    heads, queries = (_most(named[name][0][i] for name in named if name not in _LIKE_K) for i in (1, 2))
    kv_heads, keys = (_most(named[name][0][i] for name in named if name in _LIKE_K) for i in (1, 2))
    like_k, like_q = (batch, kv_heads, keys, dim), (batch, heads, queries, dim)
    for name, (shape, strides, dtype) in looks:
        wanted = like_k if name in _LIKE_K else like_q
        if shape != wanted:
            raise ValueError(f"{name} is {shape}, and with the others it must be {wanted}: they do not fit together")
        if dtypes is not None and dtype not in dtypes:
            given = " or ".join(str(one) for one in dtypes)
            raise ValueError(f"{name} is {dtype}: give {given}")
        if dtypes is not None and dtype != named["q"][2]:
            raise ValueError(f"{name} is {dtype} and q {named['q'][2]}: store them alike")
        repeated = 0 not in shape and any(size > 1 and step == 0 for size, step in zip(shape, strides, strict=True))
        if name in _WRITTEN and repeated:
            raise ValueError(f"{name} is one number seen several times: give an array of its own to write to")
        if contiguous and not _is_dense(shape, strides, dtype):
            raise ValueError(f"{name} has gaps or another order, strides {strides}: make it contiguous")
    if kv_heads == 0 or heads % kv_heads:
        raise ValueError(f"k has {kv_heads} KV heads and q {heads} heads: the first must divide the second")
    if dim == 0:
        raise ValueError("q has heads of width 0: give them at least one element")
    if widest and dim > widest:
        raise NotImplementedError(f"handles heads up to a width of {widest}, got {dim}")
    return Sizes(batch, heads, kv_heads, queries, keys, dim)


def _most(sizes: Iterable[int]) -> int:
    """What most arrays say of a size, so that the one that differs is named; of equally many, the first."""
    return Counter(sizes).most_common(1)[0][0]


def _is_dense(shape: tuple[int, ...], strides: tuple[int, ...], dtype: np.dtype) -> bool:
    """Whether numbers lie one behind the other, in the order of their indices."""
    dense = (dtype.itemsize * math.prod(shape[i + 1 :]) for i in range(len(shape)))
    return 0 in shape or all(size == 1 or step == one for size, step, one in zip(shape, strides, dense, strict=True))
