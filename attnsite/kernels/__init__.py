"""One kernel a file. Compiled code is kept for exactly the source it came from.

Numba's cache looks at the file of the function that was called, not at the files of what it calls, and would go on
running a kernel whose private helper has changed since. So each state of this folder gets a cache of its own.
"""

import hashlib
import os
import shutil
from pathlib import Path

_HERE = Path(__file__).parent
_KEPT = 4  # states whose compiled code stays


def _keep_compiled_code(folder: Path) -> None:
    import numba

    state = hashlib.sha256(os.environ.get("ATTNSITE_VECTOR_WIDTH", "").encode())
    for path in sorted(_HERE.glob("*.py")):
        state.update(path.read_bytes())
    mine = folder / state.hexdigest()[:16]
    mine.mkdir(parents=True, exist_ok=True)
    os.utime(mine)
    numba.config.CACHE_DIR = str(mine)  # type: ignore[attr-defined]
    for old in sorted((p for p in folder.iterdir() if p.is_dir()), key=lambda p: p.stat().st_mtime)[:-_KEPT]:
        shutil.rmtree(old, ignore_errors=True)


try:
    if not os.environ.get("NUMBA_CACHE_DIR"):  # whoever sets it has their reasons
        _keep_compiled_code(_HERE.parents[1] / ".cache" / "attnsite" / "compiled")
except (ImportError, OSError):  # no numba, or a read-only folder: then Numba does as it always does
    pass
