"""The whole line in one command: measure what is missing on this machine, check everything, build the site."""

import argparse
import contextlib
import importlib.util
import os
import re
import runpy
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from attnsite.commands import doctor
from attnsite.measure import here
from attnsite.records.mistakes import CANNOT_WRITE, Mistake, refused
from attnsite.site.builders import disk

CACHE = Path(".cache/attnsite")
MEASURE_S = 90  # of a build, in which experiments begin: on a slow machine the rest waits for the next one
STOPPED = 130  # the exit status after Ctrl-C


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--no-measure", action="store_true", help="draw from the results that are there")
    parser.add_argument("--publish", action="store_true", help="for readers elsewhere: the committed machines alone, "
                        "without the quick check of this one (so it is wherever SITE_URL is set)")  # fmt: skip
    parser.add_argument("--site-dir", type=Path, default=None, help="where the site goes (default: site/)")
    parser.add_argument("--portable", action="store_true", help="make a site that opens from a disk, without a server")


def run(options: argparse.Namespace) -> int:
    if absent := doctor.missing(doctor.SITE):
        what = f"cannot build without {', '.join(absent)}"
        raise Mistake("attnsite build", "", what, "pip install -e '.[site]', or use scripts/build.sh")
    with alone(options.root):
        return build(options)


@contextlib.contextmanager
def alone(root: Path) -> Iterator[None]:
    """One build at a time: another one waits. The system frees the lock of a process that is gone, however it went."""
    from filelock import FileLock, Timeout  # here, so that --help answers without it

    (root / CACHE).mkdir(parents=True, exist_ok=True)
    lock = FileLock(root / CACHE / "build.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        print("another build is at work in this checkout; waiting for it to end (Ctrl-C gives up)", flush=True)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def build(options: argparse.Namespace) -> int:
    started = time.monotonic()
    if options.publish:
        os.environ[here.PUBLISH] = "yes"
    if not options.no_measure and (status := measure(options.root)):
        if status in (STOPPED, CANNOT_WRITE):
            return status
        print("not everything could be measured here; the figures show what there is")
    if status := command(options.root, "check"):
        return status
    target = (options.site_dir or options.root / "site").resolve()
    tidy(options.root, target)
    alone = "" if here.shown() else ", of the committed machines alone: it is for readers elsewhere"
    print(f"building the site{alone}", flush=True)
    if status := mkdocs(options.root, target, options.portable):
        return status
    pages = sum(1 for _ in target.rglob("*.html"))
    print(f"built {pages} pages in {time.monotonic() - started:.0f} s: {target / 'index.html'}")
    return 0


def measure(root: Path) -> int:
    """Run every experiment's quick sweep that has no fresh result of this machine."""
    if importlib.util.find_spec("numba") is None:
        print("numba is not installed: nothing is measured, the figures show the committed runs")
        return 0
    return command(root, "measure", "--quick", "--within", str(MEASURE_S))


def command(root: Path, *words: str) -> int:
    """One of our own commands, in a process of its own: the reading half stays free of what measuring imports."""
    return subprocess.run([sys.executable, "-m", "attnsite.cli", "--root", str(root), *words], cwd=root).returncode


def tidy(root: Path, target: Path) -> None:
    """What builds that were killed have left: half a site beside the cache, and the last whole one beside its place."""
    for left in numbered(root / CACHE, "site"):
        shutil.rmtree(left, ignore_errors=True)
    for left in numbered(target.parent, f".{target.name}"):
        if target.exists():
            shutil.rmtree(left, ignore_errors=True)
        else:
            left.rename(target)


def numbered(folder: Path, name: str) -> list[Path]:
    """The folders that some process has named `name` and its number."""
    known = folder.iterdir() if folder.is_dir() else ()
    return sorted(path for path in known if re.fullmatch(rf"{re.escape(name)}\.\d+", path.name) and path.is_dir())


def mkdocs(root: Path, target: Path, opens_from_disk: bool = False) -> int:
    """Build strictly beside the target, then swap: a broken or interrupted build leaves the last site in place."""
    fresh = root / CACHE / f"site.{os.getpid()}"
    try:
        words = ["build", "--strict", "--clean", "--site-dir", str(fresh)]
        quiet = os.environ | {"NO_MKDOCS_2_WARNING": "1"}  # Material's end is planned for: see the design
        status = subprocess.run(
            [sys.executable, "-m", "attnsite.commands.build", *words], cwd=root, env=quiet
        ).returncode
        if status == 0:
            if opens_from_disk:
                disk.convert(fresh)
            replace(target, fresh)
        return status
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def replace(target: Path, fresh: Path) -> None:
    """Put the folder `fresh` in the place of `target`."""
    old = target.with_name(f".{target.name}.{os.getpid()}")
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.exists():
        target.rename(old)
    try:
        shutil.move(str(fresh), target)
    except BaseException:
        if old.exists() and not target.exists():
            old.rename(target)
        raise
    shutil.rmtree(old, ignore_errors=True)


if __name__ == "__main__":  # MkDocs with our words for what the system refuses
    try:
        runpy.run_module("mkdocs", run_name="__main__")
    except OSError as error:
        if not (mistakes := refused(error, "build")):
            raise
        print(mistakes[0], file=sys.stderr)
        sys.exit(CANNOT_WRITE)
