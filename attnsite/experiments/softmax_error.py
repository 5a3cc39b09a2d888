"""How far from float64 are attention kernels, with an online softmax and without, in float32 and in fewer bits?

Standard normal queries, keys and values, the queries times `scale`, which is then the standard deviation of the scores;
16 queries in 4 heads of width 64 over `tokens` keys. The error is the root of the mean square of the differences from
float64 over that of the result, from the numbers as they were before any rounding. The NumPy ways add up the same
blocks of keys with the largest score known beforehand and without; the kernels are those that are timed elsewhere.
"""

import math
from typing import Any

import numpy as np

from attnsite.experiments._softmax_ways import online, two_passes, unshifted
from attnsite.kernels import (
    cpu_blas,
    cpu_naive,
    cpu_online,
    cpu_simd,
    cpu_simd_decode_int8,
    cpu_simd_stored_bf16,
    cpu_simd_stored_f16,
    reference,
)
from attnsite.records.workload import Case, Observed, Study

HEADS, QUERIES, DIM = 4, 16, 64
KERNELS = {"cpu_naive": cpu_naive, "cpu_online": cpu_online, "cpu_blas": cpu_blas, "cpu_simd": cpu_simd}
STORED = {"f16": cpu_simd_stored_f16, "bf16": cpu_simd_stored_bf16}
ROWS = np.arange(QUERIES)


def inputs(tokens: int, scale: float, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """q (1, HEADS, QUERIES, DIM), k and v (1, HEADS, tokens, DIM), float32."""
    rng = np.random.default_rng([seed, tokens])
    q = rng.standard_normal((1, HEADS, QUERIES, DIM), dtype=np.float32) * np.float32(scale)
    k, v = rng.standard_normal((2, 1, HEADS, tokens, DIM), dtype=np.float32)
    return q, k, v


def error(made: np.ndarray, exact: np.ndarray) -> float:
    """Root mean square of the difference over that of the exact values; infinite if an element is no number."""
    off = float(np.sqrt(np.mean((made.astype(np.float64) - exact) ** 2) / np.mean(exact**2)))
    return off if off < math.inf else math.inf


def observe(case: Case, seed: int) -> Observed:
    """The errors of every way, and whether 16-bit storage is the float32 kernel on rounded numbers, bit for bit."""
    q, k, v = inputs(case["tokens"], case["scale"], seed)
    exact = reference.rows(q, k, v, ROWS, causal=False)
    found: dict[str, float | bool] = {
        "plain": error(reference.rows(q, k, v, ROWS, causal=False, dtype=np.float32), exact),
        "unshifted": error(unshifted(q[0], k[0], v[0]), exact[0]),
        "two_passes": error(two_passes(q[0], k[0], v[0]), exact[0]),
        "online": error(online(q[0], k[0], v[0]), exact[0]),
    }
    out = np.full_like(q, np.nan)
    for name, kernel in KERNELS.items():
        kernel.attention(q, k, v, out, causal=False)
        found[name] = error(out, exact)
    keys, values = cpu_simd_decode_int8.store_cache(k, v)
    cpu_simd_decode_int8.attention(q, keys, values, out, causal=False)
    found["int8_cache"] = error(out, exact)
    same = True
    for kind, kernel in STORED.items():
        seen, alike = stored(kernel, q, k, v, exact)
        found |= {f"{kind}{what}": size for what, size in seen.items()}
        same = same and alike
    return found | {"same_bits": same}


def stored(
    kernel: Any, q: np.ndarray, k: np.ndarray, v: np.ndarray, exact: np.ndarray
) -> tuple[dict[str, float], bool]:
    """The errors with all arrays in 16 bits, with q, k and v alone, and of what is computed from these; same bits?"""
    arrays = [kernel.store_array(x) for x in (q, k, v, np.full_like(q, np.nan))]
    kernel.attention(*arrays, causal=False)
    near_q, near_k, near_v, made = (kernel.restore_array(x) for x in arrays)
    wide = np.full_like(q, np.nan)
    cpu_simd.attention(near_q, near_k, near_v, wide, causal=False)
    own = reference.rows(near_q, near_k, near_v, ROWS, causal=False)
    found = {"": error(made, exact), "_inputs": error(wide, exact), "_arithmetic": error(wide, own)}
    return found, bool(np.array_equal(made, kernel.restore_array(kernel.store_array(wide))))


TOKENS = (64, 256, 1024, 4096, 16384)
SCALES = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
BETWEEN = 1024  # tokens while the scale varies
experiment = Study(
    observe=observe,
    quick=tuple({"tokens": tokens, "scale": 1.0} for tokens in (64, 256, BETWEEN))
    + tuple({"tokens": BETWEEN, "scale": scale} for scale in (0.5, 4.0)),
    full=tuple({"tokens": tokens, "scale": 1.0} for tokens in TOKENS)
    + tuple({"tokens": BETWEEN, "scale": scale} for scale in SCALES if scale != 1.0),
    seeds=tuple(range(8)),
)
