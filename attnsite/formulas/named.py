"""What has a name that people type: found by any of its names, in whatever case, with or without its hyphens."""

import difflib
from collections.abc import Mapping
from typing import Protocol, TypeVar


class Named(Protocol):
    @property
    def names(self) -> tuple[str, ...]:
        """Its key, its name and its aliases."""


Entry = TypeVar("Entry", bound=Named)


def find(name: str, entries: Mapping[str, Entry], alike: float) -> Entry:
    """The entry of this name. Raises `LookupError` with the keys of up to three that are `alike`, 0 to 1, or more."""
    wanted = fold(name)
    known = {fold(each): key for key, entry in entries.items() for each in entry.names}
    if wanted in known:
        return entries[known[wanted]]
    near = difflib.get_close_matches(wanted, known, n=3, cutoff=alike)
    raise LookupError(", ".join(dict.fromkeys(known[each] for each in near)))


def fold(name: str) -> str:
    """A name as it is compared: in small letters, without spaces, hyphens, underscores and slashes."""
    return "".join(each for each in name.casefold() if each not in " -_/")
