"""How large should the tiles of queries and keys be?

Every size that fits, in the same rounds, at several shapes. A tile of queries is packed once and meets every key; a
tile of keys stays in the nearest caches meanwhile. Too small costs bookkeeping, too large costs cache. The sizes in
`cpu_simd` are read off here.
"""

from attnsite.records.workload import Timing, Workload


def prefill(heads: int, tokens: int, dim: int, causal: bool) -> Workload:
    return Workload(heads=heads, queries=tokens, keys=tokens, dim=dim, causal=causal)


experiment = Timing(
    kernels=("cpu_simd",),
    quick=(prefill(8, 256, 64, False),),
    full=tuple(
        prefill(heads, tokens, dim, causal)
        for heads, tokens in ((8, 256), (8, 1024), (2, 4096))
        for dim in (32, 64, 128)
        for causal in (False, True)
    ),
    ceilings=("fma",),
    variants=tuple({"tiles": [panels, keys]} for panels in (2, 6, 12) for keys in (32, 64, 128, 256)),
)
