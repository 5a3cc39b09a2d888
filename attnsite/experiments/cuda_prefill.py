"""How fast is prefill on a GPU, beside PyTorch's backends and what the GPU can do at most?

Kernels in float32 and on tensor cores, and each of PyTorch's backends by name, in one run: prompts of several lengths
and widths of a head, with a causal mask and without.
"""

from attnsite.records.workload import Timing, Workload


def prompt(heads: int, tokens: int, dim: int, causal: bool) -> Workload:
    return Workload(heads=heads, queries=tokens, keys=tokens, dim=dim, causal=causal)


experiment = Timing(
    kernels=("cuda_naive", "cuda_tiled", "cuda_vector", "cuda_mma", "peer_cuda_*"),
    quick=(
        prompt(16, 1024, 64, False),
        prompt(16, 1024, 64, True),
        prompt(16, 2048, 64, False),
        prompt(16, 1024, 128, True),
    ),
    full=tuple(
        prompt(16, tokens, dim, causal)
        for tokens in (1024, 2048, 4096, 8192)
        for dim in (32, 64, 128, 256)
        for causal in (False, True)
    ),
    ceilings=("read", "fma", "matmul"),
)
