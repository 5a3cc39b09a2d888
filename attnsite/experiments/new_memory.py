"""How much of the time of a kernel that writes its scores out goes into memory that is new in every call?

One kernel with its matrix of scores asked for in every call, and the same with the matrix kept. The size of the scores
is varied by the number of heads at a fixed length, so that the work for each score stays what it is.
"""

from attnsite.records.workload import Timing, Workload


def prompt(heads: int, tokens: int) -> Workload:
    return Workload(heads=heads, queries=tokens, keys=tokens, dim=64)


experiment = Timing(
    kernels=("cpu_blas", "control_kept"),
    quick=(prompt(1, 1024), prompt(4, 1024)),
    full=tuple(prompt(heads, 1024) for heads in (1, 2, 4, 6, 8, 12, 16, 24, 32, 64)),
)
