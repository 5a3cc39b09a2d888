"""How large should the tiles of the GPU's float32 kernel be?

Queries and keys of a tile, threads along the keys, and queries of a thread: more of a tile in registers means fewer
loads from shared memory, and fewer threads to wait for.
"""

from attnsite.records.workload import Timing, Workload


def prefill(dim: int, causal: bool) -> Workload:
    return Workload(heads=16, queries=4096, keys=4096, dim=dim, causal=causal)


experiment = Timing(
    kernels=("cuda_vector",),
    quick=(prefill(64, False),),
    full=tuple(prefill(dim, causal) for dim in (64, 128) for causal in (False, True)),
    ceilings=("fma",),
    variants=tuple(
        {"tiles": [rows, columns, across, mine]}
        for rows, columns, across, mine in (
            (128, 64, 16, 8), (128, 64, 8, 8), (64, 64, 16, 8), (64, 64, 8, 8), (64, 64, 16, 4), (64, 32, 8, 8),
            (128, 32, 8, 8), (128, 128, 16, 8),
        )
    ),
)  # fmt: skip
