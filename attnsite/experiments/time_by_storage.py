"""What do fewer bits for each number buy in time, over a prompt and in a decoding step?

The same kernel over float32, over float16 and bfloat16, which it widens on the way, and over a cache in int8, which is
for decoding only. The rates of reading and of multiply-adds are measured in the same rounds.
"""

from attnsite.records.workload import Timing, Workload

HEADS, DIM = 32, 128


def prompt(tokens: int) -> Workload:
    return Workload(heads=HEADS, queries=tokens, keys=tokens, dim=DIM, causal=True)


def step(context: int) -> Workload:
    return Workload(heads=HEADS, queries=1, keys=context, dim=DIM)


experiment = Timing(
    kernels=("cpu_simd", "cpu_simd_stored_*", "cpu_simd_decode_int8"),
    quick=(prompt(512), step(4096)),
    full=(prompt(512), prompt(2048), step(4096), step(16384)),
    ceilings=("read", "fma"),
)
