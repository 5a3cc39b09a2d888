"""From how many queries on does it no longer matter how many KV heads there are?

The last so many queries of a context, all at once, as in a prompt that is worked off in pieces or in a draft that is
checked. One query is a decoding step, hundreds are a prompt; in between, sharing KV heads stops making it faster.
"""

from attnsite.records.workload import Timing, Workload

HEADS, DIM = 32, 128


def last(queries: int, kv_heads: int, context: int) -> Workload:
    return Workload(heads=HEADS, kv_heads=kv_heads, queries=queries, keys=context, dim=DIM, causal=True)


experiment = Timing(
    kernels=("cpu_simd",),
    quick=tuple(last(queries, kv_heads, 8192) for queries in (1, 8, 48) for kv_heads in (8, 1)),
    full=tuple(
        last(queries, kv_heads, 8192) for queries in (1, 2, 4, 8, 24, 48, 96, 192, 384) for kv_heads in (32, 8, 1)
    ),
    ceilings=("read", "fma"),
)
