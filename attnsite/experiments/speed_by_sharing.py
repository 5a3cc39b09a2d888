"""How many queries must share a key before arithmetic, and not memory, limits attention on this machine?

A cache that is larger than the processor's own, with few key-value heads. Each key is met by more and more queries:
those of the query heads of its group, from 1 to 32, or those of one head, from 1 to 256, which are the tokens of a
draft that is checked, the sequences of a batch that share a prefix, or a chunk of a prompt. The bandwidth of reading
and the peak of multiply-adds are measured in the same rounds.
"""

from attnsite.experiment import Timing, Workload

KV_HEADS, DIM = 4, 128


def step(group: int, queries: int, context: int) -> Workload:
    return Workload(heads=KV_HEADS * group, kv_heads=KV_HEADS, queries=queries, keys=context, dim=DIM)


experiment = Timing(
    kernels=("cpu_simd", "cpu_simd_decode"),
    quick=tuple(step(group, queries, 4096) for group, queries in ((1, 1), (8, 1), (32, 1), (1, 64))),
    full=(
        *(step(1 << power, 1, 32768) for power in range(6)),
        *(step(1, 1 << power, 32768) for power in range(1, 9)),
        *(step(group, queries, 32768) for group, queries in ((8, 2), (8, 4), (32, 4))),
    ),
    ceilings=("read", "fma"),
)
