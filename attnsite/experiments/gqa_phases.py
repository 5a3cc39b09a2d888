"""Which phase does sharing KV heads make faster, and what becomes of it when they are copied for every query head?

32 query heads of width 128 with 32 to 1 KV heads: a causal prompt, and one decoding step over a long cache. One kernel
reads the shared heads where they lie, the other first repeats them for every query head, as a function without shared
heads asks for. The rates of reading and of multiply-adds, measured in the same rounds, say what to expect.
"""

from attnsite.records.workload import Timing, Workload

HEADS, DIM = 32, 128
KV_HEADS = (32, 16, 8, 4, 2, 1)


def prompt(kv_heads: int, tokens: int) -> Workload:
    return Workload(heads=HEADS, kv_heads=kv_heads, queries=tokens, keys=tokens, dim=DIM, causal=True)


def step(kv_heads: int, context: int) -> Workload:
    return Workload(heads=HEADS, kv_heads=kv_heads, queries=1, keys=context, dim=DIM)


experiment = Timing(
    kernels=("cpu_simd", "cpu_simd_repeated"),
    quick=(*(prompt(kv_heads, 2048) for kv_heads in (32, 1)), *(step(kv_heads, 16384) for kv_heads in (8, 1))),
    full=(*(prompt(kv_heads, 2048) for kv_heads in KV_HEADS), *(step(kv_heads, 16384) for kv_heads in KV_HEADS)),
    ceilings=("read", "fma"),
)
