"""How many pairs of query and key does a causal mask save, when only whole blocks of hidden pairs are left out?

Counted by going over the blocks of a score matrix and asking of each whether its last query sees its first key. Prompts
of several lengths, whose queries are all computed at once, and the last chunk of a long context.
"""

import numpy as np

from attnsite.records.workload import Case, Count, Observed

BLOCKS = ((1, 1), (32, 8), (64, 64), (128, 128), (256, 256), (64, 512), (256, 512), (512, 512))
LENGTHS = (256, 512, 1024, 2048, 4096, 8192)
CONTEXT, CHUNKS = 4096, (1, 64, 256, 512, 1024, 2048, 4096)
THREADS = (2, 4, 8, 64)


def observe(case: Case) -> Observed:
    """Pairs in all, pairs that are seen, pairs computed; and what is left if equal parts of the queries are dealt out.

    With `threads`, each gets as many rows of blocks as the others, one after another; the last gets the longest.
    """
    queries, keys, (tall, wide) = case["queries"], case["keys"], case["block"]
    rows = np.arange(queries)
    seen = rows + keys - queries + 1  # keys that each query sees
    starts = rows[::tall]
    heights = np.minimum(tall, queries - starts)
    columns = np.arange(0, keys, wide)
    needed = columns[None, :] <= (starts + heights - 1 + keys - queries)[:, None]  # (rows of blocks, blocks)
    work = heights * (needed * np.minimum(wide, keys - columns)[None, :]).sum(axis=1)
    found = {"full": queries * keys, "seen": int(seen.sum()), "computed": int(work.sum())}
    for threads in THREADS:
        part = -(-len(work) // threads)
        longest = max(int(work[first : first + part].sum()) for first in range(0, len(work), part))
        alone = keys * int(heights[:part].sum())  # of a thread that computes everything
        found[f"in_{threads}_parts"] = alone / longest
    return found


experiment = Count(
    observe=observe,
    cases=(
        *({"queries": n, "keys": n, "block": list(block)} for n in LENGTHS for block in BLOCKS),
        *({"queries": queries, "keys": CONTEXT, "block": [1, 1]} for queries in CHUNKS if queries < CONTEXT),
    ),
)
