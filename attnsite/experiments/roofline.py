"""How close do prefill and decoding come to what this machine can read and compute?

Prefill answers many queries with each key it reads, decoding one for each query head of a group. The bandwidth of
reading, a large matrix product and a loop of fused multiply-adds are measured in the same rounds.
"""

from attnsite.records.workload import Timing, Workload


def prefill(tokens: int, heads: int, dim: int) -> Workload:
    return Workload(heads=heads, queries=tokens, keys=tokens, dim=dim)


def decode(kv_heads: int, context: int, queries: int = 1) -> Workload:
    return Workload(heads=32, kv_heads=kv_heads, queries=queries, keys=context, dim=128)


experiment = Timing(
    kernels=("cpu_*", "cuda_*"),
    quick=(prefill(256, 8, 64), *(decode(kv_heads, 4096) for kv_heads in (32, 8, 1))),
    full=(
        *(prefill(tokens, heads, dim) for tokens in (256, 1024, 2048) for heads, dim in ((16, 32), (8, 64), (4, 128))),
        *(decode(kv_heads, context) for context in (4096, 16384) for kv_heads in (32, 8, 4, 1)),
    ),
    ceilings=("read", "matmul", "fma"),
)
