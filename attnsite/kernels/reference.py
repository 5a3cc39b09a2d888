"""Attention in float64, one head after another: what every other kernel is compared with.

    scores = q kᵀ / √dim        weights = softmax(scores)        out = weights v

Nothing is clever here. The largest score of a row is subtracted before the exponential, which changes nothing but the
range [@blanchard2021softmax]. A causal mask is aligned at the bottom right: query i sees key j when
j ≤ i + keys − queries, as in FlashAttention since 2.1. A row that sees no key gives zeros. A masked key has no
influence at all, not even when its value is NaN.

Bytes: reads q once, k and v once for every 1024 queries of a head, and holds the scores of so many queries of one head.

Look at `rows`: the same lines at dtype float32 are the "plain NumPy" whose error bounds that of every kernel.
Source: [@vaswani2017attention §3.2.1].
"""

import math
from collections.abc import Callable

import numpy as np

DEVICE = "cpu"
Rounding = Callable[[np.ndarray], np.ndarray]


def attention(q: np.ndarray, k: np.ndarray, v: np.ndarray, out: np.ndarray, *, causal: bool) -> None:
    """Fill `out (batch, heads, queries, dim)`, computing in float64."""
    block = 1024
    for start in range(0, q.shape[2], block):
        chosen = np.arange(start, min(start + block, q.shape[2]))
        out[:, :, chosen] = rows(q, k, v, chosen, causal=causal)


def rows(q: np.ndarray, k: np.ndarray, v: np.ndarray, rows: np.ndarray, *, causal: bool,
         seen: np.ndarray | None = None, dtype: type = np.float64,
         rounded: Rounding = lambda x: x) -> np.ndarray:  # fmt: skip
    """The output of some query rows, (batch, heads, len(rows), dim), computed at `dtype` in plain NumPy.

    q (batch, heads, queries, dim); k, v (batch, kv_heads, keys, dim), where kv_heads divides heads. `seen`, bool
    (len(rows), keys), takes the place of the causal mask. `rounded` is what weights and outputs go through, for kernels
    that keep them in fewer bits.
    """
    batch, heads, queries, dim = q.shape
    kv_heads, keys = k.shape[1:3]
    if seen is None:
        last = np.clip(rows + keys - queries + 1, 0, keys) if causal else np.full(len(rows), keys)
        seen = np.arange(keys)[None, :] < last[:, None]  # (rows, keys)
    masked, visible = ~seen, seen.sum(axis=1)
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
            mixed = _mix(rounded(weights), v[b, kv].astype(dtype), seen)
            out[b, h] = rounded(mixed / _total(weights, visible))
    out[:, :, visible == 0] = 0
    return out


def _largest(scores: np.ndarray) -> np.ndarray:
    """The largest score of each row, (rows, 1); zero where nothing is visible."""
    largest = scores.max(axis=1, keepdims=True)
    return np.where(largest == -np.inf, scores.dtype.type(0), largest)


def _total(weights: np.ndarray, visible: np.ndarray) -> np.ndarray:
    """The sum of each row's weights, (rows, 1); one where nothing is visible."""
    return np.where(visible[:, None] == 0, weights.dtype.type(1), weights.sum(axis=1, keepdims=True))


def _mix(weights: np.ndarray, values: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """weights @ values, (rows, dim); with NaN or infinity among the values only the visible ones are touched."""
    if np.isfinite(values).all():
        return weights @ values
    return np.stack([row[keys] @ values[keys] for row, keys in zip(weights, seen, strict=True)])


def gradients(q: np.ndarray, k: np.ndarray, v: np.ndarray, dout: np.ndarray, *, causal: bool,
              seen: np.ndarray | None = None, dtype: type = np.float64,
              again: bool = False) -> list[np.ndarray]:  # fmt: skip
    """dq, dk, dv of Σ dout · attention(q, k, v), computed at `dtype` in plain NumPy, head by head.

    With P the weights and dP = dout vᵀ, the gradient of the scores is P (dP − Σ P dP) [@dao2022flashattention §B.2].
    `seen`, bool (queries, keys), takes the place of the causal mask. With `again` the weights are computed from each
    row's log-sum-exp, and Σ P dP from its output, Σ dout out: the same but for rounding, and all that is given to a
    backward pass which keeps no weights.
    """
    queries, dim = q.shape[2:]
    kv_heads, keys = k.shape[1:3]
    if seen is None:
        seen = np.tri(queries, keys, keys - queries if causal else keys, dtype=bool)
    masked, visible = ~seen, seen.sum(axis=1)
    made: list[np.ndarray] = [np.zeros(array.shape, dtype) for array in (q, k, v)]
    dq, dk, dv = made
    scale = dtype(1 / math.sqrt(dim))
    for b, h in np.ndindex(*q.shape[:2]) if keys else ():
        kv = h // (q.shape[1] // kv_heads)
        heads: list[np.ndarray] = [x.astype(dtype) for x in (q[b, h], k[b, kv], v[b, kv], dout[b, h])]
        one_q, one_k, one_v, one_do = heads
        scores = one_q @ one_k.T * scale
        scores[masked] = -np.inf
        largest = _largest(scores)
        weights = np.exp(scores - largest)
        total = _total(weights, visible)
        out = weights @ one_v / total
        weights = np.exp(scores - (largest + np.log(total))) if again else weights / total
        from_out = one_do @ one_v.T  # dP, (queries, keys)
        shift = (one_do * out if again else weights * from_out).sum(axis=1, keepdims=True)
        from_scores = weights * (from_out - shift)
        dq[b, h] = from_scores @ one_k * scale
        dk[b, kv] += from_scores.T @ one_q * scale
        dv[b, kv] += weights.T @ one_do
    return made
