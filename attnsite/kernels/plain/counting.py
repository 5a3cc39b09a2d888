"""Attention that counts what it does: the loops of three algorithms, with a counter beside each operation.

No closed form is used here; the loops run, and each operation they would perform adds to a counter. The numbers they
would compute are left out, since no operation depends on them.
"""

from numba import njit

NAMES = ("multiply_adds", "exponentials", "comparisons", "elements_read", "elements_written")
ALGORITHMS = ("naive", "mask_then_compute", "skip_blocks")


def count(algorithm: str, queries: int, keys: int, dim: int, *, causal: bool, block: int = 64, window: int = 0,
          value_dim: int = 0, shared: bool = False) -> dict[str, int]:  # fmt: skip
    """What one head of `algorithm` does for `queries` queries and `keys` keys of width `dim`.

    `naive` goes query by query, over visible keys only. The tiled ones walk blocks of `block` × `block` with an online
    softmax: `mask_then_compute` computes every tile and masks afterwards, `skip_blocks` leaves out tiles that no query
    sees. Elements read and written are those of q, k, v and out; tiles stay in the nearest cache and are not counted.

    Cross-attention is a call that is not causal, with as many keys as the source has tokens. With a `window` a causal
    query sees only so many of the last keys, its own included. `value_dim` is the width of a value where it is not that
    of a key; where the value is `shared`, it is the first part of the key and is read with it, as with absorbed latent
    attention, in which the queries of all heads meet the same keys: they are then one head with so many more queries.
    """
    if algorithm not in ALGORITHMS:
        raise ValueError(f"{algorithm!r} is none of {', '.join(ALGORITHMS)}")
    value_dim = value_dim or dim
    reach = window if window and causal else keys + queries  # keys that a query may look back on, its own included
    read = 0 if shared else value_dim
    if algorithm == "naive":
        counts = _naive(queries, keys, dim, value_dim, read, causal, reach)
    else:
        counts = _tiled(queries, keys, dim, value_dim, read, causal, reach, block, algorithm == "skip_blocks")
    return dict(zip(NAMES, counts, strict=True))


def count_gradients(queries: int, keys: int, dim: int, *, causal: bool, block: int = 64, window: int = 0,
                    fused: bool = True) -> dict[str, int]:  # fmt: skip
    """What one head's backward pass does, tile by tile, without tiles that no query sees.

    Fused, it has kept the log-sum-exp of each row and no weights: a tile's scores are multiplied and exponentiated
    again, so five products are made where the forward pass makes two. Otherwise the weights were kept, and four.
    """
    reach = window if window and causal else keys + queries
    fma, exps = _gradients(queries, keys, dim, causal, reach, block, fused)
    return {"multiply_adds": fma, "exponentials": exps}


@njit(cache=True)
def _naive(queries, keys, dim, value_dim, value_read, causal, reach):
    fma, exps, compares, read, written = 0, 0, 0, 0, 0
    for i in range(queries):
        place = i + keys - queries  # among the keys
        visible = min(keys, max(0, place + 1)) if causal else keys
        visible -= min(visible, max(0, place + 1 - reach)) if causal else 0
        for _ in range(dim):
            read += 1  # q
        for _ in range(visible):
            for _ in range(dim):
                fma += 1
                read += 1  # k
            compares += 1
        for _ in range(visible):
            exps += 1
        for _ in range(value_dim):
            for _ in range(visible):
                fma += 1
            written += 1
        for _ in range(visible):
            for _ in range(value_read):
                read += 1  # v
    return fma, exps, compares, read, written


@njit(cache=True)
def _tiled(queries, keys, dim, value_dim, value_read, causal, reach, block, skip):
    fma, exps, compares, read, written = 0, 0, 0, 0, 0
    for first in range(0, queries, block):
        rows = min(block, queries - first)
        for _ in range(rows):
            for _ in range(dim):
                read += 1  # q
        for start in range(0, keys, block):
            if causal and skip and _unseen(first, rows, start, block, keys - queries, reach):
                continue
            width = min(block, keys - start)
            for _ in range(width):
                for _ in range(dim):
                    read += 1  # k
                for _ in range(value_read):
                    read += 1  # v
            for _ in range(rows):
                for _ in range(width):
                    for _ in range(dim):
                        fma += 1
                    compares += 1
                exps += 1  # the factor for what was summed before
                for _ in range(width):
                    exps += 1
                    for _ in range(value_dim):
                        fma += 1
        for _ in range(rows):
            for _ in range(value_dim):
                written += 1
    return fma, exps, compares, read, written


@njit(cache=True)
def _unseen(first, rows, start, block, ahead, reach):
    """Whether no query of a tile sees a key: all keys come after its last query, or before its first one's window."""
    return start > first + rows - 1 + ahead or start + block - 1 <= first + ahead - reach


@njit(cache=True)
def _gradients(queries, keys, dim, causal, reach, block, fused):
    fma, exps = 0, 0
    for start in range(0, keys, block):
        width = min(block, keys - start)
        for first in range(0, queries, block):
            rows = min(block, queries - first)
            if causal and _unseen(first, rows, start, block, keys - queries, reach):
                continue
            for _ in range(rows):
                for _ in range(width):
                    for _ in range(dim):
                        fma += 4  # dV = Pᵀ dO, dP = dO Vᵀ, dQ = dS K, dK = dSᵀ Q
                    if fused:
                        exps += 1  # P = exp(S − lse)
                        for _ in range(dim):
                            fma += 1  # S = Q Kᵀ
    return fma, exps
