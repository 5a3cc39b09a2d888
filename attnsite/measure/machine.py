"""Where are we? The machine and the software of a run, without host names, user names or paths."""

import importlib.metadata
import os
import platform
import re
import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from attnsite.kernels import code_settings
from attnsite.measure import WAITING, quota
from attnsite.records import registry, repository, run_file
from attnsite.records.mistakes import Mistake

PACKAGES = ("numpy", "numba", "llvmlite", "numba-cuda", "torch", "jax", "jaxlib", "onnxruntime", "onnx")


def threads() -> int:
    """The CPU threads that kernels of this process may use, and a quota keeps busy."""
    import numba

    here = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return quota.most_threads(min(here, int(numba.config.NUMBA_NUM_THREADS)))  # type: ignore[attr-defined]


def faults(root: Path, machine: str) -> list[Mistake]:
    """What would make a measurement worthless, told before it begins."""
    found = []
    if code_settings().get("NUMBA_DISABLE_JIT"):
        what = "Numba's compiler is off (NUMBA_DISABLE_JIT), so that Python would be measured"
        found.append(Mistake("attnsite measure", "", what, "unset NUMBA_DISABLE_JIT"))
    if machine != run_file.THIS_BUILD and (remedy := repository.distrust(root)):
        what = "git does not trust this clone, which belongs to another user, and cannot say what is measured"
        found.append(Mistake("attnsite measure", "--machine", what, remedy))
    return found


def describe() -> dict[str, Any]:
    """CPU, cores, caches, memory, system and, where there is one, the GPU; what is not known is left out."""
    found: dict[str, Any] = {
        "cpu": _cpu(),
        "architecture": platform.machine(),
        "cores": _cores(),
        "threads": threads(),
        "cpu_quota": quota.processors(),
        "caches": _caches(),
        "memory_bytes": _memory(),
        "system": f"{platform.system()} {platform.release().split('-')[0]}",
        "threading_layer": _threading_layer(),
        "blas": _blas(),
        "waiting": {name: os.environ[name] for name in WAITING if name in os.environ},
        "virtual": _flag("hypervisor"),
        "vectors": _vectors(),
        "settings": code_settings(),
        **_gpu(),
    }
    return {name: value for name, value in found.items() if value not in (None, {}, "")}


def software(root: Path) -> dict[str, Any]:
    """Versions of what a measurement depends on, the commit of the checkout, and whether it had changes."""
    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    if registry.ROOT.parent.resolve() != root.resolve():  # installed, or another checkout's: no commit says what runs
        return {"python": platform.python_version(), **versions, "commit": None, "clean": False}
    commit = repository.ask(root, "rev-parse", "--short=12", "HEAD")
    dirty = repository.ask(root, "status", "--porcelain", "--untracked-files=no", "--", "attnsite")
    return {"python": platform.python_version(), **versions, "commit": commit or None, "clean": dirty == ""}


@cache
def identity() -> tuple[Any, ...]:
    """What makes results of the cache this machine's own: the processor, its cores, and the versions that compute."""
    versions = (importlib.metadata.version(package) for package in ("numpy", "numba"))
    try:
        return _cpu(), _cores(), platform.machine(), platform.python_version(), *versions
    except importlib.metadata.PackageNotFoundError:  # nothing can have been measured here
        return ()


def made_here(machine: Mapping[str, Any], software: Mapping[str, Any]) -> bool:
    """Was a run with this provenance made on this machine, with what is installed now?"""
    named = (*(machine.get(what) for what in ("cpu", "cores", "architecture")), software.get("python"))
    return (*named, software.get("numpy"), software.get("numba")) == identity()


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _cpu() -> str | None:
    named = re.search(r"^(?:model name|Model)\s*:\s*(.+)$", _read("/proc/cpuinfo"), re.MULTILINE)
    if named:
        return named[1].strip()
    if platform.system() == "Darwin":
        words = ["sysctl", "-n", "machdep.cpu.brand_string"]
        return subprocess.run(words, capture_output=True, text=True).stdout.strip() or None
    told = re.search(r"^Model name:\s*(\S.*)$", _said("lscpu"), re.MULTILINE)  # of ARM
    return told[1].strip() if told else platform.processor() or f"unnamed, {platform.machine()}"


def _said(command: str) -> str:
    """What a command prints, in English; nothing where there is none."""
    try:
        return subprocess.run(
            [command], capture_output=True, text=True, timeout=20, env=os.environ | {"LC_ALL": "C"}
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ""


def _cores() -> int | None:
    """Physical cores that the system shows."""
    pairs = re.findall(r"^physical id\s*:\s*(\d+)$(?:\n.+)*?\ncore id\s*:\s*(\d+)$", _read("/proc/cpuinfo"), re.M)
    return len(set(pairs)) or None


@cache
def _gpu() -> dict[str, Any]:
    """The first NVIDIA GPU's name, memory and driver, where there is one, and what CUDA says of it."""
    words = ["nvidia-smi", "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"]
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return {}
    cells = [cell.strip() for cell in done.stdout.splitlines()[0].split(",")] if done.stdout.strip() else []
    if len(cells) != 3:
        return {}
    from attnsite.measure.gpu import clock as gpu_clock

    return dict(zip(("gpu", "gpu_memory", "driver"), cells, strict=True)) | gpu_clock.provenance()


def _flag(name: str) -> bool:
    return re.search(rf"^flags\s*:.*\b{name}\b", _read("/proc/cpuinfo"), re.MULTILINE) is not None


def _vectors() -> str | None:
    """The vectors of x86 that compiled kernels use, which may be less than the processor has; None elsewhere."""
    if platform.machine().lower() not in ("x86_64", "amd64"):
        return None
    from attnsite.kernels.simd import registers

    widths = {"avx512f": 16, "avx2": 8, "avx": 4}
    compiled = [name for name, width in widths.items() if width <= registers.WIDTH]
    return next((name for name in compiled if f"+{name}" in registers.FEATURES.split(",")), "sse2")


def _caches() -> dict[str, str]:
    """Size by level of the first core's caches, as the system prints them: {"L1 data": "32K", …}."""
    found = {}
    for index in sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        level, kind = _read(f"{index}/level").strip(), _read(f"{index}/type").strip().lower()
        found[f"L{level}" if kind == "unified" else f"L{level} {kind}"] = _read(f"{index}/size").strip()
    return found


def last_cache_bytes(default: int = 32 << 20) -> int:
    """The size of the largest cache, or a guess where the system does not say."""
    sizes = [
        int(size[:-1]) * {"K": 1 << 10, "M": 1 << 20}[size[-1]] for size in _caches().values() if size[-1:] in "KM"
    ]
    return max(sizes, default=default)


def _memory() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return None


def _threading_layer() -> str | None:
    import numba

    try:
        return str(numba.threading_layer())
    except ValueError:  # no parallel kernel has run yet
        return None


def _blas() -> str | None:
    try:
        from threadpoolctl import threadpool_info
    except ImportError:
        return None
    libraries = [info for info in threadpool_info() if info["user_api"] == "blas"]
    libraries.sort(
        key=lambda info: "numpy" not in info["filepath"]
    )  # the one that multiplies here; others may be loaded
    return f"{libraries[0]['internal_api']} {libraries[0].get('version') or ''}".strip() if libraries else None
