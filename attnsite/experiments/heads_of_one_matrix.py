"""Which part of a layer's matrices does each of H heads own, and what do the heads add up to?

The layer is built of whole numbers, so that nothing is rounded and two ways of computing can be compared for equality.
For every number of heads that divides the width, one column of W_Q after the other is set to zero: the heads whose
scores change own it. Then the heads' projections, scores and outputs are compared with those of the undivided matrices.
"""

import numpy as np

from attnsite.formulas.attention import Attention
from attnsite.kernels.plain.counting import count
from attnsite.records.workload import Case, Count, Observed

WIDTH, TOKENS = 96, 128
HEADS = tuple(heads for heads in range(1, WIDTH + 1) if WIDTH % heads == 0)


def layer() -> dict[str, np.ndarray]:
    """Tokens and the four matrices, whole numbers in float64: sums of products stay far below 2⁵³ and are exact."""
    rng = np.random.default_rng(0)
    sizes = {"tokens": (TOKENS, WIDTH)} | dict.fromkeys(("query", "key", "value", "output"), (WIDTH, WIDTH))
    return {name: rng.integers(-8, 9, size).astype(np.float64) for name, size in sizes.items()}


def cut(columns: np.ndarray, heads: int) -> np.ndarray:
    """(rows, width) as (heads, rows, dim): a reshape, which copies no number and makes none."""
    return columns.reshape(len(columns), heads, -1).swapaxes(0, 1)


def owners(x: np.ndarray, query: np.ndarray, key: np.ndarray, heads: int) -> list[list[int]]:
    """For each column of W_Q the heads whose scores change when it is set to zero."""
    keys = cut(x @ key, heads).swapaxes(1, 2)
    before = cut(x @ query, heads) @ keys
    found = []
    for column in range(WIDTH):
        without = query.copy()
        without[:, column] = 0
        changed = (cut(x @ without, heads) @ keys != before).any(axis=(1, 2))
        found.append([int(head) for head in np.flatnonzero(changed)])
    return found


def observe(case: Case) -> Observed:
    """Owners and sizes, the largest differences between heads and whole, and what the scores of all heads take."""
    heads, parts = case["heads"], layer()
    x, dim = parts["tokens"], WIDTH // heads
    q, k, v = (x @ parts[name] for name in ("query", "key", "value"))
    mine = {name: cut(parts[name], heads) for name in ("query", "key", "value")}  # (heads, width, dim)
    rows = parts["output"].reshape(heads, dim, WIDTH)
    scores = cut(q, heads) @ cut(k, heads).swapaxes(1, 2)
    weights = np.random.default_rng(1).integers(0, 5, (heads, TOKENS, TOKENS)).astype(np.float64)  # any will do
    mixed = weights @ cut(v, heads)  # (heads, tokens, dim)
    apart = np.concatenate([x @ mine["query"][head] for head in range(heads)], axis=1)
    owned = owners(x[:16], parts["query"], parts["key"], heads)  # a few tokens are enough to see a change
    counted = count("naive", TOKENS, TOKENS, dim, causal=False)
    return {
        "owners": owned,
        "owners_a_column": max(map(len, owned)),
        "columns_a_head": [sum(head in those for those in owned) for head in range(heads)],
        "weights_a_head": sum(matrix[0].size for matrix in (*mine.values(), rows)),
        "weights": sum(matrix.size for matrix in (*mine.values(), rows)),
        "weights_by_formula": Attention(WIDTH, heads, dim).parameters(),
        "projection_difference": float(np.abs(apart - q).max()),
        "score_difference": float(np.abs(scores.sum(axis=0) - q @ k.T).max()),
        "output_difference": float(
            np.abs((mixed @ rows).sum(axis=0) - mixed.swapaxes(0, 1).reshape(TOKENS, WIDTH) @ parts["output"]).max()
        ),
        "score_multiply_adds": heads * counted["multiply_adds"] // 2,
        "scores": scores.size,
        "rank_of_a_head": int(np.linalg.matrix_rank(scores[0])),
        "transformer_parameters": transformer_parameters(),
    }


def transformer_parameters(width: int = 512, layers: int = 6, mlp_width: int = 2048) -> int:
    """Parameters of PyTorch's `nn.Transformer` with its defaults, from the shapes of its tensors. An attention has
    in_proj_weight, in_proj_bias, out_proj.weight and out_proj.bias, and no shape has the number of heads in it."""
    attention = (3 * width * width, 3 * width, width * width, width)
    mlp = (mlp_width * width, mlp_width, width * mlp_width, width)
    norm = (width, width)
    encoder = sum(attention) + sum(mlp) + 2 * sum(norm)
    decoder = 2 * sum(attention) + sum(mlp) + 3 * sum(norm)
    return layers * (encoder + decoder) + 2 * sum(norm)


experiment = Count(observe=observe, cases=tuple({"heads": heads, "dim": WIDTH // heads} for heads in HEADS))
