"""How many FLOPs does attention perform, by count, and which of the quoted formulas is that?

The loops of three algorithms run with a counter beside each operation (`attnsite/kernels/plain/counting.py`): query by
query over visible keys, blockwise with a mask applied afterwards, and blockwise without the blocks that the mask hides.
One head of width 64; heads and layers only multiply, so they cancel against formulas in which d_attn is that width.
"""

from attnsite.formulas.attention import Attention, kaplan_context_flops, palm_context_flops
from attnsite.kernels.plain.counting import ALGORITHMS, count
from attnsite.records.workload import Case, Count, Observed

DIM, BLOCK = 64, 64
CONTEXTS = tuple(2**power for power in range(7, 14))  # 128 to 8192


def observe(case: Case) -> Observed:
    """Counts for the whole sequence, beside what the formulas say for it (they are for one token)."""
    context = case["context"]
    counted = count(case["algorithm"], context, context, DIM, causal=case["causal"], block=BLOCK)
    head = Attention(width=DIM, heads=1, dim=DIM)
    return {
        **counted,
        "flops": 2 * counted["multiply_adds"],
        "exact_flops": head.core_flops(context, context, case["causal"]),
        "kaplan_flops": context * kaplan_context_flops(1, context, DIM),
        "palm_flops": context * palm_context_flops(1, context, DIM),
    }


experiment = Count(
    observe=observe,
    cases=tuple(
        {"algorithm": algorithm, "causal": causal, "context": context}
        for algorithm in ALGORITHMS
        for causal in (True, False)
        for context in CONTEXTS
    ),
)
