"""From which length does a kernel that writes its scores out need more memory than everything it is given?

The rise of the peak during one call, for a kernel with a matrix of scores and one without, at the heads and the width
of `tiling_by_length`, to be compared with the size of queries, keys, values and output together.
"""

from attnsite.records.workload import Memory, Workload


def prompt(tokens: int) -> Workload:
    return Workload(heads=4, queries=tokens, keys=tokens, dim=64)


experiment = Memory(
    kernels=("cpu_blas", "cpu_simd"),
    quick=tuple(prompt(tokens) for tokens in (256, 1024)),
    full=tuple(prompt(64 << power) for power in range(8)),
    repeats=2,
)
