"""The names that are most like one that is not there: what a remedy offers in the place of all of them."""

import difflib
from collections.abc import Iterable


def nearest(name: str, known: Iterable[str], most: int = 3) -> str:
    """Those names in words; how many there are where none is like it.

    >>> nearest("rooflin", ["roofline", "peers"])
    'the nearest is roofline'
    """
    names = sorted(known)
    like = difflib.get_close_matches(name, names, n=most, cutoff=0.5)
    if not like:
        parts = [part for part in name.split("_") if len(part) > 2]
        like = [each for each in names if any(part in each for part in parts)][:most]
    if like:
        return f"the nearest {'is' if len(like) == 1 else 'are'} {', '.join(like)}"
    return f"there are {', '.join(names) or 'none'}" if len(names) <= most else f"there are {len(names)}"
