"""What happens when every score of a row is larger, or smaller, by the same amount?

In exact arithmetic nothing: softmax ignores it. Here one more column of q and k adds the same number to every score, so
that without a shift the exponentials leave the range of float32, or of float16, on either side.
"""

import numpy as np

from attnsite.experiments._softmax_ways import unshifted
from attnsite.experiments.softmax_error import DIM, HEADS, QUERIES, ROWS, error
from attnsite.kernels import cpu_online, cpu_simd, reference
from attnsite.records.workload import Case, Observed, Study

TOKENS = 256


def observe(case: Case, seed: int) -> Observed:
    """The errors against float64 with that much added to each score; infinite where a row is no longer a number."""
    rng = np.random.default_rng([seed, TOKENS])
    q, k = (rng.standard_normal((1, HEADS, n, DIM), dtype=np.float32) for n in (QUERIES, TOKENS))
    v = rng.standard_normal((1, HEADS, TOKENS, DIM), dtype=np.float32)
    q[..., -1], k[..., -1] = case["added"], np.sqrt(np.float32(DIM))  # the other columns give the scores' spread
    exact = reference.rows(q, k, v, ROWS, causal=False)
    found = {
        "unshifted": error(unshifted(q[0], k[0], v[0]), exact[0]),
        "unshifted_f16": error(unshifted(q[0], k[0], v[0], np.float16), exact[0]),
        "plain": error(reference.rows(q, k, v, ROWS, causal=False, dtype=np.float32), exact),
    }
    for name, kernel in (("cpu_online", cpu_online), ("cpu_simd", cpu_simd)):
        out = np.full_like(q, np.nan)
        kernel.attention(q, k, v, out, causal=False)
        found[name] = error(out, exact)
    return found


STEP = 4
experiment = Study(
    observe=observe,
    quick=tuple({"added": added} for added in range(-120, 121, 20)),
    full=tuple({"added": added} for added in range(-120, 121, STEP)),
    seeds=tuple(range(8)),
)
