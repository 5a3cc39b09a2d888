"""Attention as it is written in NumPy: `matmul`, `exp`, `matmul`, every step over all heads at once.

The scores of all heads lie in memory, 4·heads·queries·keys bytes; five passes go over them between the products, six
with a causal mask. The products run on the threads of NumPy's BLAS, everything between them on one thread: that is
NumPy, and most of the time it takes. Every call makes a new output, which `attention` copies and `prepare` hands over.

Grouped heads are not repeated: the queries of a group stand below one another and meet their keys in one product. The
scores are changed in place, which saves the allocation of a second and a third array of their size.

Look at `prepare`: the five lines of the textbook. Source: [@vaswani2017attention §3.2.1].
"""

import math
from collections.abc import Callable

import numpy as np

from attnsite.peers import _mask

DEVICE = "cpu"
MOST = 4 << 30  # bytes of scores: beyond that a machine may swap instead of computing


def attention(q, k, v, out, *, causal):
    """q, out (batch, heads, queries, dim); k, v (batch, kv_heads, keys, dim); all float32."""
    out[...] = prepare(q, k, v, causal=causal)()


def prepare(q: np.ndarray, k: np.ndarray, v: np.ndarray, *, causal: bool) -> Callable[[], np.ndarray]:
    """The call, ready: each makes a new output (batch, heads, queries, dim)."""
    batch, heads, queries, dim = q.shape
    kv_heads, keys = k.shape[1:3]
    if 4 * batch * heads * queries * keys > MOST:
        raise NotImplementedError(f"its scores would take more than {MOST >> 30} GiB")
    if causal and queries > keys:
        raise NotImplementedError("a softmax over no key at all divides by zero; this plain NumPy does not look for it")
    hidden = None if _mask.needs_none(queries, keys, causal) else ~_mask.bottom_right(queries, keys)
    grouped = (batch, kv_heads, heads // kv_heads * queries, dim)
    scale = np.float32(1 / math.sqrt(dim))

    def call() -> np.ndarray:
        scores = (q * scale).reshape(grouped) @ k.swapaxes(2, 3)  # (batch, kv_heads, group · queries, keys)
        if hidden is not None:
            np.copyto(scores.reshape(batch, heads, queries, keys), -np.inf, where=hidden)
        scores -= scores.max(axis=-1, keepdims=True)
        np.exp(scores, out=scores)
        scores /= scores.sum(axis=-1, keepdims=True)
        return (scores @ v).reshape(q.shape)

    return call
