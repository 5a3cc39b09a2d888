"""What the figures of GPU runs share: FLOP/s of rows, and the GPU's own limits."""

from attnsite.figures.toolkit import measured_rows, style
from attnsite.figures.toolkit.peers import flops
from attnsite.records.quantity import Quantity
from attnsite.records.run_file import Row, Run

MULTIPROCESSORS = "gpu_multiprocessors"  # as a run's provenance has it


def rate(row: Row) -> Quantity:
    """FLOP/s of a row: the two products, masked pairs not counted."""
    (least, most), work = row.middle_half(), flops(row)
    return Quantity(work / row.median, "FLOP/s", work / most, work / least)


def measured(run: Run, needed: str) -> list[Row]:
    """The rows with times, ceilings apart; raises `LookupError` if `needed` has none: no GPU, or it failed."""
    rows = [row for row in run.where() if row.samples and row.takes_part]
    if not any(row.kernel == needed for row in rows):
        raise LookupError("not measured yet on this machine: needs an NVIDIA GPU")
    return rows


def curves(on: style.Chart, run: Run, rows: list[Row], varied: str, unit: str) -> None:
    """Throughput against what was varied: a line with its band for each kernel."""
    for kernel, look in style.looks(measured_rows.kernels(run)).items():
        mine = sorted((row for row in rows if row.kernel == kernel), key=lambda row: row.case[varied])
        rates, name = [rate(row) for row in mine], style.call(kernel)
        style.line(
            on, [row.case[varied] for row in mine], [q.value for q in rates], look, name,
            low=[q.low or q.value for q in rates], high=[q.high or q.value for q in rates],
            hover=[f"{name}, {row.case[varied]} {unit}: {q}" for row, q in zip(mine, rates, strict=True)],
        )  # fmt: skip
