"""How does the time of attention change when every further head is as wide as the first?

Heads of width 64: FLOPs, scores and bytes are all proportional to their number.
"""

from attnsite.records.workload import Timing, Workload

DIM = 64


def layer(heads: int, tokens: int) -> Workload:
    return Workload(heads=heads, queries=tokens, keys=tokens, dim=DIM)


experiment = Timing(
    kernels=("cpu_*", "cuda_*"),
    quick=tuple(layer(heads, 1024) for heads in (1, 2, 4)),
    full=(
        *(layer(heads, 1024) for heads in (1, 2, 4, 8, 16, 32, 64)),
        *(layer(heads, 2048) for heads in (1, 4, 16)),
    ),
)
