"""How fast is one decoding step here, beside the libraries that people would otherwise call?

One query for each of 32 heads of width 128 over a cache in float32, with 32, 8 and 1 key-value heads. Kernels and
libraries take turns on the same arrays and the same number of threads, all that the machine has; the bandwidth of
reading is measured in the same rounds.
"""

from attnsite.records.workload import Timing, Workload

HEADS, DIM = 32, 128


def step(kv_heads: int, context: int) -> Workload:
    return Workload(heads=HEADS, kv_heads=kv_heads, queries=1, keys=context, dim=DIM)


experiment = Timing(
    kernels=("cpu_decode", "cpu_simd_decode", "peer_*"),
    quick=(*(step(kv_heads, 4096) for kv_heads in (32, 8, 1)), *(step(kv_heads, 16384) for kv_heads in (8, 1))),
    full=tuple(step(kv_heads, context) for context in (4096, 16384, 32768) for kv_heads in (32, 8, 1)),
    ceilings=("read",),
)
