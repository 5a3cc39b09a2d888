"""The `doctor` command: what is missing on this machine, what works without it, and the one command that fixes it.

It needs nothing but Python itself, so that it can speak where everything else is missing.
"""

import argparse
import importlib.metadata
import importlib.util
import os
import platform
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from attnsite.measure import quota
from attnsite.records import repository

NEWEST_TRIED = (3, 14)
MEASURING = ("numpy", "numba", "threadpoolctl")
SITE = ("mkdocs", "material", "mkdocs_jupyter", "plotly", "kaleido", "markdown", "pybtex", "yaml", "latex2mathml",
        "filelock", "psutil")  # fmt: skip
TESTS = ("pytest", "hypothesis", "playwright", "ruff", "mypy")
FREE = 2 << 30  # bytes on the disk that an environment, a cache and a site need


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at: `mend` is empty where it is well, `needed` says that nothing works without it."""

    what: str
    told: str
    mend: str = ""
    needed: bool = False


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = "Say what is missing on this machine, and the one command that fixes it."


def run(options: argparse.Namespace) -> int:
    found = list(examine(options.root))
    width = max(len(finding.what) for finding in found)
    for finding in found:
        mark = "ok  " if not finding.mend else "MISS" if finding.needed else "less"
        print(f"{mark}  {finding.what.ljust(width)}  {finding.told}")
        if finding.mend:
            print(f"      {'':{width}}  mend it: {finding.mend}")
    return 1 if any(finding.needed and finding.mend for finding in found) else 0


def examine(root: Path) -> Iterator[Finding]:
    """Everything there is to look at, in the order in which it is needed."""
    checks: tuple[Callable[[Path], Finding], ...] = (
        python, folder, git, space, measuring, threads, site, browser, locked, cuda, tests
    )  # fmt: skip
    for check in checks:
        yield check(root)


def python(root: Path) -> Finding:
    version = platform.python_version()
    if sys.version_info[:2] > NEWEST_TRIED:
        newest = ".".join(map(str, NEWEST_TRIED))
        return Finding("Python", f"{version}, newer than any that was tried", f"use {newest} if something fails")
    return Finding("Python", version)


def folder(root: Path) -> Finding:
    """Results, pictures and compiled code are kept in .cache, the site in site/."""
    try:
        with tempfile.TemporaryFile(dir=root):
            pass
    except OSError as error:
        why = f"cannot be written to ({error.strerror})"
        return Finding("checkout", why, "copy it to a folder of your own, and work there", needed=True)
    if not _is_checkout(root):
        told = "there is none here: only cost, doctor and measure work outside of one"
        return Finding("checkout", told, "clone the repository, and run attnsite there")
    return Finding("checkout", "can be written to")


def git(root: Path) -> Finding:
    if shutil.which("git") is None:
        return Finding("git", "is not installed: runs cannot say which commit they measured", "install git")
    if remedy := repository.distrust(root):
        told = "does not trust this clone, which belongs to another user: runs cannot say which commit they measured"
        return Finding("git", told, remedy)
    if not (root / ".git").exists():
        told = "this is no clone: runs cannot say which commit they measured"
        return Finding("git", told, "clone the repository if you want to contribute results")
    return Finding("git", "installed, and this is a clone")


def space(root: Path) -> Finding:
    free = shutil.disk_usage(root).free
    told = f"{free / (1 << 30):.1f} GiB free"
    return Finding("disk", told, "free some space", needed=free < FREE // 8) if free < FREE else Finding("disk", told)


def _is_checkout(root: Path) -> bool:
    return (root / "mkdocs.yml").is_file()


def _pip(root: Path, extra: str = "") -> str:
    """The command that installs us with what an extra names; outside of a checkout, where to give it.

    We are on no package index: what stands there under our name, now or later, is not ours.
    """
    command = f"pip install -e '.[{extra}]'" if extra else "pip install -e ."
    return command if _is_checkout(root) else f"in a clone of the repository: {command}"


def missing(names: tuple[str, ...]) -> list[str]:
    return [name for name in names if importlib.util.find_spec(name) is None]


def measuring(root: Path) -> Finding:
    absent = missing(MEASURING)
    if absent:
        told = f"{', '.join(absent)} not installed: nothing can be measured"
        return Finding("measuring", told, _pip(root), needed=True)
    from attnsite.kernels import code_settings

    settings = code_settings()
    if "NUMBA_DISABLE_JIT" in settings:
        told = "Numba's compiler is off (NUMBA_DISABLE_JIT): nothing can be measured"
        return Finding("measuring", told, "unset NUMBA_DISABLE_JIT", needed=True)
    if settings:
        told = ", ".join(f"{name} is {value}" for name, value in settings.items())
        told += ": kernels are compiled otherwise than usually, and no run of them is accepted"
        return Finding("measuring", told, f"unset {' '.join(settings)}")
    return Finding("measuring", ", ".join(f"{name} {importlib.metadata.version(name)}" for name in MEASURING))


def threads(root: Path) -> Finding:
    """Parallel kernels want OpenMP or TBB: Numba's own queue costs a hundred times as much a call."""
    if missing(MEASURING):
        return Finding("threads", "unknown without numba")
    layers = [name for name, spec in (("OpenMP", "omppool"), ("TBB", "tbbpool")) if _loads(f"numba.np.ufunc.{spec}")]
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    granted, seen = quota.processors(), f"{count}"
    if granted is not None:
        count = quota.most_threads(count)
        seen = f"{count}, of a quota of {granted:g} processors"
    if not layers:
        told = f"{seen}, without OpenMP and TBB: short calls are measured too slow"
        remedy = "brew install libomp" if sys.platform == "darwin" else "pip install tbb"
        return Finding("threads", told, remedy)
    return Finding("threads", f"{seen}, by {layers[0]}")


