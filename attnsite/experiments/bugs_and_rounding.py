"""How much larger than rounding is the error of a kernel that is wrong?

The last queries of a causal prompt, against float64. Beside plain NumPy and three kernels stand mistakes that are made
easily: a running sum that is not rescaled, a mask that is off by one, and one key that is forgotten. Errors are the
largest of all elements, as tests take them; those with bfloat16 are against float64 over the rounded numbers.
"""

import numpy as np

from attnsite.experiments._softmax_ways import online
from attnsite.experiments.softmax_error import QUERIES, ROWS, inputs
from attnsite.kernels import cpu_online, cpu_simd, cpu_simd_stored_bf16, reference
from attnsite.records.workload import Case, Observed, Study


def rounded(x: np.ndarray) -> np.ndarray:
    """float32 numbers as bfloat16 holds them."""
    made: np.ndarray = cpu_simd_stored_bf16.restore_array(cpu_simd_stored_bf16.store_array(x))
    return made


def observe(case: Case, seed: int) -> Observed:
    """The largest errors of rounding, in float32 and with bfloat16, and of the mistakes, in float32."""
    tokens = case["tokens"]
    q, k, v = inputs(tokens, 1.0, seed)
    place, key = ROWS[:, None] + tokens - QUERIES, np.arange(tokens)[None, :]
    seen = {
        "plain": key <= place,
        "mask_off_by_one": key < place,  # a query does not see its own token
        "key_forgotten": (key <= place) & (key != tokens // 2),
    }
    exact = reference.rows(q, k, v, ROWS, causal=True)
    made = {
        name: reference.rows(q, k, v, ROWS, causal=True, seen=those, dtype=np.float32) for name, those in seen.items()
    }
    for name, kernel in (("cpu_online", cpu_online), ("cpu_simd", cpu_simd)):
        made[name] = np.full_like(q, np.nan)
        kernel.attention(q, k, v, made[name], causal=True)
    found = {name: float(np.abs(out - exact).max()) for name, out in made.items()}
    unmasked = reference.rows(q, k, v, ROWS, causal=False)
    found["sum_not_rescaled"] = float(np.abs(online(q[0], k[0], v[0], rescale=False) - unmasked[0]).max())
    q, k, v = rounded(q), rounded(k), rounded(v)
    exact = reference.rows(q, k, v, ROWS, causal=True)
    plain = reference.rows(q, k, v, ROWS, causal=True, dtype=np.float32, rounded=rounded)
    arrays = [cpu_simd_stored_bf16.store_array(x) for x in (q, k, v, np.full_like(q, np.nan))]
    cpu_simd_stored_bf16.attention(*arrays, causal=True)
    kernel_out = cpu_simd_stored_bf16.restore_array(arrays[3])
    return found | {
        "plain_bf16": float(np.abs(plain - exact).max()),
        "cpu_simd_stored_bf16": float(np.abs(kernel_out - exact).max()),
        "largest_value": float(np.abs(v).max()),
    }


experiment = Study(
    observe=observe,
    quick=tuple({"tokens": tokens} for tokens in (256, 1024)),
    full=tuple({"tokens": tokens} for tokens in (256, 1024, 4096, 16384)),
    seeds=tuple(range(8)),
)
