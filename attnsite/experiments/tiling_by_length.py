"""From which length is a kernel worth it that takes the keys in tiles and never writes its scores out?

Kernels with and without a matrix of scores, in the same rounds, from prompts of 16 tokens to 8192. `control_written`
has the products and the exponential of `cpu_simd` and writes the scores out all the same, so that what lies between
these two is nothing but the writing and reading. The steps of `cpu_blas` are timed one by one too, on memory that is
not new to them. Peak and bandwidth are measured in the same rounds.
"""

from attnsite.experiment import Timing, Workload


def prompt(tokens: int) -> Workload:
    return Workload(heads=4, queries=tokens, keys=tokens, dim=64)


experiment = Timing(
    kernels=("cpu_blas", "cpu_online", "cpu_simd", "control_written"),
    quick=tuple(prompt(tokens) for tokens in (16, 128, 512)),
    full=tuple(prompt(16 << power) for power in range(10)),
    ceilings=("read", "fma"),
    stages=True,
    longest_call_s=8.0,
)
