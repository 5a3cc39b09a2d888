"""Files read once: what a checkout's reader holds of each, so that none is opened or parsed a second time.

A reading may follow another one, of the same checkout before an edit: of a file whose bytes are the same, what was
parsed then is taken over.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from attnsite.records.mistakes import Mistake

Parsed = tuple[Any, Sequence[Mistake]]  # a record, or None where it cannot be read, and the mistakes


class Reading:
    """The bytes of files by their path, and what was made of them. `before` is the reading that this one follows."""

    def __init__(self, before: "Reading | None" = None) -> None:
        self._held: dict[Path, bytes] = {}
        self._parsed: dict[Path, Parsed] = {}
        self._before = (before._held, before._parsed) if before else ({}, {})

    def bytes_of(self, path: Path) -> bytes:
        """A file's bytes. Raises OSError where it cannot be read, each time that it is asked for."""
        if path not in self._held:
            self._held[path] = path.read_bytes()
        return self._held[path]

    def text(self, path: Path) -> str:
        """A file's text, without a byte order mark. Raises OSError, or UnicodeDecodeError where it is not UTF-8."""
        return self.bytes_of(path).decode("utf-8-sig")

    def parsed(self, path: Path, shown: Path, parse: Callable[[str, Path], Parsed]) -> Parsed:
        """What a parser makes of a file that is called `shown`. Raises as `text` does."""
        if path not in self._parsed:
            text, (held, parsed) = self.text(path), self._before
            same = path in parsed and held.get(path) == self._held[path]
            self._parsed[path] = parsed[path] if same else parse(text, shown)
        return self._parsed[path]

    def changed(self) -> set[Path]:
        """The files that were read and whose bytes are not those of the reading before, or that it had not read."""
        return {path for path, held in self._held.items() if self._before[0].get(path) != held}
