"""How long does one decoding step take as the context grows, with 32, 8 and 1 key-value heads?

One query for each of 32 heads of width 128, over a cache in float32. The bandwidth at which this machine reads is
measured in the same rounds, since reading the cache is most of the work.
"""

from attnsite.records.workload import Timing, Workload

HEADS, DIM = 32, 128


def step(kv_heads: int, context: int) -> Workload:
    return Workload(heads=HEADS, kv_heads=kv_heads, queries=1, keys=context, dim=DIM)


experiment = Timing(
    kernels=("cpu_decode*", "cpu_simd_decode*", "cuda_decode*"),
    quick=tuple(step(kv_heads, context) for context in (1024, 4096, 8192) for kv_heads in (32, 8, 1)),
    full=tuple(
        step(kv_heads, 1024 << power)
        for power in range(8)
        for kv_heads in (32, 8, 1)
        if kv_heads << power <= 32 << 5  # one gigabyte of keys and values: 32k tokens with 32 KV heads
    ),
    ceilings=("read",),
)
