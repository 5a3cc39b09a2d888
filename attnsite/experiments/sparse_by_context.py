"""From which length on is block-sparse attention faster than dense attention, and by how much?

Causal prompts of four heads of width 64. Two patterns in blocks of 64 tokens: a band of the 8 blocks up to the
diagonal, and one of 4 with columns, every eighth block of those before, after the fixed pattern of Child et al. (2019).
Beside each stands a sliding window that keeps about as many pairs, and dense attention, once by the dense kernel and
once by the sparse one with nothing left out.
"""

from attnsite.formulas.attention import block_pairs, visible_pairs
from attnsite.records.workload import Timing, Workload

BAND, COLUMNS = (64, 8, 0), (64, 4, 8)


def prompt(tokens: int, window: int = 0, blocks: tuple[int, ...] = ()) -> Workload:
    return Workload(heads=4, queries=tokens, keys=tokens, dim=64, causal=True, window=window, blocks=blocks)


def as_many(tokens: int, blocks: tuple[int, int, int]) -> int:
    """The window that keeps the number of pairs that is nearest to that of the blocks."""
    wanted = block_pairs(tokens, *blocks)
    return min(range(1, tokens + 1), key=lambda window: abs(visible_pairs(tokens, tokens, True, window) - wanted))


def contest(tokens: int) -> list[Workload]:
    """Dense attention, then each pattern and its window."""
    patterns = [(prompt(tokens, blocks=b), prompt(tokens, window=as_many(tokens, b))) for b in (BAND, COLUMNS)]
    return list(dict.fromkeys([prompt(tokens), *(work for pair in patterns for work in pair)]))


experiment = Timing(
    kernels=("cpu_simd", "cpu_block_sparse"),
    quick=tuple(work for tokens in (512, 2048) for work in contest(tokens)),
    full=tuple(work for power in range(8, 15) for work in contest(1 << power)),
)
