"""Is the time of one more token constant once keys and values are cached, and what would it be without a cache?

The attention of one layer of a 7-billion model, 32 heads of width 128: one decoding step by the context, with 32, 8 and
1 KV heads and with several sequences at once; and, for a model that keeps nothing, the whole prompt over again. What
the layer does besides, its products with weights, is not run but counted: the bandwidth of reading and the rate of a
matrix product, measured in the same rounds, say how long that takes at least.
"""

from attnsite.records.workload import Timing, Workload

HEADS, DIM = 32, 128
CONTEXT = 16384  # of each sequence of a batch


def step(kv_heads: int, context: int, batch: int = 1) -> Workload:
    return Workload(heads=HEADS, kv_heads=kv_heads, queries=1, keys=context, dim=DIM, batch=batch)


def again(tokens: int) -> Workload:
    return Workload(heads=HEADS, queries=tokens, keys=tokens, dim=DIM, causal=True)


experiment = Timing(
    kernels=("cpu_simd",),
    quick=(
        *(step(kv_heads, 1024) for kv_heads in (32, 8, 1)),
        *(step(kv_heads, CONTEXT) for kv_heads in (8, 1)),
        *(again(tokens) for tokens in (256, 512)),
        step(8, CONTEXT, 2),
    ),
    full=(
        *(step(kv_heads, context) for context in (1024, 8192, 16384, 24576, 32768) for kv_heads in (32, 8, 1)),
        *(again(tokens) for tokens in (256, 512, 1024, 2048, 4096)),
        *(step(8, CONTEXT, batch) for batch in (2, 4, 8)),
    ),
    ceilings=("read", "matmul"),
)
