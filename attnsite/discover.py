"""Every module of a room, by name: the only registry there is."""

import fnmatch
import importlib
import pkgutil
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parent  # the package's folder
_APART = ("_backward", "_masked", "_rolled", "_sparse")


def names(room: str) -> list[str]:
    """The members of a room, from its files alone: nothing is imported. A name with a leading `_` is a helper."""
    folder = ROOT / room
    return sorted(path.stem for path in folder.glob("*.py") if not path.stem.startswith("_"))


def matching(room: str, patterns: tuple[str, ...]) -> list[str]:
    """The members of a room that match any of the shell-style patterns.

    A `…_backward` computes gradients, which is another contract; a `…_masked`, `…_rolled` or `…_sparse` is for calls
    with a window or a layout and has a sibling for all others. Only a pattern that says so matches them.
    """

    def asked(name: str, pattern: str) -> bool:
        apart = [ending for ending in _APART if name.endswith(ending)]
        return fnmatch.fnmatchcase(name, pattern) and all(ending in pattern for ending in apart)

    return [name for name in names(room) if any(asked(name, pattern) for pattern in patterns)]


def module(room: str, name: str, *required: str) -> ModuleType:
    """Import one member of a room.

    Raises `LookupError` when there is no such member, or when it lacks a docstring or one of the `required` names.
    """
    if name not in names(room):
        raise LookupError(f"there is no {name} in attnsite/{room}; there are {', '.join(names(room))}")
    found = importlib.import_module(f"attnsite.{room}.{name}")
    missing = [attribute for attribute in (*required, "__doc__") if not getattr(found, attribute, None)]
    if missing:
        raise LookupError(f"{found.__file__}: a member of attnsite/{room} needs {', '.join(missing)}")
    return found


def modules(room: str, *required: str) -> dict[str, ModuleType]:
    """Import every member of a room."""
    return {name: module(room, name, *required) for name in names(room)}


def submodules(package: ModuleType) -> list[str]:
    """All modules of a package, dotted: for tests that must miss none."""
    return sorted(info.name for info in pkgutil.walk_packages(package.__path__, package.__name__ + "."))
