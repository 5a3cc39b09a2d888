"""How much memory does the KV cache of a windowed layer take, kept whole and rolled?

The layer of `window_decode`. Resident memory after a decoding step, less what was resident before there was a cache:
keys, values, the step's own arrays and workspace.
"""

from attnsite.experiments.window_decode import WINDOW, step
from attnsite.records.workload import Memory

experiment = Memory(
    kernels=("cpu_simd_decode", "cpu_simd_decode_rolled"),
    quick=tuple(step(context, WINDOW) for context in (1024, 4096)),
    full=tuple(step(context, WINDOW) for context in (1024, 4096, 16384, 65536)),
    repeats=2,
    cache=True,
)