def _loads(module: str) -> bool:
    try:
        importlib.import_module(module)
    except ImportError:
        return False
    return True


def site(root: Path) -> Finding:
    absent = missing(SITE)
    if absent:
        return Finding("site", f"{', '.join(absent)} not installed: no page can be built", _pip(root, "site"))
    version = importlib.metadata.version
    return Finding("site", f"mkdocs {version('mkdocs')}, material {version('mkdocs-material')}")


def browser(root: Path) -> Finding:
    """The same places that drawing looks at, without importing what drawing needs."""
    text = (Path(__file__).parents[1] / "site" / "figures" / "chromium.py").read_text(encoding="utf-8")
    scope: dict[str, Callable[[], str | None]] = {}
    exec(compile(text, "chromium.py", "exec"), scope)  # it imports the standard library and nothing else
    found = scope["find"]()
    if found is None:
        told = "none found: figures are drawn by the reader's browser only, and browser tests are left out"
        return Finding("Chromium", told, _install("chromium"))
    return Finding("Chromium", Path(found).name)


def _install(package: str) -> str:
    for tool, words in (("apt-get", "sudo apt-get install"), ("dnf", "sudo dnf install"), ("brew", "brew install")):
        if shutil.which(tool):
            return f"{words} {package}"
    return f"install {package}"


def locked(root: Path) -> Finding:
    """Whether the packages that are here are those of the lock."""
    lock = root / "requirements.lock"
    if not lock.is_file():
        return Finding("lock", "there is none here")
    wanted: dict[str, list[str]] = {}  # several versions of a package are for several Pythons
    for name, version in re.findall(r"^([a-z0-9._-]+)==([^\s;\\]+)", lock.read_text(encoding="utf-8"), re.MULTILINE):
        wanted.setdefault(name, []).append(version)
    other = []
    for name, versions in wanted.items():
        try:
            here = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
        if here not in versions:
            other.append(f"{name} {here} (lock: {versions[-1]})")
    if other:
        told = ", ".join(other[:3]) + (f" and {len(other) - 3} more" if len(other) > 3 else "")
        return Finding("lock", f"other versions are installed: {told}", "scripts/setup.sh, and use .venv")
    return Finding("lock", "what is installed is what it says")


def cuda(root: Path) -> Finding:
    if shutil.which("nvidia-smi") is None:
        return Finding("GPU", "no NVIDIA driver here: CUDA kernels are left out")
    if importlib.util.find_spec("numba_cuda") is None:
        return Finding("GPU", "a driver is here, numba-cuda is not", _pip(root, "cuda"))
    return Finding("GPU", "driver and numba-cuda are here")


def tests(root: Path) -> Finding:
    absent = missing(TESTS)
    if absent:
        mend = "scripts/test.sh" if _is_checkout(root) else "clone the repository, and run scripts/test.sh there"
        return Finding("tests", f"{', '.join(absent)} not installed: tests cannot run", mend)
    return Finding("tests", "all tools are here")
