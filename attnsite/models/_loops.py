"""What lies between the matrix products, each in one pass over memory: compiled for one thread, which holds no GIL.

A batch is trained in shares (`model.py`), each on a thread of its own, so nothing here is parallel and sums are always
added up in one order. What needs an exponential is written in `_exponentials`; the rest works for float32 and float64
alike, and numbers such as 1 / width come in the type of the arrays.
"""

from typing import Any, NamedTuple

import numpy as np
from numba import njit

FAST: dict[str, Any] = {
    "nogil": True,
    "cache": True,
    "error_model": "numpy",
    "fastmath": {"reassoc", "contract", "nsz"},
}


@njit(**FAST)
def embed(tokens, embedding, positions, context, s):
    """s (tokens, width) = embedding[token] + positions[place]; `positions` may have no rows."""
    for r in range(len(tokens)):
        token, place = tokens[r], r % context
        if len(positions):
            for d in range(s.shape[1]):
                s[r, d] = embedding[token, d] + positions[place, d]
        else:
            for d in range(s.shape[1]):
                s[r, d] = embedding[token, d]


@njit(**FAST)
def embed_back(tokens, ds, context, d_embedding, d_positions):
    """Add ds to the gradients of the embeddings that it came from."""
    for r in range(len(tokens)):
        token, place = tokens[r], r % context
        for d in range(ds.shape[1]):
            d_embedding[token, d] += ds[r, d]
        if len(d_positions):
            for d in range(ds.shape[1]):
                d_positions[place, d] += ds[r, d]


@njit(**FAST)
def join(s, y, carried):
    """s = y, or carried + y where `carried` has rows."""
    for r in range(len(s)):
        if len(carried):
            for d in range(s.shape[1]):
                s[r, d] = carried[r, d] + y[r, d]
        else:
            for d in range(s.shape[1]):
                s[r, d] = y[r, d]


@njit(**FAST)
def normalise(s, gain, bias, share, epsilon, h, means, scales):
    """h = LayerNorm(s), row by row; `share` is 1 / width. Keeps each row's mean and 1 / standard deviation."""
    for r in range(len(s)):
        total = s[r, 0]
        for d in range(1, s.shape[1]):
            total += s[r, d]
        mean = total * share
        square = (s[r, 0] - mean) * (s[r, 0] - mean)
        for d in range(1, s.shape[1]):
            square += (s[r, d] - mean) * (s[r, d] - mean)
        means[r], scales[r] = mean, 1 / np.sqrt(square * share + epsilon)
        scale = scales[r]
        for d in range(s.shape[1]):
            h[r, d] = (s[r, d] - mean) * scale * gain[d] + bias[d]


@njit(**FAST)
def join_normalise(s, y, carried, gain, bias, share, epsilon, h, means, scales):
    """`join` and `normalise` in one go, while the row is in the first cache."""
    for r in range(len(s)):
        row = slice(r, r + 1)
        join(s[row], y[row], carried[row] if len(carried) else carried)
        normalise(s[row], gain, bias, share, epsilon, h[row], means[row], scales[row])


@njit(**FAST)
def normalise_back(dh, carried, after, s, gain, share, means, scales, ds, d_gain, d_bias):
    """ds = the gradient of s, from that of h; gradients of gain and bias are added.

    `carried`, which may be ds itself or without rows, is the gradient that comes along the residual: of s, or of h if
    `after`. It is added to what it belongs to.
    """
    width = s.shape[1]
    given = np.empty(width, s.dtype)
    for r in range(len(s)):
        mean, scale = means[r], scales[r]
        if after and len(carried):
            for d in range(width):
                given[d] = dh[r, d] + carried[r, d]
        else:
            for d in range(width):
                given[d] = dh[r, d]
        one, two = given[0] * gain[0], given[0] * gain[0] * (s[r, 0] - mean)
        for d in range(1, width):
            g = given[d] * gain[d]
            one += g
            two += g * (s[r, d] - mean)
        one, two = one * share, two * share * scale * scale
        for d in range(width):
            d_gain[d] += given[d] * (s[r, d] - mean) * scale
            d_bias[d] += given[d]
        if len(carried) and not after:
            for d in range(width):
                ds[r, d] = (given[d] * gain[d] - one - (s[r, d] - mean) * two) * scale + carried[r, d]
        else:
            for d in range(width):
                ds[r, d] = (given[d] * gain[d] - one - (s[r, d] - mean) * two) * scale


