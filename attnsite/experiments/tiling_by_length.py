"""From which length is a kernel worth it that takes the keys in tiles and never writes its scores out?

Kernels with and without a matrix of scores, in the same rounds, from prompts of 16 tokens to 8192. `control_written`
has the products and the exponential of `cpu_simd` and writes the scores out all the same, so that what lies between
these two is nothing but the writing and reading. Up to 2048 tokens everything is timed on one thread as well, because
how kernels share out their work is part of what they cost. The steps of `cpu_blas` are timed one by one too, on memory
that is not new to them. Peak and bandwidth are measured in the same rounds.
"""

from attnsite.records.workload import Timing, Workload


def prompt(tokens: int, threads: int = 0) -> Workload:
    return Workload(heads=4, queries=tokens, keys=tokens, dim=64, threads=threads)


experiment = Timing(
    kernels=("cpu_blas", "cpu_online", "cpu_simd", "control_written"),
    quick=(*(prompt(tokens) for tokens in (16, 128, 512)), prompt(128, 1), prompt(512, 1)),
    full=(*(prompt(16 << power, 1) for power in range(8)), *(prompt(16 << power) for power in range(10))),
    ceilings=("read", "fma"),
    stages=True,
    longest_call_s=8.0,
)
