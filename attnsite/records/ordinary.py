"""Which files of a checkout may be read at all: ordinary ones, of a size that a text can have, behind no link.

Nothing here opens a file or follows a link: a link may lead to what is not the author's, a device never ends, and a
folder may have the name of a file. `faults` says what is none; everything else reads only what `files` gives.
"""

import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from attnsite.records.mistakes import Mistake

TEXT = {".md": 2**20, ".bib": 2**16, ".py": 2**20, ".csv": 2**20}  # bytes, by the ending of a name
RUN = 2**26  # of a run's file
ENDINGS = (*TEXT, ".json")


def files(root: Path, folder: Path, pattern: str) -> list[Path]:
    """The files below a folder of a root that match and may be read, in order; hidden ones are nobody's pages."""
    if any(_kind(root / above) != "a folder" for above in _above(folder)):
        return []
    return [path for path in sorted((root / folder).glob(pattern)) if is_one(root, path)]


def is_one(root: Path, path: Path) -> bool:
    """Whether a path below a root is a file to read, and all folders on the way to it are folders."""
    inner = path.relative_to(root)
    if any(part.startswith(".") for part in inner.parts) or why(path):
        return False
    return all(_kind(root / above) == "a folder" for above in _above(inner.parent))


def why(path: Path) -> str:
    """Why what has the name of a file is not to be read; empty where it may be."""
    kind = _kind(path)
    if kind != "file":
        return f"is {kind}, not a file"
    most = TEXT.get(path.suffix, RUN)
    size = path.lstat().st_size
    return f"has {size} bytes, of at most {most}" if size > most else ""


def faults(root: Path, folders: Iterable[Path]) -> Iterator[Mistake]:
    """What lies in these folders of a root and is neither an ordinary file nor a plain folder."""
    for folder in folders:
        there = [root / above for above in _above(folder) if _kind(root / above) not in ("a folder", "nothing")]
        if there:
            yield fault(root, there[0])
            continue
        for path in sorted((root / folder).rglob("*")):
            hidden = any(part.startswith(".") or part == "__pycache__" for part in path.relative_to(root).parts)
            named = path.suffix in ENDINGS
            if not hidden and (_kind(path) not in ("a folder", "file") or (named and why(path))):
                yield fault(root, path)


def fault(root: Path, path: Path) -> Mistake:
    """What is told of a path that is not to be read."""
    large = _kind(path) == "file"
    remedy = "write a shorter one" if large else "put an ordinary file there, or take it away"
    return Mistake(path.relative_to(root), "", why(path) or "is not what belongs there", remedy)


def _above(folder: Path) -> list[Path]:
    """A relative folder and all that it lies in, the outermost first."""
    return [*reversed([above for above in folder.parents if above != Path()]), *([folder] if folder != Path() else [])]


def _kind(path: Path) -> str:
    try:
        mode = path.lstat().st_mode
    except (OSError, ValueError):
        return "nothing"
    if stat.S_ISLNK(mode):
        return "a link"
    if stat.S_ISDIR(mode):
        return "a folder"
    return "file" if stat.S_ISREG(mode) else "a device"