@njit(**FAST)
def rotate(x, heads, dim, cosines, sines, sign):
    """Rotary positions in place: pairs (i, i + dim/2) of the first `heads` heads of every row; sign −1 turns back."""
    half, context = dim // 2, len(cosines)
    for r in range(len(x)):
        place = r % context
        for h in range(heads):
            low, high = x[r, h * dim : h * dim + half], x[r, h * dim + half : (h + 1) * dim]
            for i in range(half):
                c, s = cosines[place, i], sines[place, i] * sign
                a, b = low[i], high[i]
                low[i] = a * c - b * s
                high[i] = b * c + a * s


@njit(**FAST)
def gate(x, gates, dim, out):
    """out = x, each head's columns multiplied with its gate."""
    for r in range(len(x)):
        for h in range(len(gates)):
            for i in range(h * dim, (h + 1) * dim):
                out[r, i] = x[r, i] * gates[h]


@njit(**FAST)
def gate_back(dx, x, gates, dim, d_gates):
    """dx (of the gated output) becomes that of x, in place; what the loss gains by each gate is added to d_gates."""
    for r in range(len(x)):
        for h in range(len(gates)):
            total = dx[r, h * dim] * x[r, h * dim]
            for i in range(h * dim + 1, (h + 1) * dim):
                total += dx[r, i] * x[r, i]
            d_gates[h] += total
            for i in range(h * dim, (h + 1) * dim):
                dx[r, i] *= gates[h]


@njit(**FAST)
def times(x, y):
    """x *= y, flat."""
    for i in range(len(x)):
        x[i] *= y[i]


@njit(**FAST)
def gather(gradients, starts, stops, first, last, squares):
    """Pieces first … last: the shares' gradients (shares, numbers) summed into share 0; each piece's sum of squares."""
    for piece in range(first, last):
        total = 0.0
        for i in range(starts[piece], stops[piece]):
            value = gradients[0, i]
            for share in range(1, len(gradients)):
                value += gradients[share, i]
            gradients[0, i] = value
        for i in range(starts[piece], stops[piece]):
            total += np.float64(gradients[0, i]) * np.float64(gradients[0, i])
        squares[piece] = total


class Step(NamedTuple):
    """What AdamW's step goes by, in the type of the arrays."""

    rate: Any
    clip: Any  # what the gradient is multiplied with
    keep_m: Any  # β1, the share of the first moment that stays …
    take_m: Any  # … and 1 − β1, that of the gradient
    keep_v: Any  # β2
    take_v: Any  # 1 − β2
    whole_m: Any  # 1 / (1 − β1ᵗ), for moments that began at zero
    whole_v: Any  # 1 / (1 − β2ᵗ)
    epsilon: Any


@njit(**FAST)
def descend(x, gradient, m, v, starts, stops, decays, first, last, step):
    """AdamW on pieces first … last − 1 of the flat x, gradient and moments; `step` is a tuple as `Step`."""
    by = Step(*step)
    for piece in range(first, last):
        shrink = by.rate * decays[piece]
        for i in range(starts[piece], stops[piece]):
            g = gradient[i] * by.clip
            m[i] = by.keep_m * m[i] + by.take_m * g
            v[i] = by.keep_v * v[i] + by.take_v * g * g
            x[i] -= shrink * x[i] + by.rate * (m[i] * by.whole_m) / (np.sqrt(v[i] * by.whole_v) + by.epsilon)
