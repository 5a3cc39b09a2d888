"""How fast are these kernels over a whole prompt, beside the libraries that people would otherwise call?

Kernels and libraries take turns in one run, on the same arrays, with the same number of threads, all that the machine
has. A library that is not installed, or that refuses a shape, is a row that says so. The shapes are those of small and
large heads, few and many of them, short and long prompts, with a causal mask and without.
"""

from attnsite.records.workload import Timing, Workload


def prompt(heads: int, tokens: int, dim: int, causal: bool) -> Workload:
    return Workload(heads=heads, queries=tokens, keys=tokens, dim=dim, causal=causal)


experiment = Timing(
    kernels=("cpu_simd", "peer_*"),
    quick=tuple(
        prompt(heads, tokens, dim, causal)
        for heads, tokens, dim in ((1, 256, 64), (8, 256, 64), (8, 1024, 64))
        for causal in (False, True)
    ),
    full=tuple(
        prompt(heads, tokens, dim, causal)
        for tokens in (256, 1024, 4096)
        for dim in (32, 64, 128)
        for heads in (1, 8, 16, 32)
        for causal in (False, True)
    ),
    ceilings=("fma", "read", "matmul"),
    longest_call_s=3.0,
)
