"""Blocks of a sixteenth of the sequence allow most of the gain, blocks as long as it none

Speed-up that the count of pairs allows: all pairs over those computed, by block size (queries × keys) and sequence
length in tokens. Follow a row to the right.

Each is counted by going over all blocks of the score matrix. A block is computed if its last query sees its first key;
what the mask hides in it is thrown away. For blocks of one pair the ratio is that of the mask itself, 2 N / (N + 1).
Only the larger side of a block matters where one side divides the other.

A table of {kinds} block sizes and sequences of {shortest} to {longest} tokens. At 1024 tokens, blocks of 32 by 8 give
{b32_8_at_1024}, blocks of 128 {b128_128_at_1024}, blocks of 512 {b512_512_at_1024}.
"""

from typing import Any

from attnsite.figures.toolkit import axes
from attnsite.records.quantity import Quantity
from attnsite.records.run_file import Run

EXPERIMENT = "causal_pairs"
TITLE_COLUMNS = ("256", "512", "1k")
Counted = dict[tuple[int, int], dict[int, dict[str, Any]]]


def prompts(run: Run) -> Counted:
    """By block and length, what was counted of prompts whose queries are all computed at once."""
    found: Counted = {}
    for row in run.where():
        if row.case["queries"] == row.case["keys"]:
            tall, wide = row.case["block"]
            found.setdefault((tall, wide), {})[row.case["keys"]] = dict(row.values)
    if not found:
        raise LookupError("the pairs under a causal mask have not been counted yet")
    return found


def values(run: Run) -> dict[str, Quantity]:
    found = prompts(run)
    lengths = sorted({n for those in found.values() for n in those})
    named = {
        "kinds": Quantity(len(found), "count"),
        "shortest": Quantity(lengths[0], "count"),
        "longest": Quantity(lengths[-1], "count"),
    }
    for (tall, wide), those in found.items():
        for n, counted in those.items():
            named[f"b{tall}_{wide}_at_{n}"] = Quantity(counted["full"] / counted["computed"], "×")
            for name, gain in counted.items():
                if name.startswith("in_"):
                    named[f"b{tall}_{wide}_at_{n}_{name}"] = Quantity(gain, "×")
    for row in run.where():
        if row.case["queries"] < row.case["keys"]:
            gain = row.values["full"] / row.values["computed"]
            named[f"last_{row.case['queries']}_of_{row.case['keys']}"] = Quantity(gain, "×")
    return named


def tabulate(runs: list[Run]) -> list[dict[str, Any]]:
    return [
        {"block, by tokens": f"{tall}\u00a0×\u00a0{wide}"}
        | {axes.tokens(n): Quantity(those[n]["full"] / those[n]["computed"], "×") for n in sorted(those)}
        for (tall, wide), those in prompts(runs[0]).items()
    ]
