"""How much memory does a prompt need with a sliding window, laid over all scores as a mask and as a bound of the loop?

The heads are those of `window_prefill`; what is measured is by how much one call raises the peak of resident memory.
"""

from attnsite.experiments.window_prefill import prompt
from attnsite.records.workload import Memory

experiment = Memory(
    kernels=("cpu_blas_masked", "cpu_simd"),
    quick=(prompt(4096, 64), prompt(4096, 4096)),
    full=tuple(prompt(4096, window) for window in (64, 256, 1024, 4096)),
    repeats=2,
)
