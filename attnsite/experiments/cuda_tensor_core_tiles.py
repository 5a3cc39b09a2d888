"""How many warps should share a tile of keys on the tensor cores, and how large should it be?"""

from attnsite.records.workload import Timing, Workload


def prefill(dim: int, causal: bool) -> Workload:
    return Workload(heads=16, queries=4096, keys=4096, dim=dim, causal=causal)


experiment = Timing(
    kernels=("cuda_mma",),
    quick=(prefill(64, False),),
    full=tuple(prefill(dim, causal) for dim in (64, 128) for causal in (False, True)),
    ceilings=("matmul",),
    variants=tuple({"tiles": [warps, keys]} for warps in (4, 8) for keys in (32, 64, 128)),
)
