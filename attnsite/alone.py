"""One process at a time: a file that says who is at work, and is taken over when nobody is."""

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def alone(path: Path, what: str, seconds: float = 900.0, pause: float = 0.2) -> Iterator[None]:
    """Wait until no other process holds `path`, and hold it. A process that is gone holds nothing.

    Raises `TimeoutError` after `seconds`; the text names the file, which may be removed by hand.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    until, told = time.monotonic() + seconds, False
    while not _take(path):
        if not told:
            print(f"another {what} is at work here; waiting for it to end", flush=True)
            told = True
        if time.monotonic() > until:
            raise TimeoutError(f"another {what} has been at work for {seconds:.0f} s; if none is, remove {path}")
        time.sleep(pause)
    try:
        yield
    finally:
        if _holder(path) == os.getpid():
            path.unlink(missing_ok=True)


def _take(path: Path) -> bool:
    """Write our number into a new file of that name, whole or not at all; over that of a process that is gone."""
    own = path.with_name(f"{path.name}.{os.getpid()}")
    own.write_text(str(os.getpid()), encoding="ascii")
    try:
        os.link(own, path)  # fails if it is there, and no reader sees it empty
        return True
    except FileExistsError:
        holder = _holder(path)
        if holder is not None and running(holder):
            return False
        with contextlib.suppress(FileNotFoundError):
            path.unlink()
        return False  # whoever links next has it
    finally:
        own.unlink(missing_ok=True)


def _holder(path: Path) -> int | None:
    try:
        return int(path.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None


def running(process: int) -> bool:
    """Whether a process of that number is there."""
    if os.name == "nt":  # there a signal would end it
        import ctypes

        handle = ctypes.windll.kernel32.OpenProcess(0x1000, False, process)  # type: ignore[attr-defined]
        if handle:
            ctypes.windll.kernel32.CloseHandle(handle)  # type: ignore[attr-defined]
        return bool(handle)
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
