"""How small may the blocks of block-sparse attention be?

Causal prompts of four heads of width 64. The blocks go from 8 tokens to 256 and always keep 512 tokens up to the
diagonal and an eighth of what lies before; large ones keep fewer pairs, since half of the block on the diagonal is
masked. Dense attention is the limit.
"""

from attnsite.experiments.sparse_by_context import prompt
from attnsite.records.workload import Timing

NEAR, EVERY = 512, 8


def blocks(size: int) -> tuple[int, int, int]:
    return size, NEAR // size, EVERY


experiment = Timing(
    kernels=("cpu_block_sparse",),
    quick=(prompt(8192), *(prompt(8192, blocks=blocks(size)) for size in (32, 128))),
    full=(prompt(8192), *(prompt(8192, blocks=blocks(size)) for size in (8, 16, 32, 64, 128, 256))),
)
