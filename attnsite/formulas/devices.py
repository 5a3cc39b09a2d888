"""Accelerators and processors: memory, bandwidth and peak rates, as their makers print them, from `devices.csv`.

A memory's gigabytes are taken as 10^9 bytes, the least that a maker's "GB" may mean, so that what is said to fit does.
Peaks are of dense products, without structured sparsity, at the clocks that the maker states.
"""

import csv
import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from attnsite.formulas import named

TABLE = Path(__file__).with_suffix(".csv")
PEAKS = ("fp32", "tf32", "fp16", "bf16", "fp8", "int8", "fp4")
SINGLE, HALF = ("fp32", "tf32"), ("fp16", "bf16")
BYTE, LESS = (*HALF, "fp8", "int8"), (*HALF, "fp8", "int8", "fp4")
MULTIPLIED = {  # in which dtypes products of such weights are made; float32 is no bound where 16 bits may be faster
    "fp32": SINGLE, "bf16": HALF, "fp16": HALF, "fp8": BYTE, "int8": BYTE, "mxfp8": BYTE, "q8_0": BYTE,
}  # fmt: skip
KINDS = ("datacenter", "workstation", "consumer", "laptop", "embedded")
CONFIRMED = ("maker", "secondary")


@dataclass(frozen=True)
class Device:
    """One row. `sources` are keys of the site's bibliography and `place` where in them; `confirmed` says whose page the
    figures were read on: the maker's, or somebody else's ("secondary")."""

    key: str
    name: str
    vendor: str
    kind: str
    year: int
    aliases: tuple[str, ...]
    memory_options_gb: tuple[float, ...]
    unified: bool
    bandwidth_gb_s: float
    peaks_tflops: Mapping[str, float]
    sources: tuple[str, ...]
    place: str
    confirmed: str
    note: str

    @property
    def names(self) -> tuple[str, ...]:
        """What it is found by."""
        return (self.key, self.name, *self.aliases)

    @property
    def memory_gb(self) -> float:
        """The largest that is sold."""
        return max(self.memory_options_gb)

    @property
    def memory_bytes(self) -> int:
        return int(self.memory_gb * 1e9)

    def peak(self, weights: str) -> float:
        """FLOP/s of the fastest dense products that weights of this dtype can be multiplied in; 0 if not known."""
        found = [self.peaks_tflops.get(dtype, 0.0) for dtype in MULTIPLIED.get(weights, LESS)]
        return 1e12 * max(found)

    def rates(self, weights: str) -> tuple[float, float]:
        """Bandwidth in bytes/s and peak in FLOP/s, for weights of a dtype."""
        return 1e9 * self.bandwidth_gb_s, self.peak(weights)


@functools.cache
def load() -> Mapping[str, Device]:
    """All devices by key, in the table's order."""
    with TABLE.open(encoding="utf-8", newline="") as lines:
        return {row["key"]: _device(row) for row in csv.DictReader(lines)}


def _device(row: Mapping[str, str]) -> Device:
    return Device(
        row["key"], row["name"], row["vendor"], row["kind"], int(row["year"]),
        tuple(filter(None, (each.strip() for each in row["aliases"].split(";")))),
        tuple(float(each) for each in row["memory_GB"].split(" or ")), row["unified"] == "yes",
        float(row["bandwidth_GB_s"]),
        {dtype: float(cell) for dtype in PEAKS if (cell := row.get(f"{dtype}_TFLOPS") or row.get(f"{dtype}_TOPS"))},
        tuple(row["sources"].split("; ")), row["place"], row["confirmed"], row["note"],
    )  # fmt: skip


def find(name: str) -> Device:
    """The device of this key, name or alias, in whatever case. Raises `LookupError` with the nearest names."""
    return named.find(name, load(), alike=0.5)
