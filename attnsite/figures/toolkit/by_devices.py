"""What figures of `tensor_parallel` share: what a device keeps, whether heads divide, and copies over all devices."""

from attnsite.figures.toolkit import measured_rows
from attnsite.records.quantity import Quantity
from attnsite.records.run_file import Row, Run

RANKS = (2, 4, 8, 16)
REFUSED = "heads do not divide"


def one(run: Run, model: str) -> Row:
    """Raises `LookupError` with a sentence where it has not been counted."""
    return measured_rows.counted(run, model, model=model)


def divides(row: Row, ranks: int) -> bool:
    """Whether query heads and KV heads can be shared out evenly."""
    return row.values["query_heads"] % ranks == 0 and row.values["kept"][str(ranks)] is not None


def kept(row: Row, ranks: int) -> Quantity | None:
    """Bytes of the cache on one device; None where the heads cannot be shared out so."""
    return Quantity(row.values["kept"][str(ranks)], "B") if divides(row, ranks) else None


def copies(row: Row, ranks: int) -> float | None:
    """Bytes on all devices together over those of one copy; None where the heads cannot be shared out so."""
    held = kept(row, ranks)
    return ranks * held.value / row.values["kept"]["1"] if held else None
