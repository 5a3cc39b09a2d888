"""What took long to make, kept on disk under the hash of all that it was made from: a second build only reads it."""

import contextlib
import hashlib
import json
import os
import sys
from collections.abc import Callable
from dataclasses import astuple, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from attnsite.records import fingerprint
from attnsite.records.quantity import Quantity
from attnsite.site.tables import Link

CACHE = Path(".cache/attnsite/kept")
DAYS = 30  # that what no build asked for is kept
_FORMAT = 2  # of what is kept: raise it when a value is written otherwise


@dataclass(frozen=True)
class Cache:
    """The values kept in a checkout, whose folder is `root`."""

    root: Path

    def kept(self, made_from: object, make: Callable[[], Any]) -> Any:
        """The value made from these, from disk if it is there. A broken file is made anew; what is no JSON is not kept.

        `made_from` must name everything that decides the value. Quantities and links come back as such.
        """
        path = self.root / CACHE / f"{name(made_from)}.json"
        with contextlib.suppress(OSError, ValueError, TypeError):
            summed, _, text = path.read_text(encoding="utf-8").partition("\n")
            if summed == _sum(text):
                value = json.loads(text, object_hook=_read)
                with contextlib.suppress(OSError):  # in a checkout of somebody else
                    os.utime(path)
                return value
        value = make()
        with contextlib.suppress(OSError, TypeError, ValueError):
            text = json.dumps(_written(value))
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary = path.with_name(f".{path.name}.{os.getpid()}")
            temporary.write_text(f"{_sum(text)}\n{text}", encoding="utf-8", newline="\n")
            temporary.replace(path)
        return value

    def forget(self) -> None:
        """Throw away what no build has asked for in the last `DAYS` days before the one that just ended."""
        with contextlib.suppress(OSError):  # another build may do the same
            asked = {path: path.stat().st_mtime for path in (self.root / CACHE).glob("*.json")}
            newest = max(asked.values(), default=0.0)
            for path in (path for path, last in asked.items() if last < newest - DAYS * 86_400):
                path.unlink()


def name(made_from: object) -> str:
    """What a value made from these is kept under."""
    return hashlib.sha256(repr((_FORMAT, sys.version_info[:2], made_from)).encode()).hexdigest()[:24]


def _sum(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _written(value: Any) -> Any:
    if isinstance(value, Quantity):
        return {"quantity": list(astuple(value))}
    if isinstance(value, Link):
        return {"link": [value.text, value.address]}
    if type(value) is dict and all(type(name) is str for name in value):
        return {"dict": [[name, _written(held)] for name, held in value.items()]}
    if type(value) is list:
        return [_written(held) for held in value]
    if value is None or type(value) in (str, int, float, bool):
        return value
    raise TypeError(f"{type(value).__name__} would not come back as it was")


def _read(value: dict[str, Any]) -> Any:
    if "quantity" in value:
        return Quantity(*value["quantity"])
    if "link" in value:
        return Link(*value["link"])
    return dict(value["dict"])


@cache  # the code that is at work is what was imported, whatever has been written since
def code_of(path: Path) -> str:
    """The hash of a module of the project with all that it reaches, prose included, and of the data beside each."""
    files = fingerprint.reached(path)
    files += [data for file in files if (data := file.with_suffix(".csv")).is_file()]
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


@cache
def _bytes(path: Path, _modified: int, _size: int) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def bytes_of(path: Path) -> str:
    """The hash of a file's content."""
    known = path.stat()
    return _bytes(path, known.st_mtime_ns, known.st_size)
