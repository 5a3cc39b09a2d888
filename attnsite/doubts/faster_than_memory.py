"""A decode step read its KV cache faster than the machine reads memory, though the cache fits into no cache of it.

The rate of reading is that of the same rounds. `NOISE` is what two loops over memory differ by.
"""

from collections.abc import Iterator

from attnsite.doubts._doubt import Runs, named, timed
from attnsite.records.run_file import Row, Run

SHORT = "reads faster than memory"
NOISE = 1.1
UNITS = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
BYTES = {"cpu_simd_decode_bf16": 2, "cpu_simd_stored_bf16": 2, "cpu_simd_stored_f16": 2, "cpu_simd_decode_int8": 1}


def find(runs: Runs) -> Iterator[tuple[Run, str, str]]:
    for run in runs.values():
        last = last_cache(run)
        for row in timed(run):
            size = cache_bytes(row)
            read = run.ceiling("read", row)
            if size > 2 * last and read and size / row.median > NOISE * read.value:
                rate = size / row.median
                yield run, named(row), f"reads {rate:.3g} B/s, and memory gave {read.value:.3g}"


def cache_bytes(row: Row) -> int:
    """Bytes of keys and values of a decode step; 0 for what is none."""
    case = row.case
    if not row.takes_part or row.stage or case.get("queries") != 1 or case.get("window") or "kv_heads" not in case:
        return 0
    numbers = 2 * case["batch"] * case["kv_heads"] * case["keys"] * case["dim"]
    return int(numbers * BYTES.get(str(row.kernel), 4))


def last_cache(run: Run) -> int:
    """Bytes of the largest cache that the run names, such as `32768K`; a gibibyte where it names none."""
    named = [str(size) for size in dict(run.provenance.machine.get("caches") or {}).values()]
    sizes = [int(size[:-1]) * UNITS[size[-1:]] for size in named if size[:-1].isdigit() and size[-1:] in UNITS]
    return max(sizes, default=1 << 30)
