"""Are some widths of a head faster than others, for the same FLOPs?

About 1024 columns are cut into heads of widths that fill a vector register or a tensor core's tile, and of widths that
do not. Where the width does not divide them, the number of heads is the next whole one, so what is compared is the
speed, and not the time.
"""

from attnsite.records.workload import Timing, Workload

COLUMNS = 1024


def cut(dim: int, tokens: int) -> Workload:
    return Workload(heads=max(1, round(COLUMNS / dim)), queries=tokens, keys=tokens, dim=dim)


experiment = Timing(
    kernels=("cpu_online", "cpu_simd", "cuda_vector", "cuda_mma"),
    quick=tuple(cut(dim, 1024) for dim in (32, 40, 64, 128)),
    full=tuple(
        cut(dim, 1024) for dim in (8, 16, 24, 32, 40, 48, 56, 64, 72, 80, 88, 96, 112, 128, 144, 160, 192, 224, 256)
    ),
    ceilings=("fma", "matmul"),
)
