"""What does a causal mask save when a prompt comes in chunks, down to the single query of a decoding step?

The last chunk of a context of 4096 tokens, of one query up to all of them, with a causal mask and without. The mask is
aligned at the bottom right: the last query of the chunk stands at the last key.
"""

from attnsite.records.workload import Timing, Workload

KEYS = 4096


def chunk(queries: int, keys: int, causal: bool) -> Workload:
    return Workload(heads=4, queries=queries, keys=keys, dim=64, causal=causal)


experiment = Timing(
    kernels=("cpu_simd",),
    quick=tuple(chunk(queries, KEYS, causal) for queries in (1, 64, 256, 1024) for causal in (False, True)),
    full=tuple(
        chunk(queries, KEYS, causal) for queries in (1, 64, 256, 512, 1024, 2048, 4096) for causal in (False, True)
    ),
)
