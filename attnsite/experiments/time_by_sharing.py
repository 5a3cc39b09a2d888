"""How many queries can meet each key before a call takes longer than reading the keys?

A cache that is larger than the processor's own, with few KV heads. Each key is met by more and more queries: those of
the query heads of its group, or those of one head, which are the tokens of a draft that is checked, sequences with one
prefix, or a chunk of a prompt. For comparison a batch, whose sequences bring a cache each. The bandwidth of reading and
the peak of multiply-adds are measured in the same rounds.
"""

from attnsite.records.workload import Timing, Workload

KV_HEADS, DIM = 4, 128


def step(context: int, group: int = 1, queries: int = 1, batch: int = 1) -> Workload:
    return Workload(heads=KV_HEADS * group, kv_heads=KV_HEADS, queries=queries, keys=context, dim=DIM, batch=batch)


CONTEXT = 32768

experiment = Timing(
    kernels=("cpu_simd", "cpu_simd_decode"),
    quick=(*(step(CONTEXT, group=group) for group in (1, 8)), step(CONTEXT, queries=8)),
    full=(
        *(step(CONTEXT, group=1 << power) for power in range(7)),
        *(step(CONTEXT, queries=1 << power) for power in range(1, 9)),
        *(step(CONTEXT, batch=1 << power) for power in range(1, 4)),
    ),
    ceilings=("read", "fma"),
)
