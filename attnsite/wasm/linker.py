"""The linker of WebAssembly: LLD, as the system's packages have it, or as a Python package brings it."""

import importlib.util
import shutil
import sys

from attnsite.records.mistakes import Mistake

NAMES = ("wasm-ld", *(f"wasm-ld-{version}" for version in range(30, 17, -1)))  # LLD 18 and later link today's objects


def find() -> str:
    """The command to link with. Raises `Mistake` where there is none."""
    if found := search():
        return found
    remedy = "install it, such as with `apt-get install lld-19`, or `pip install ziglang`"
    raise Mistake("attnsite wasm", "", "there is no wasm-ld here, which links WebAssembly", remedy)


def search() -> str:
    """The same, or nothing where there is none."""
    if found := next(filter(None, map(shutil.which, NAMES)), ""):
        return found
    return f"{sys.executable} -m ziglang wasm-ld" if importlib.util.find_spec("ziglang") else ""
