"""How much do more threads help when there are few heads?

One kernel hands out whole heads (`cpu_naive`), another heads and blocks of queries (`cpu_online`).
A machine with fewer threads than a workload asks for skips it.
"""

from attnsite.records.workload import Timing, Workload

DIM = 64


def call(heads: int, threads: int, tokens: int) -> Workload:
    return Workload(heads=heads, queries=tokens, keys=tokens, dim=DIM, threads=threads)


experiment = Timing(
    kernels=("cpu_*",),
    quick=tuple(call(heads, threads, 512) for heads in (1, 2, 8) for threads in (1, 2)),
    full=tuple(call(heads, threads, 512) for heads in (1, 2, 4, 8, 16) for threads in (1, 2, 4, 8)),
)
