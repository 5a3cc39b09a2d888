"""A figure that raises: a mistake of its own file, with the line, whatever it was given."""

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from attnsite.content import backing
from attnsite.records import raised, registry
from attnsite.records.mistakes import Mistake

FOLDER = Path("attnsite/figures")


def fault(name: str, error: BaseException, given: object = "") -> Mistake:
    """What an error of that figure is told as: its line, the error, and the run that it was `given`."""
    at = raised.line(error, registry.ROOT / "figures" / f"{name}.py")
    told = next(iter(str(error).strip().splitlines()), "")
    what = f"raises {type(error).__name__}{': ' if told else ''}{told[:120]}{f' with {given}' if given else ''}"
    remedy = "fix it; where a run may lack what it needs, raise LookupError with a sentence that says what"
    return Mistake(FOLDER / f"{name}.py", at, what, remedy)


def typed(name: str, docstring: str) -> Iterator[Mistake]:
    """A finding that is typed into a figure's title, the first paragraph of its docstring: it would stay when a run
    moves it. One of `values()` stands there in braces."""
    title = " ".join(re.split(r"\n\s*\n", docstring.strip(), maxsplit=1)[0].split())
    if found := backing.unbacked(re.sub(r"\{[^{}]*\}", " x ", title), (), {}):
        what = f"its title states {found!r:.60}, which is typed"
        yield Mistake(FOLDER / f"{name}.py", 1, what, "give it by values() and write its name in braces")


def lacks(error: BaseException) -> bool:
    """Whether a figure says by this that a run does not have what it needs; a key that is missing says nothing."""
    return isinstance(error, LookupError) and not isinstance(error, KeyError | IndexError)


def of_code() -> Mapping[str, Mistake]:
    """The files of figures, experiments, kernels and peers that are no Python, by their path."""
    found = {}
    for room in ("figures", "experiments", "kernels", "peers"):
        for path in filter(Path.is_file, registry.files(room)):
            shown = path.relative_to(registry.ROOT.parent)
            try:
                ast.parse(path.read_bytes())
            except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
                at = getattr(error, "lineno", "") or ""
                what = f"is no Python ({getattr(error, 'msg', None) or error})"
                found[shown.as_posix()] = Mistake(shown, at, what, "fix it")
    return found
