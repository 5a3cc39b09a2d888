"""Which keys a causal query sees, as the array that libraries ask for where their own flag means something else."""

import numpy as np


def needs_none(queries: int, keys: int, causal: bool) -> bool:
    """Does every query see every key? A single query is the last one, which sees all."""
    return not causal or (queries == 1 and keys > 0)


def bottom_right(queries: int, keys: int) -> np.ndarray:
    """True where query i sees key j, j ≤ i + keys − queries, (queries, keys)."""
    return np.tri(queries, keys, keys - queries, dtype=bool)
