"""How much memory does a call of attention need, with the scores written out and with an online softmax?

The head width is 32: memory for scores does not depend on it, and narrow heads let long contexts finish. The largest
score matrices are 4 GiB.
"""

from attnsite.experiment import Memory, Workload

DIM = 32


def call(heads: int, tokens: int) -> Workload:
    return Workload(heads=heads, queries=tokens, keys=tokens, dim=DIM)


experiment = Memory(
    kernels=("cpu_*",),
    quick=tuple(call(8, tokens) for tokens in (512, 2048)),
    full=tuple(
        call(heads, tokens)
        for heads in (8, 32)
        for tokens in (512, 1024, 2048, 4096, 8192)
        if call(heads, tokens).heads * tokens * tokens * 4 <= 4 << 30
    ),
)
