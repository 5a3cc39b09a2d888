"""Characters that are not seen, or that turn how others are read: no text of a page has one, however it is written."""

import unicodedata
from functools import lru_cache

_LAID_OUT = "\n\r\t"
_BLANK = "\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0"  # letters and marks that show nothing
_HIDDEN = {"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"}


def find(text: str) -> list[tuple[int, str]]:
    """The lines, from 1, that hold such a character, each with the name of its first: U+202E."""
    if text.isascii() and text.replace("\n", "").replace("\r", "").replace("\t", "").isprintable():
        return []
    found = []
    for number, line in enumerate(text.split("\n"), 1):
        if odd := next((sign for sign in line.removesuffix("\r") if _unseen(sign)), ""):
            found.append((number, f"U+{ord(odd):04X}"))
    return found


def first(text: str) -> str:
    """The first of them in a text, by its name; empty where there is none."""
    return next((name for _, name in find(text)), "")


@lru_cache(maxsize=4096)
def _unseen(sign: str) -> bool:
    return (sign not in _LAID_OUT and unicodedata.category(sign) in _HIDDEN) or sign in _BLANK or sign == "\r"
