"""Does a causal mask halve the time, if what it hides is left out block by block, or not at all?

One kernel with everything held equal but the blocks that it leaves out where no query of a block sees any of its keys:
from those of `cpu_simd`, 32 queries by 8 keys, to large ones and to none at all, which is a mask applied after
computing. The same prompts with a causal mask and without.
"""

from attnsite.records.workload import Timing, Workload


def prompt(tokens: int, causal: bool) -> Workload:
    return Workload(heads=4, queries=tokens, keys=tokens, dim=64, causal=causal)


experiment = Timing(
    kernels=("control_masked",),
    quick=tuple(prompt(tokens, causal) for tokens in (256, 512) for causal in (False, True)),
    full=tuple(prompt(128 << power, causal) for power in range(7) for causal in (False, True)),
    variants=({}, {"blocks": [512, 512]}, {"blocks": [128, 128]}, {"blocks": [32, 8]}),
)
