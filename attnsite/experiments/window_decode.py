"""How long does one decoding step take with a sliding window, over the whole cache and over one that is rolled?

One query for each of 32 heads of width 128 with 8 key-value heads, in float32, at contexts up to 64 times the window.
Over the whole cache the window is an argument of the call; without one the step reads everything. The rolled cache's
two steps, writing one token and reading the ring, are timed one by one as well.
"""

from attnsite.records.workload import Timing, Workload

WINDOW = 1024


def step(context: int, window: int) -> Workload:
    return Workload(heads=32, kv_heads=8, queries=1, keys=context, dim=128, causal=True, window=window)


experiment = Timing(
    kernels=("cpu_simd_decode", "cpu_simd_decode_rolled"),
    quick=tuple(step(context, window) for context in (1024, 4096) for window in (0, WINDOW)),
    full=tuple(step(1024 << power, window) for power in range(7) for window in (0, WINDOW)),
    ceilings=("read",),
    stages=True,
)
