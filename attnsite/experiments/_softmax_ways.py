"""Ways to compute attention in NumPy whose rounding is to be seen: with and without a shift, in one pass and in two.

q (heads, queries, dim), k and v (heads, keys, dim), all of one type; the result is float32 or what `dtype` says.
"""

import numpy as np

BLOCK = 128


def scores(q: np.ndarray, k: np.ndarray) -> np.ndarray:
    """QKᵀ / √dim, (heads, queries, keys), in the type of q."""
    made: np.ndarray = q @ k.transpose(0, 2, 1) * q.dtype.type(q.shape[2] ** -0.5)
    return made


def unshifted(q: np.ndarray, k: np.ndarray, v: np.ndarray, dtype: type = np.float32) -> np.ndarray:
    """exp of the scores as they are. `dtype` is that of the weights and of their sums."""
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        weights = np.exp(scores(q, k).astype(dtype))
        made: np.ndarray = (weights @ v.astype(dtype)) / weights.sum(axis=2, keepdims=True)
    return made


def two_passes(q: np.ndarray, k: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Blocks of keys added up in order, the largest score known beforehand."""
    s = scores(q, k)
    largest = s.max(axis=2, keepdims=True)
    total, mixed = np.zeros_like(largest), np.zeros_like(q)
    for start in range(0, k.shape[1], BLOCK):
        weights = np.exp(s[:, :, start : start + BLOCK] - largest)
        total += weights.sum(axis=2, keepdims=True)
        mixed += weights @ v[:, start : start + BLOCK]
    made: np.ndarray = mixed / total
    return made


def online(q: np.ndarray, k: np.ndarray, v: np.ndarray, *, rescale: bool = True) -> np.ndarray:
    """The same blocks in one pass: where a larger score turns up, what was added so far is rescaled.

    Without `rescale` the sum of the weights is not: a mistake that is easily made, and wanted here for comparison.
    """
    s = scores(q, k)
    largest = np.full((*s.shape[:2], 1), -np.inf, s.dtype)
    total, mixed = np.zeros_like(largest), np.zeros_like(q)
    for start in range(0, k.shape[1], BLOCK):
        block = s[:, :, start : start + BLOCK]
        before, largest = largest, np.maximum(largest, block.max(axis=2, keepdims=True))
        factor, weights = np.exp(before - largest), np.exp(block - largest)
        total = total * (factor if rescale else 1) + weights.sum(axis=2, keepdims=True)
        mixed = mixed * factor + weights @ v[:, start : start + BLOCK]
    made: np.ndarray = mixed / total
    return made
