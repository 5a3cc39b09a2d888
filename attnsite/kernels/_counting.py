"""Attention that counts what it does: the loops of three algorithms, with a counter beside each operation.

No closed form is used here; the loops run, and each operation they would perform adds to a counter. The numbers they
would compute are left out, since no operation depends on them.
"""

from numba import njit

NAMES = ("multiply_adds", "exponentials", "comparisons", "elements_read", "elements_written")
ALGORITHMS = ("naive", "mask_then_compute", "skip_blocks")


def count(algorithm: str, queries: int, keys: int, dim: int, *, causal: bool, block: int = 64) -> dict[str, int]:
    """What one head of `algorithm` does for `queries` queries and `keys` keys of width `dim`.

    `naive` goes query by query, over visible keys only. The tiled ones walk blocks of `block` × `block` with an online
    softmax: `mask_then_compute` computes every tile and masks afterwards, `skip_blocks` leaves out tiles that no query
    sees. Elements read and written are those of q, k, v and out; tiles stay in the nearest cache and are not counted.
    """
    if algorithm not in ALGORITHMS:
        raise ValueError(f"{algorithm!r} is none of {', '.join(ALGORITHMS)}")
    if algorithm == "naive":
        counts = _naive(queries, keys, dim, causal)
    else:
        counts = _tiled(queries, keys, dim, causal, block, algorithm == "skip_blocks")
    return dict(zip(NAMES, counts, strict=True))


@njit(cache=True)
def _naive(queries, keys, dim, causal):
    fma, exps, compares, read, written = 0, 0, 0, 0, 0
    for i in range(queries):
        visible = min(keys, max(0, i + keys - queries + 1)) if causal else keys
        for _ in range(dim):
            read += 1  # q
        for _ in range(visible):
            for _ in range(dim):
                fma += 1
                read += 1  # k
            compares += 1
        for _ in range(visible):
            exps += 1
        for _ in range(dim):
            for _ in range(visible):
                fma += 1
                read += 1  # v
            written += 1
    return fma, exps, compares, read, written


@njit(cache=True)
def _tiled(queries, keys, dim, causal, block, skip):
    fma, exps, compares, read, written = 0, 0, 0, 0, 0
    for first in range(0, queries, block):
        rows = min(block, queries - first)
        for _ in range(rows):
            for _ in range(dim):
                read += 1  # q
        for start in range(0, keys, block):
            last_visible = first + rows - 1 + keys - queries  # to the last query of the tile
            if causal and skip and start > last_visible:
                break
            width = min(block, keys - start)
            for _ in range(width):
                for _ in range(dim):
                    read += 2  # k and v
            for _ in range(rows):
                for _ in range(width):
                    for _ in range(dim):
                        fma += 1
                    compares += 1
                exps += 1  # the factor for what was summed before
                for _ in range(width):
                    exps += 1
                    for _ in range(dim):
                        fma += 1
        for _ in range(rows):
            for _ in range(dim):
                written += 1
    return fma, exps, compares, read, written
