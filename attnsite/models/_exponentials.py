"""GELU and the cross entropy: float32 in vector registers as the attention kernels are, float64 in plain NumPy.

The exponential of NumPy or of the C library would take longer than the matrix products beside it. GELU is the
tanh form, x · σ(2√(2/π) (x + 0.044715 x³)), as in GPT-2.
"""

import math
from typing import Any

import numpy as np
from numba import njit

from attnsite.kernels.plain.exponential import LOG2_E
from attnsite.kernels.simd.registers import (
    WIDTH,
    add,
    broadcast,
    divide,
    exp2,
    fma,
    load,
    maximum,
    multiply,
    store,
    subtract,
    total,
)  # fmt: skip

SQUASH, CUBE = 2 * math.sqrt(2 / math.pi), 0.044715
_LINEAR, _CUBIC = np.float32(SQUASH * LOG2_E), np.float32(SQUASH * CUBE * LOG2_E)
_LINEAR_BACK, _CUBIC_BACK = np.float32(SQUASH), np.float32(3 * SQUASH * CUBE)
_LOG2_E32 = np.float32(LOG2_E)
_ZERO, _ONE, _LOWEST = np.float32(0), np.float32(1), np.float32(-126)
COMPILED: dict[str, Any] = {"nogil": True, "cache": True, "error_model": "numpy"}


def gelu(u: np.ndarray, g: np.ndarray) -> None:
    """g = GELU(u), and u becomes the slope there: all that the way back needs. Flat; whole registers."""
    if u.dtype == np.float32:
        _gelu(u, g)
        return
    s = 1 / (1 + np.exp(-SQUASH * (u + CUBE * u**3)))
    g[...] = u * s
    u[...] = s + g * (1 - s) * SQUASH * (1 + 3 * CUBE * u * u)


@njit(**COMPILED)
def _gelu(u, g):
    one, lowest = broadcast(_ONE, 1), broadcast(_LOWEST, 1)
    linear, cubic = broadcast(_LINEAR, 1), broadcast(_CUBIC, 1)
    slope, bend = broadcast(_LINEAR_BACK, 1), broadcast(_CUBIC_BACK, 1)
    for i in range(0, len(u), WIDTH):
        x = load(u, i, 1)
        square = multiply(x, x)
        z = maximum(lowest, multiply(x, fma(square, cubic, linear)))  # a NaN comes through
        s = divide(one, add(one, exp2(subtract(broadcast(_ZERO, 1), z))))
        y = multiply(x, s)
        store(g, i, y)
        store(u, i, fma(multiply(y, subtract(one, s)), fma(square, bend, slope), s))


def cross_entropy(logits: np.ndarray, targets: np.ndarray, share: float, losses: np.ndarray) -> None:
    """Each row's −log softmax(logits)[target] into `losses`, and `logits` becomes the gradient of share · their sum.

    A target of −1 is not asked for: no loss, no gradient.
    """
    if logits.dtype == np.float32:
        row = np.empty(-(-logits.shape[1] // WIDTH) * WIDTH, np.float32)
        _cross_entropy(logits, targets, np.float32(share), losses, row)
        return
    asked = targets >= 0
    rows = np.arange(len(targets))[asked]
    largest = logits.max(axis=1, keepdims=True)
    logs = logits - largest - np.log(np.exp(logits - largest).sum(axis=1, keepdims=True))
    losses[...] = 0
    losses[asked] = -logs[rows, targets[asked]]
    logits[...] = np.exp(logs)
    logits[rows, targets[asked]] -= 1
    logits *= np.where(asked, share, 0)[:, None]


@njit(**COMPILED)
def _cross_entropy(logits, targets, share, losses, row):
    count, padded = logits.shape[1], len(row)
    factor = broadcast(_LOG2_E32, 1)
    for r in range(len(logits)):
        target = targets[r]
        if target < 0:
            losses[r] = _ZERO
            for i in range(count):
                logits[r, i] = _ZERO
            continue
        largest = logits[r, 0]
        for i in range(count):
            row[i] = logits[r, i]
            largest = max(largest, row[i])
        for i in range(count, padded):
            row[i] = -np.inf
        shift, sums = broadcast(largest, 1), broadcast(_ZERO, 1)
        for i in range(0, padded, WIDTH):
            weight = exp2(multiply(subtract(load(row, i, 1), shift), factor))
            sums = add(sums, weight)
            store(row, i, weight)
        whole = total(sums)
        losses[r] = np.log(whole) + largest - logits[r, target]
        scale = share / whole
        for i in range(count):
            logits[r, i] = row[i] * scale
        logits[r, target] -= share
