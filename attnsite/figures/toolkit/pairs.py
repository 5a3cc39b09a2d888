"""What a row with a window or a layout computes: its visible pairs, its FLOPs, and how fast that was."""

from collections.abc import Sequence

from attnsite.formulas.attention import block_pairs, visible_pairs
from attnsite.records.quantity import Quantity
from attnsite.records.run_file import Row, Run


def window(row: Row) -> int:
    """The row's window in tokens; 0 where there is none."""
    return int(row.case.get("window") or 0)


def blocks(row: Row) -> tuple[int, ...]:
    """The row's pattern of blocks, (size, near, every); () where there is none."""
    return tuple(row.case.get("blocks") or ())


def pairs(row: Row) -> int:
    """Pairs of query and key that one head of the row's workload sees."""
    case = row.case
    if blocks(row):
        size, near, every = blocks(row)
        return block_pairs(case["queries"], size, near, every)
    return visible_pairs(case["queries"], case["keys"], case["causal"], window(row))


def flops(row: Row) -> int:
    """QKᵀ and AV over the visible pairs of all heads."""
    return 4 * int(row.case["batch"]) * int(row.case["heads"]) * int(row.case["dim"]) * pairs(row)


def speed(row: Row) -> Quantity:
    """FLOP/s over the pairs that are seen; what is computed beyond them counts as nothing."""
    (least, most), work = row.middle_half(), flops(row)
    return Quantity(work / row.median, "FLOP/s", work / most, work / least)


def timed(run: Run, kernel: str) -> list[Row]:
    """The kernel's rows with samples, stages apart, by context and then by window."""
    rows = [row for row in run.where(kernel) if row.samples]
    return sorted(rows, key=lambda row: (row.case["keys"], window(row), blocks(row)))


def only(rows: Sequence[Row], what: str) -> Row:
    """The first of the rows; raises `LookupError` where there is none."""
    if not rows:
        raise LookupError(f"not measured yet on this machine: {what}")
    return rows[0]
