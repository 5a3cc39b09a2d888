"""Numba's cache of compiled code: where a file of it is broken, it is made anew."""

import os
import traceback
from pathlib import Path


def broken(error: BaseException | None) -> bool:
    """Has Numba failed over a file of compiled code? A power cut or a full disk may have left half of one."""
    while error is not None:
        places = [Path(frame.filename).parts[-3:] for frame in traceback.extract_tb(error.__traceback__)]
        if ("numba", "core", "caching.py") in places:
            return True
        error = error.__cause__ or error.__context__
    return False


def forget() -> None:
    """Remove all compiled code of this checkout, and leave the folders, which Numba makes once in a process."""
    import numba

    folder = Path(str(numba.config.CACHE_DIR))  # type: ignore[attr-defined]
    if folder.parent.name == "compiled" and not os.environ.get("NUMBA_CACHE_DIR"):  # another's is not ours to remove
        for path in folder.rglob("*.nb?"):
            path.unlink(missing_ok=True)
