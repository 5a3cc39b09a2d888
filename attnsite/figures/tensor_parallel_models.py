"""Of {models} models, {refused_8} have heads that 8 devices cannot share, {refused_16} heads that 16 cannot

How many published models can be cut by heads over so many devices, and how many then keep more than one copy of their
KV cache.

All models of the site whose config states a number of query heads. "Heads do not divide" means that the number of query
heads is no multiple of the number of devices, or that the KV heads neither divide by it nor divide it: engines refuse
that, or pad. More than one copy: the devices together keep more than the model alone does, since a KV head, a latent or
a state is on several of them.

A table of four numbers of devices. With 2 devices {refused_2} models cannot be cut and {copied_2} keep more than one
copy; with 8 it is {refused_8} and {copied_8}, with 16 {refused_16} and {copied_16}.
"""

from typing import Any

from attnsite.figures.toolkit.by_devices import RANKS, REFUSED, copies, divides
from attnsite.records.quantity import Quantity
from attnsite.records.run_file import Run

EXPERIMENT = "tensor_parallel"
TITLE_COLUMNS = (REFUSED,)
MORE = 1.001  # constant states are rounded up to whole elements


def counts(run: Run, ranks: int) -> dict[str, int]:
    """Models that cannot be cut so, that keep one copy, and that keep more."""
    rows = run.where()
    cut = [row for row in rows if divides(row, ranks)]
    copied = sum((copies(row, ranks) or 0) > MORE for row in cut)
    return {REFUSED: len(rows) - len(cut), "one copy": len(cut) - copied, "more than one copy": copied}


def values(run: Run) -> dict[str, Quantity]:
    found = {"models": Quantity(len(run.where()), "count")}
    for ranks in RANKS:
        refused, single, copied = counts(run, ranks).values()
        found |= {
            f"refused_{ranks}": Quantity(refused, "count"),
            f"single_{ranks}": Quantity(single, "count"),
            f"copied_{ranks}": Quantity(copied, "count"),
        }
    return found


def tabulate(runs: list[Run]) -> list[dict[str, Any]]:
    return [{"devices": ranks} | counts(runs[0], ranks) for ranks in RANKS]
