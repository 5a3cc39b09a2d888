"""Decoding over a ring buffer that holds the last keys and values only: a window's cache stops growing.

A window hides old keys and does not remove them. Here the token at position p is written to row p mod W of a buffer of
W rows, over the one that has just left the window. After that the rows are out of order, which changes nothing: a
softmax and a weighted sum do not depend on the order of their terms, and all rows of a full ring are visible. Positions
must be in the keys before they are stored, as rotary embeddings put them there; a bias that depends on the distance
would need to know which row is which.

Bytes: reads 8·kv_heads·min(N, W)·dim at a context of N, and keeps no more; a token adds one row to each KV head.

Look at `append`, which is all there is to it. One query at a time: with several, a causal mask would have to know the
order again. The ring is that of Mistral's reference code [@mistral2023code].
"""

from typing import NamedTuple

import numpy as np

from attnsite.kernels import cpu_simd_decode
from attnsite.kernels.plain.shapes import require_fit

DEVICE = "cpu"
FOLLOWS = "cpu_simd_decode"


class Ring(NamedTuple):
    """The last keys (or values) of `seen` tokens in all: that of token p lies in row p mod W."""

    rows: np.ndarray  # (batch, kv_heads, W, dim)
    seen: int

    def held(self) -> np.ndarray:
        """The rows that hold a token: all, once as many have come."""
        return self.rows[:, :, : min(self.seen, self.rows.shape[2])]


def append(ring, token):
    """The ring with one more token (batch, kv_heads, dim), in the place of the oldest if it was full."""
    ring.rows[:, :, ring.seen % ring.rows.shape[2]] = token
    return Ring(ring.rows, ring.seen + 1)


def store_cache(k, v, window=None):
    """Rings of the window's length with all of k and v appended to them; without a window they hold everything."""
    return _fill(k, window), _fill(v, window)


def restore_cache(k, v):
    """What the rings stand for, in the order of tokens, zeros where a token has been forgotten."""
    return _unroll(k), _unroll(v)


def attention(q, k, v, out, *, causal, window=None):
    """Fill out, float32 like q (batch, heads, 1, dim), from rings k and v; the query stands at the last token."""
    sizes = require_fit(q, k.held(), v.held(), out)
    if sizes.queries != 1:
        raise NotImplementedError(f"decodes one query at a time, got {sizes.queries}")
    if window is not None and (window[0] + 1 != k.rows.shape[2] or window[1] not in (0, -1)):
        raise ValueError(f"the window is {tuple(window)} and the ring has {k.rows.shape[2]} rows: make them equal")
    cpu_simd_decode.attention(q, k.held(), v.held(), out, causal=False)


def stages(q, k, v, out, *, causal, window=None):
    """Appending the last token's key and value, and the attention: each may be repeated."""
    keys, values = store_cache(k, v, window)
    before = [Ring(ring.rows, ring.seen - 1) for ring in (keys, values)]

    def write():
        for ring, array in zip(before, (k, v), strict=True):
            append(ring, array[:, :, -1])

    def attend():
        attention(q, keys, values, out, causal=causal, window=window)

    return ("append", write), ("attend", attend)


def _fill(array, window):
    keys = array.shape[2]
    size = keys if window is None else window[0] + 1
    rows = np.empty((*array.shape[:2], size, array.shape[3]), np.float32)
    kept = np.arange(max(0, keys - size), keys)
    rows[:, :, kept % size] = array[:, :, kept]
    return Ring(rows, keys)


def _unroll(ring):
    size = ring.rows.shape[2]
    whole = np.zeros((*ring.rows.shape[:2], ring.seen, ring.rows.shape[3]), np.float32)
    kept = np.arange(max(0, ring.seen - size), ring.seen)
    whole[:, :, kept] = ring.rows[:, :, kept % size]
    return whole
