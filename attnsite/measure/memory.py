"""How far does one call raise the peak of resident memory? Asked in a process of its own.

Run as `python -m attnsite.measure.memory KERNEL WORKLOAD-AS-JSON [cache]`; prints one JSON object.
"""

import ctypes
import gc
import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from attnsite.measure import quota
from attnsite.measure.candidates import Skipped
from attnsite.records import registry
from attnsite.records.workload import Workload

GIVEN_BACK = {"MALLOC_MMAP_THRESHOLD_": "65536"}  # glibc then returns every array's memory as soon as it is freed


def ask(kernel: str, workload: Workload, seconds: float = 120.0, cache: bool = False) -> dict[str, Any]:
    """Start the process and return what it observed: `peak_bytes`, and `max_error` with its `bound`.

    Raises `Skipped` where the kernel cannot, is wrong or takes longer than so many seconds.
    """
    words = [sys.executable, "-m", "attnsite.measure.memory", kernel, json.dumps(workload.case()), *["cache"] * cache]
    path = os.pathsep.join([str(registry.ROOT.parent), *filter(None, [os.environ.get("PYTHONPATH")])])
    try:
        done = subprocess.run(
            words,
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            timeout=seconds,
            env=os.environ | {"PYTHONPATH": path} | _threads() | (GIVEN_BACK if cache else {}),
        )
    except subprocess.TimeoutExpired:
        raise Skipped("too_slow", f"start, call and check took longer than {seconds:.0f} s") from None
    if done.returncode:
        last = (done.stderr.strip().splitlines() or [f"ended with status {done.returncode}"])[-1]
        raise Skipped("failed", f"failed: {last[:200]}")
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    if "skipped" in found:
        raise Skipped(*found["skipped"])
    return found


def _threads() -> dict[str, str]:
    """As many threads as a quota keeps busy: each has a workspace of its own."""
    from attnsite.measure import machine

    return {} if quota.processors() is None else {"NUMBA_NUM_THREADS": str(machine.threads())}


def observe(kernel: str, workload: Workload, cache: bool = False) -> dict[str, Any]:
    """Measure in this process: peak resident memory during one call less resident memory before it.

    With `cache`: resident memory after the call, of which the keys and values are a part as the kernel keeps them, less
    resident memory before they were made. `skipped`, a code and a sentence, in their place where it cannot be done.
    """
    from attnsite.measure import candidates, correctness

    try:
        module = candidates.load(kernel)
        candidates.compile_small(module, workload)
    except candidates.Skipped as why:
        return {"skipped": [why.code, why.reason]}
    except NotImplementedError as why:
        return {"skipped": ["refused", str(why)]}
    options = candidates.accepted(module.attention, workload)
    give_back()
    bare = _status("VmRSS")
    if cache and bare is None:
        return {"skipped": ["refused", "only Linux says how much memory is resident now"]}
    if bare is None and importlib.util.find_spec("resource") is None:  # as on Windows
        return {"skipped": ["refused", "this system does not say how much memory a process has used"]}
    q, k, v = workload.inputs()
    kept = candidates.store(module, k, v, workload)
    del k, v  # a kernel that keeps them in another form needs them no more
    arrays, rounded = candidates.lay_out(module, q, kept), correctness.rounding(module)
    before = reset_peak()
    module.attention(*arrays, **options)
    grown = (_status("VmRSS") or 0) - (bare or 0) if cache else peak() - before
    meant, out = candidates.restored(module, kept), correctness.restored(module, arrays[-1])
    verdict = correctness.compare(rounded(q), *meant, out, causal=workload.causal, rounded=rounded, seen=workload.seen)
    if not verdict.right:
        reason = f"wrong: error {verdict.max_error:.3g}, at most {verdict.bound:.3g} is allowed"
        return {"skipped": ["wrong", reason]}
    return {"peak_bytes": max(0, grown), "max_error": verdict.max_error, "bound": verdict.bound}


def _status(name: str) -> int | None:
    """A line of /proc/self/status, in bytes."""
    try:
        found = re.search(rf"^{name}:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="ascii"), re.MULTILINE)
    except OSError:
        return None
    return int(found[1]) << 10 if found else None


def give_back() -> None:
    """Return to the system what was freed before, where that can be done: a call would take it again unseen."""
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim:
        trim(0)


def reset_peak() -> int:
    """Forget the peak so far, where the system allows, and return the bytes from which growth is counted."""
    try:
        with open("/proc/self/clear_refs", "w", encoding="ascii") as file:
            file.write("5")
    except OSError:
        return peak()
    return _status("VmRSS") or peak()


def peak() -> int:
    """The peak of resident memory since the start or since `reset_peak`, in bytes."""
    here = _status("VmHWM")
    if here is not None:
        return here
    import resource

    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return used if sys.platform == "darwin" else used << 10


if __name__ == "__main__":
    print(json.dumps(observe(sys.argv[1], Workload(**json.loads(sys.argv[2])), cache=sys.argv[3:] == ["cache"])))
