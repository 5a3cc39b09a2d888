"""The one exception of the project, how many of them are raised at once, and what the system refuses."""

import errno
from collections.abc import Sequence
from pathlib import PurePath


class Mistake(Exception):
    """Something in a file that its author can mend.

    Shown as one line: `path:where: what; remedy`. Collect all mistakes of a file (or of the project) before
    raising any, with `raise_all`, so that nobody mends the first only to be told of the second.
    """

    def __init__(self, path: object, where: object, what: str, remedy: str) -> None:
        # with the slashes of addresses on every system, so that a line is the same wherever the check runs
        self.path = visible(path.as_posix() if isinstance(path, PurePath) else str(path))
        self.where, self.what, self.remedy = visible(str(where)), visible(what), visible(remedy)
        super().__init__(str(self))

    def __str__(self) -> str:
        place = f"{self.path}:{self.where}" if self.where else self.path
        return " ".join(f"{place}: {self.what}; {self.remedy}".split("\n"))  # what a file says may have line ends

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Mistake) and str(self) == str(other)

    def __hash__(self) -> int:
        return hash(str(self))


def visible(text: str) -> str:
    """A text in which what a terminal would obey, or a reader would not see, stands as its number: \\x1b, \\u202e.

    Whatever a file says may be quoted in a message, and a terminal reads messages.
    """
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() or each in _SPACES else _escaped(each) for each in text)


_SPACES = "\n\t\u00a0\u2009\u202f"


def _escaped(sign: str) -> str:
    return f"\\x{ord(sign):02x}" if ord(sign) < 0x100 else f"\\u{ord(sign):04x}"


def raise_all(mistakes: Sequence[Mistake]) -> None:
    """Raise nothing, the one mistake, or all of them as an `ExceptionGroup`."""
    if len(mistakes) == 1:
        raise mistakes[0]
    if mistakes:
        raise ExceptionGroup(f"{len(mistakes)} mistakes", list(mistakes))


def flatten(error: BaseException) -> list[Mistake]:
    """All mistakes in what `raise_all` raised, in order."""
    if isinstance(error, BaseExceptionGroup):
        return [mistake for inner in error.exceptions for mistake in flatten(inner)]
    return [error] if isinstance(error, Mistake) else []


CANNOT_WRITE = 74  # the exit status, as BSD's sysexits.h has it, after which going on would only fail again
_REMEDIES = {
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT, errno.EFBIG), "free some space"),
    **dict.fromkeys((errno.EACCES, errno.EPERM), "make it yours, or work in a copy of your own"),
    errno.EROFS: "work in a copy that can be written to",
}


def refused(error: BaseException, command: str) -> list[Mistake]:
    """A full disk or a folder that is not ours, in a line; nothing for what is a fault of the program."""
    if not isinstance(error, OSError) or error.errno not in _REMEDIES:
        return []
    what = f"the system refused ({error.strerror})"
    remedy = f"{_REMEDIES[error.errno]}, then run the same command: what was finished is kept"
    return [Mistake(error.filename or f"attnsite {command}", "", what, remedy)]
