"""How much memory does a call of attention need, with the scores written out and with an online softmax?

The head width is 16: memory for scores does not depend on it, and narrow heads let long contexts finish. The largest
score matrices are 2 GiB.
"""

from attnsite.records.workload import Memory, Workload

DIM = 16


def call(heads: int, tokens: int) -> Workload:
    return Workload(heads=heads, queries=tokens, keys=tokens, dim=DIM)


experiment = Memory(
    kernels=("cpu_*",),
    quick=tuple(call(8, tokens) for tokens in (512, 2048)),
    full=(
        *(call(8, tokens) for tokens in (512, 1024, 2048, 4096, 8192)),
        *(call(32, tokens) for tokens in (512, 1024, 2048)),
    ),
)
