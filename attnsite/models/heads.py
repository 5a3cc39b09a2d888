"""What a head does, as numbers read off its map: previous token, induction, entropy, distance between heads."""

import numpy as np


def previous_token(maps: np.ndarray) -> np.ndarray:
    """The mean weight on the token just before, over all queries but the first: (layers, heads)."""
    return np.diagonal(maps, -1, axis1=-2, axis2=-1).mean(axis=(1, -1))


def first_token(maps: np.ndarray) -> np.ndarray:
    """The mean weight on the first token, over all queries but the first: (layers, heads)."""
    return maps[..., 1:, 0].mean(axis=(1, -1))


def induction(maps: np.ndarray, periods: np.ndarray) -> np.ndarray:
    """The mean weight on the token after the current one's last occurrence, (layers, heads).

    The maps (layers, batch, heads, queries, keys) are of sequences with these periods (batch,): a query at place i has
    its token's last occurrence at i − period. Queries that have none do not count.
    """
    return _at(maps, periods - 1, periods)


def duplicate(maps: np.ndarray, periods: np.ndarray) -> np.ndarray:
    """The mean weight on the current token's last occurrence itself, (layers, heads)."""
    return _at(maps, periods, periods)


def _at(maps: np.ndarray, back: np.ndarray, periods: np.ndarray) -> np.ndarray:
    """The mean weight `back` (batch,) places back, over queries that stand at least a period from the beginning."""
    total, count = np.zeros((maps.shape[0], maps.shape[2])), 0
    for b, (distance, period) in enumerate(zip(back, periods, strict=True)):
        queries = np.arange(period, maps.shape[3])
        total += maps[:, b, :, queries, queries - distance].sum(axis=0, dtype=np.float64)
        count += len(queries)
    return total / max(1, count)


def entropy(maps: np.ndarray) -> np.ndarray:
    """The mean entropy of a query's weights as a share of the most it could be: (layers, heads), 0 to 1. Causal maps.

    The first query, which sees one key, does not count.
    """
    most = np.log(np.arange(2, maps.shape[-2] + 1))
    weights = maps[..., 1:, :].astype(np.float64)
    nats = -(weights * np.log(np.where(weights > 0, weights, 1))).sum(axis=-1)
    return (nats / most).mean(axis=(1, -1))


def distances(maps: np.ndarray) -> np.ndarray:
    """How differently each two heads attend: (heads of all layers, same), the mean total variation, 0 to 1."""
    layers, _, heads, _, keys = maps.shape
    rows = maps.swapaxes(1, 2).reshape(layers * heads, -1, keys)
    made = np.zeros((len(rows), len(rows)))
    for i in range(len(rows)):
        made[i, i + 1 :] = [abs(rows[i] - other).sum(axis=-1).mean() / 2 for other in rows[i + 1 :]]
    return made + made.T


def collapse(states: np.ndarray) -> np.ndarray:
    """How far each sequence is from all its tokens being alike, (states, batch): ‖X − 1xᵀ‖ / ‖X‖ with x the mean.

    That is the relative residual of Dong et al. 2021, in the Frobenius norm; 0 is rank one.
    """
    away = states - states.mean(axis=-2, keepdims=True)
    return np.linalg.norm(away, axis=(-2, -1)) / np.linalg.norm(states, axis=(-2, -1))
