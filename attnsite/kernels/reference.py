"""Attention in float64, one head after another: what every other kernel is compared with.

    scores = q kᵀ / √dim        weights = softmax(scores)        out = weights v

Nothing is clever here. The largest score of a row is subtracted before the exponential, which changes nothing but the
range [@blanchard2021softmax]. A causal mask is aligned at the bottom right: query i sees key j when
j ≤ i + keys − queries, as in FlashAttention since 2.1. A row that sees no key gives zeros. A masked key has no
influence at all, not even when its value is NaN.

Bytes: reads q, k, v once a head and holds one head's scores at a time.

Look at `rows`: the same lines at dtype float32 are the "plain NumPy" whose error bounds that of every kernel.
Source: [@vaswani2017attention §3.2.1].
"""

import math

import numpy as np

DEVICE = "cpu"


def attention(q: np.ndarray, k: np.ndarray, v: np.ndarray, out: np.ndarray, *, causal: bool) -> None:
    """Fill `out (batch, heads, queries, dim)`, computing in float64."""
    block = 1024
    for start in range(0, q.shape[2], block):
        chosen = np.arange(start, min(start + block, q.shape[2]))
        out[:, :, chosen] = rows(q, k, v, chosen, causal=causal)


def rows(q: np.ndarray, k: np.ndarray, v: np.ndarray, rows: np.ndarray, *, causal: bool,
         dtype: type = np.float64) -> np.ndarray:  # fmt: skip
    """The output of some query rows, (batch, heads, len(rows), dim), computed at `dtype` in plain NumPy.

    q (batch, heads, queries, dim); k, v (batch, kv_heads, keys, dim), where kv_heads divides heads.
    """
    batch, heads, queries, dim = q.shape
    kv_heads, keys = k.shape[1:3]
    visible = np.clip(rows + keys - queries + 1, 0, keys) if causal else np.full(len(rows), keys)
    masked = np.arange(keys)[None, :] >= visible[:, None]  # (rows, keys)
    out: np.ndarray = np.zeros((batch, heads, len(rows), dim), dtype)
    if keys == 0:
        return out
    with np.errstate(invalid="ignore", over="ignore", under="ignore"):
        for b, h in np.ndindex(batch, heads):
            kv = h // (heads // kv_heads)
            scores = q[b, h, rows].astype(dtype) @ k[b, kv].astype(dtype).T * dtype(1 / math.sqrt(dim))
            scores[masked] = -np.inf
            weights = np.exp(scores - _largest(scores))  # (rows, keys)
            weights[masked] = 0
            out[b, h] = _mix(weights, v[b, kv].astype(dtype), visible) / _total(weights, visible)
    out[:, :, visible == 0] = 0
    return out


def _largest(scores: np.ndarray) -> np.ndarray:
    """The largest score of each row, (rows, 1); zero where nothing is visible."""
    largest = scores.max(axis=1, keepdims=True)
    return np.where(largest == -np.inf, scores.dtype.type(0), largest)


def _total(weights: np.ndarray, visible: np.ndarray) -> np.ndarray:
    """The sum of each row's weights, (rows, 1); one where nothing is visible."""
    return np.where(visible[:, None] == 0, weights.dtype.type(1), weights.sum(axis=1, keepdims=True))


def _mix(weights: np.ndarray, values: np.ndarray, visible: np.ndarray) -> np.ndarray:
    """weights @ values, (rows, dim); with NaN or infinity among the values only the visible ones are touched."""
    if np.isfinite(values).all():
        return weights @ values
    return np.stack([row[:seen] @ values[:seen] for row, seen in zip(weights, visible, strict=True)])
