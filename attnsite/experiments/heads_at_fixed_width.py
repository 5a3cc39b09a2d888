"""How does the time of attention change when the same width is cut into more heads, and which step takes it?

The width is 1024, so a head is 1024 / H wide: the FLOPs of both products stay, the scores grow with H.
"""

from attnsite.records.workload import Timing, Workload

WIDTH = 1024


def cut(heads: int, tokens: int) -> Workload:
    """The whole width as this many heads."""
    return Workload(heads=heads, queries=tokens, keys=tokens, dim=WIDTH // heads)


experiment = Timing(
    kernels=("cpu_*", "cuda_*"),
    quick=tuple(cut(heads, 512) for heads in (1, 8, 32, 128)),
    full=(
        *(cut(heads, 512) for heads in (1, 8, 32, 128)),
        *(cut(heads, tokens) for tokens in (1024, 2048) for heads in (1, 2, 4, 8, 16, 32, 64, 128)),
    ),
    stages=True,
)
