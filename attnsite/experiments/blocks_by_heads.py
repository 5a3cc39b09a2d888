"""How much of a GPU do a few heads keep busy, if each head is one block of threads, and if it is many?

The same kernel is launched with one block for each head and with one for each stretch of its queries. A block runs on
one multiprocessor, so with one block a head the throughput should grow until there are as many heads as
multiprocessors. A multiprocessor holds three blocks of the first kind at once and four of the second, so there are no
more than three heads for each of an H100's 132.
"""

from attnsite.records.workload import Timing, Workload


def prompt(heads: int, tokens: int = 1024) -> Workload:
    return Workload(heads=heads, queries=tokens, keys=tokens, dim=64)


experiment = Timing(
    kernels=("cuda_per_head", "cuda_tiled", "cuda_vector"),
    quick=(prompt(1), prompt(8)),
    full=tuple(prompt(heads) for heads in (1, 2, 4, 8, 16, 32, 64, 96, 128, 132, 160, 192, 264, 330, 396)),
    ceilings=("fma",),
)
