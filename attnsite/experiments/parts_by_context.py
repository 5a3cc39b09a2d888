"""What does splitting the keys among blocks bring a GPU that decodes a single sequence?

One query over a long cache, with few KV heads and many: the cache of each KV head as one part, which one block reads,
and as many parts as the kernel chooses.
"""

from attnsite.records.workload import Timing, Workload


def decode(kv_heads: int, context: int) -> Workload:
    return Workload(heads=32, kv_heads=kv_heads, queries=1, keys=context, dim=128)


experiment = Timing(
    kernels=("cuda_decode",),
    quick=tuple(decode(kv_heads, context) for context in (4096, 16384) for kv_heads in (1, 8)),
    full=tuple(decode(kv_heads, context) for context in (4096, 16384, 65536) for kv_heads in (1, 4, 8, 32)),
    ceilings=("read",),
    variants=({}, {"parts": 1}),
)
