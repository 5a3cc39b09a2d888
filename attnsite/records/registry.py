"""Every module of a room, by name: the only registry there is."""

import fnmatch
import importlib
import pkgutil
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parents[1]  # the package's folder
# Words of names that stand apart: gradients and numbers stored in 16 bits are other contracts, copies of shared heads
# are made for one comparison only, and masks, rolling caches and blocks are for calls with a window or a layout.
_APART = ("_backward", "_stored", "_repeated", "_masked", "_rolled", "_sparse")


def names(room: str) -> list[str]:
    """The members of a room, from its files alone: nothing is imported. A name with a leading `_` is a helper."""
    return sorted(path.stem for path in files(room) if not path.stem.startswith("_"))


def files(room: str) -> list[Path]:
    """The Python files of a room, helpers too; kernels that are controls lie in a folder of their own."""
    return sorted(path for folder in _folders(room) for path in folder.glob("*.py") if path.stem != "__init__")


def path_of(room: str, name: str) -> Path:
    """The file of a member of a room; where there is none, the one that it would have."""
    paths = [folder / f"{name}.py" for folder in _folders(room)]
    return next(filter(Path.is_file, paths), paths[0])


def _folders(room: str) -> list[Path]:
    return [ROOT / room, *([ROOT / room / "controls"] if room == "kernels" else [])]


def matching(room: str, patterns: tuple[str, ...]) -> list[str]:
    """The members of a room that match any of the shell-style patterns.

    One that stands apart, such as a `…_backward`, is matched only by a pattern that says so.
    """
    return [
        name
        for name in names(room)
        if any(fnmatch.fnmatchcase(name, p) for p in patterns if all(word in p for word in apart(name)))
    ]


def apart(name: str) -> tuple[str, ...]:
    """The words of a name for which it stands apart from the others of its room; none for most."""
    return tuple(word for word in _APART if word in name)


def module(room: str, name: str, *required: str) -> ModuleType:
    """Import one member of a room.

    Raises `LookupError` when there is no such member, or when it lacks a docstring or one of the `required` names.
    """
    if name not in names(room):
        raise LookupError(f"there is no {name} in attnsite/{room}; there are {', '.join(names(room))}")
    inside = path_of(room, name).relative_to(ROOT).with_suffix("").parts
    found = importlib.import_module(".".join(("attnsite", *inside)))
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
