"""How long does a prompt take with a sliding window, laid over all scores as a mask and as a bound of the loop?

Four heads of width 64 and causal prompts; the window goes from 64 tokens to the whole prompt, where it hides nothing.
"""

from attnsite.records.workload import Timing, Workload


def prompt(tokens: int, window: int) -> Workload:
    return Workload(heads=4, queries=tokens, keys=tokens, dim=64, causal=True, window=window)


experiment = Timing(
    kernels=("cpu_blas_masked", "cpu_simd"),
    quick=tuple(prompt(1024, window) for window in (64, 256, 1024)),
    full=(
        *(prompt(1024, window) for window in (64, 128, 256, 512, 1024)),
        *(prompt(4096, window) for window in (64, 128, 256, 512, 1024, 2048, 4096)),
        *(prompt(8192, window) for window in (64, 256, 1024, 4096, 8192)),
    ),
)
