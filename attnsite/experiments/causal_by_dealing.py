"""How much of what a causal mask saves is lost when the queries are dealt out to threads in equal parts?

One head, so that there is nothing else to deal out, on two threads. The tiles of queries come to the threads either by
a counter, the longest first, or in two halves, as a loop does that is cut into equal parts.
"""

from attnsite.records.workload import Timing, Workload

THREADS = 2


def prompt(tokens: int, causal: bool) -> Workload:
    return Workload(heads=1, queries=tokens, keys=tokens, dim=64, causal=causal, threads=THREADS)


experiment = Timing(
    kernels=("control_masked",),
    quick=tuple(prompt(tokens, causal) for tokens in (512, 1024) for causal in (False, True)),
    full=tuple(prompt(512 << power, causal) for power in range(5) for causal in (False, True)),
    variants=({"blocks": [32, 8]}, {"blocks": [32, 8], "dealt": "in parts"}),
)
