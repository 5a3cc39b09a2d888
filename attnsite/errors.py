"""The one exception of the project, and how many of them are raised at once."""

from collections.abc import Sequence


class Mistake(Exception):
    """Something in a file that its author can mend.

    Shown as one line: `path:where: what; remedy`. Collect all mistakes of a file (or of the project) before
    raising any, with `raise_all`, so that nobody mends the first only to be told of the second.
    """

    def __init__(self, path: object, where: object, what: str, remedy: str) -> None:
        self.path, self.where, self.what, self.remedy = str(path), str(where), what, remedy
        super().__init__(str(self))

    def __str__(self) -> str:
        place = f"{self.path}:{self.where}" if self.where else self.path
        return f"{place}: {self.what}; {self.remedy}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Mistake) and str(self) == str(other)

    def __hash__(self) -> int:
        return hash(str(self))


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
