"""What a head does, as numbers read off its map: previous token, induction, entropy, distance between heads."""

import numpy as np


def previous_token(maps: np.ndarray) -> np.ndarray:
    """The mean weight on the token just before, over all queries but the first: (layers, heads)."""
    return np.diagonal(maps, -1, axis1=-2, axis2=-1).mean(axis=(1, -1))


def first_token(maps: np.ndarray) -> np.ndarray:
    """The mean weight on the first token, over all queries but the first: (layers, heads)."""
    return maps[..., 1:, 0].mean(axis=(1, -1))


def induction(maps: np.ndarray, tokens: np.ndarray) -> np.ndarray:
    """The mean weight on tokens that followed the current one when it stood earlier in the sequence: (layers, heads).

    Tokens (batch, length) are those the maps are of. Queries whose token has not stood earlier do not count.
    """
    earlier = _earlier(tokens)
    after = np.zeros_like(earlier)
    after[:, :, 1:] = earlier[:, :, :-1]
    return _weight_on(maps, after, earlier)


def duplicate(maps: np.ndarray, tokens: np.ndarray) -> np.ndarray:
    """The mean weight on the current token where it stood earlier, (layers, heads); queries as for `induction`."""
    earlier = _earlier(tokens)
    return _weight_on(maps, earlier, earlier)


def _earlier(tokens: np.ndarray) -> np.ndarray:
    """Which keys hold the query's token and stand before it, bool (batch, queries, keys)."""
    found: np.ndarray = (tokens[:, :, None] == tokens[:, None, :]) & np.tri(tokens.shape[1], k=-1, dtype=bool)
    return found


def _weight_on(maps: np.ndarray, keys: np.ndarray, earlier: np.ndarray) -> np.ndarray:
    """The mean weight on the chosen keys (batch, queries, keys), over queries with any `earlier` key."""
    queries = np.any(earlier, axis=-1)
    weights = np.where(keys[:, None], maps, 0).sum(axis=-1, dtype=np.float64)  # (layers, batch, heads, queries)
    made: np.ndarray = (weights * queries[:, None]).sum(axis=(1, -1)) / max(1, queries.sum())
    return made


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
