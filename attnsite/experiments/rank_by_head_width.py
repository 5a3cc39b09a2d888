"""How much of an arbitrary attention pattern can a head of a given width express?

Two things are observed for N tokens and head width d. First, the numerical rank of QKᵀ for standard normal q and k,
which cannot exceed d. Second, the error of the best fit to a random pattern. The pattern P is an N × N matrix whose
rows are drawn uniformly from the simplex. A head gives softmax(S) with a score matrix S of rank at most d, and softmax
ignores a constant added to a row; so P is within reach exactly if log P is such an S up to one constant for each row
(the low-rank bottleneck of Bhojanapalli et al. 2020). The least distance, in the Frobenius norm of the log-weights and
over all S and all constants, is the tail of the singular values of log P after subtracting each row's mean (Eckart and
Young 1936): subtracting row means projects the constants away and does not raise a rank. It is given as a share of the
norm of that centred matrix, which is the error of uniform attention.
"""

import numpy as np

from attnsite.records.workload import Case, Observed, Study


def observe(case: Case, seed: int) -> Observed:
    """The rank of random scores, and the relative error of the best rank-d fit to a random pattern's log-weights."""
    tokens, dim = case["tokens"], case["dim"]
    rng = np.random.default_rng([seed, tokens, dim])
    q, k = rng.standard_normal((2, tokens, dim))  # (tokens, dim) each
    rng = np.random.default_rng([seed, tokens])  # the same pattern for every head width
    weights = rng.standard_exponential((tokens, tokens))  # (queries, keys); normalised rows are uniform on the simplex
    logs = np.log(weights / weights.sum(axis=1, keepdims=True))
    singular = np.linalg.svd(logs - logs.mean(axis=1, keepdims=True), compute_uv=False)  # (tokens,) descending
    kept = min(dim, tokens)
    return {
        "rank": int(np.linalg.matrix_rank(q @ k.T)),
        "fit_error": float(np.sqrt(np.sum(singular[kept:] ** 2) / np.sum(singular**2))),
    }


DIMS = (2, 4, 8, 16, 32, 64, 128, 256)
experiment = Study(
    observe=observe,
    quick=tuple({"tokens": tokens, "dim": dim} for tokens in (64, 128) for dim in DIMS),
    full=tuple({"tokens": tokens, "dim": dim} for tokens in (64, 128, 256) for dim in DIMS),
)
