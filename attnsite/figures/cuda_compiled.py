"""No CUDA kernel spills registers, but {launches_newest} compiled for sm_100 keep arrays in local memory

What the compiler makes of each launch, for sm_80 (A100), sm_90 (H100, H200) and sm_100 (B200). A thread can have 255
registers; what does not fit is spilled to memory, which is slow. A block has 48 KB of shared memory, and up to 163 KB
(A100) or 227 KB (the others) if it asks.

Fewer registers and less shared memory per block raise occupancy. The last columns give the threads per multiprocessor
and the limiting resource. For sm_100 the compiler is a newer one that leaves some loops not unrolled, and an array of a
thread that such a loop indexes cannot be in registers: its bytes stand under "local memory". The counts of instructions
are of the kernel's PTX as text, whatever a loop repeats and whatever the assembler makes of it. Names give the head_dim
that a kernel was compiled for and the query heads per block.

A table of {entries} launches of {kernels} kernels. They use between {fewest_registers} and {most_registers} registers
per thread and up to {most_shared} of shared memory per block, and spill {spilled}. Arrays in local memory:
{arrays_older} for sm_80 and sm_90, up to {arrays_newest} per thread for sm_100.
"""

from typing import Any

from attnsite.records.quantity import Quantity
from attnsite.records.run_file import Row, Run

EXPERIMENT = "cuda_compiled"
TITLE_COLUMNS = ("spilled", "local memory")
# Of a multiprocessor: threads, blocks, registers, and bytes of shared memory (a block's share is 1 KiB larger).
# CUDA C++ Programming Guide 13.0, "Compute Capabilities", table of technical specifications.
LIMITS = {"sm_80": (2048, 32, 65536, 164 << 10), "sm_90": (2048, 32, 65536, 228 << 10),
          "sm_100": (2048, 32, 65536, 228 << 10)}  # fmt: skip


def values(run: Run) -> dict[str, Quantity]:
    rows = run.where()
    registers = [row.values["registers"] for row in rows]
    found = {
        "entries": Quantity(len({(row.case["kernel"], row.case["entry"]) for row in rows}), "count"),
        "kernels": Quantity(len({row.case["kernel"] for row in rows}), "count"),
        "fewest_registers": Quantity(min(registers), "count"),
        "most_registers": Quantity(max(registers), "count"),
        "most_shared": Quantity(max(row.values["shared_bytes"] for row in rows), "B"),
        "spilled": Quantity(sum(spilled(row) for row in rows), "B"),
        "arrays_older": Quantity(max((arrays(row) for row in rows if not newest(row)), default=0), "B"),
        "launches_newest": Quantity(sum(newest(row) and arrays(row) > 0 for row in rows), "count"),
        "arrays_newest": Quantity(max((arrays(row) for row in rows if newest(row)), default=0), "B"),
    }
    for row in rows:
        name = f"{row.case['kernel']}_{row.case['entry']}_{row.case['architecture']}"
        found[f"{name}_registers"] = Quantity(row.values["registers"], "count")
    return found


def spilled(row: Row) -> int:
    """Bytes of registers stored to and loaded from memory, each counted once in the code."""
    return row.values["spill_store_bytes"] + row.values["spill_load_bytes"]


def arrays(row: Row) -> int:
    """Bytes of a thread's arrays that lie in memory, because a loop that was not unrolled indexes them."""
    return int(row.values["stack_bytes"])


def newest(row: Row) -> bool:
    return row.case["architecture"] == "sm_100"


def resident(row: Row) -> tuple[int, str]:
    """Threads that a multiprocessor can hold at once, and what is used up first.

    Registers are given to a warp of 32 threads in units of 256, shared memory to a block in units of 128 bytes.
    """
    threads, blocks, registers, shared = LIMITS[row.case["architecture"]]
    warps = -(-row.values["threads"] // 32)
    warp_registers = -(-row.values["registers"] * 32 // 256) * 256
    block_shared = -(-row.values["shared_bytes"] // 128) * 128 + 1024
    most = {
        "registers": registers // warp_registers // warps,
        "shared memory": shared // block_shared,
        "threads": threads // (32 * warps),
        "blocks": blocks,
    }
    scarce = min(most, key=lambda name: most[name])
    return most[scarce] * 32 * warps, scarce


def tabulate(runs: list[Run]) -> list[dict[str, Any]]:
    rows = []
    for row in runs[0].where():
        threads, scarce = resident(row)
        rows.append({
            "kernel": row.case["kernel"],
            "launch": row.case["entry"].replace("_", " "),
            "architecture": row.case["architecture"],
            "spilled": Quantity(spilled(row), "B"),
            "local memory": Quantity(arrays(row), "B"),
            "registers per thread": row.values["registers"],
            "shared memory per block": Quantity(row.values["shared_bytes"], "B"),
            "threads per block": row.values["threads"],
            "instructions": row.values["ptx_instructions"],
            "fused multiply-adds": row.values["fused_multiply_adds"],
            "tensor-core products": row.values["tensor_core_products"],
            "16-byte loads": row.values["wide_loads"],
            "threads per multiprocessor": threads,
            "limited by": scarce,
        })  # fmt: skip
    return rows
