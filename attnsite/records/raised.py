"""What a contributed file raises, while it is imported or called: on which line, and whether it is the file's own."""

import linecache
import traceback
from pathlib import Path

from attnsite.records import registry


def line(error: BaseException, file: Path) -> str:
    """The line of a file at which an error came about, the innermost; empty where the file took no part."""
    if isinstance(error, SyntaxError) and error.filename and Path(error.filename).name == file.name:
        return str(error.lineno or "")
    frames = traceback.extract_tb(error.__traceback__)
    return next((str(f.lineno) for f in reversed(frames) if Path(f.filename).name == file.name), "")


def imported(error: BaseException, file: Path) -> tuple[Path, str]:
    """The file of the package whose own code was at work when importing another failed, and its line there."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.name == "<module>"]
    inner = [f for f in frames if Path(f.filename).is_relative_to(registry.ROOT)]
    at = Path(inner[-1].filename) if inner else file
    if isinstance(error, SyntaxError) and error.filename and Path(error.filename).is_relative_to(registry.ROOT):
        at = Path(error.filename)
    return at, line(error, at)


def own(error: BaseException) -> bool:
    """Whether an error is what somebody wrote into a file, `raise KeyboardInterrupt` too, and nobody's wish to stop the
    command that runs it."""
    if not isinstance(error, KeyboardInterrupt):
        return True
    frames = traceback.extract_tb(error.__traceback__)
    return bool(frames) and "raise" in linecache.getline(frames[-1].filename, frames[-1].lineno or 0)


def told(error: BaseException) -> str:
    """An error in a few words: its kind, and the first line of what it says."""
    first = next(iter(str(error).strip().splitlines()), "")
    return f"{type(error).__name__}: {first[:120]}" if first else type(error).__name__
