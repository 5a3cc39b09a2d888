"""One kernel a file. Compiled code is kept for exactly the source, and the settings, that it came from.

Numba's cache looks at the file of the function that was called, not at the files of what it calls, and would go on
running a kernel whose private helper has changed since, or one that was compiled without optimisation. So each state of
this folder and of Numba's settings gets a cache of its own.
"""

import atexit
import contextlib
import hashlib
import os
import shutil
import tempfile
from pathlib import Path

_HERE = Path(__file__).parent
_KEPT = 4  # states whose compiled code stays
# What Numba reads from the environment, or from a .numba_config.yaml, and makes other code by: the variable of each
# setting, and what it is where nobody has set it.
_SETTINGS: dict[str, tuple[str, object]] = {
    "OPT": ("NUMBA_OPT", 3),
    "LOOP_VECTORIZE": ("NUMBA_LOOP_VECTORIZE", 1),
    "SLP_VECTORIZE": ("NUMBA_SLP_VECTORIZE", 0),
    "BOUNDSCHECK": ("NUMBA_BOUNDSCHECK", None),
    "DEBUGINFO_DEFAULT": ("NUMBA_DEBUGINFO", 0),
    "ENABLE_PROFILING": ("NUMBA_ENABLE_PROFILING", 0),
    "EXTEND_VARIABLE_LIFETIMES": ("NUMBA_EXTEND_VARIABLE_LIFETIMES", 0),
    "CPU_NAME": ("NUMBA_CPU_NAME", None),
    "CPU_FEATURES": ("NUMBA_CPU_FEATURES", None),
    "DISABLE_INTEL_SVML": ("NUMBA_DISABLE_INTEL_SVML", 0),
    "DISABLE_JIT": ("NUMBA_DISABLE_JIT", 0),
    "LLVM_REFPRUNE_PASS": ("NUMBA_LLVM_REFPRUNE_PASS", 1),
    "LLVM_REFPRUNE_FLAGS": ("NUMBA_LLVM_REFPRUNE_FLAGS", "all"),
    "PARFOR_MAX_TUPLE_SIZE": ("NUMBA_PARFOR_MAX_TUPLE_SIZE", 100),
    "DEBUG_NRT": ("NUMBA_DEBUG_NRT", 0),
    "NRT_STATS": ("NUMBA_NRT_STATS", 0),
    "DEBUG_ARRAY_OPT_RUNTIME": ("NUMBA_DEBUG_ARRAY_OPT_RUNTIME", 0),
    "CUDA_DEBUGINFO_DEFAULT": ("NUMBA_CUDA_DEBUGINFO", 0),
    "FORCE_CUDA_CC": ("NUMBA_FORCE_CUDA_CC", None),
}
_ELSEWHERE = ("NUMBA_ENABLE_AVX", "ATTNSITE_VECTOR_WIDTH")  # whose usual value depends on the processor


def code_settings() -> dict[str, str]:
    """Settings that change the code of kernels, by their variables, where they are not as usual; mostly none are."""
    from numba import config

    found = {name: os.environ[name] for name in _ELSEWHERE if os.environ.get(name)}
    for name, (variable, usual) in _SETTINGS.items():
        value = getattr(config, name, usual)
        if getattr(value, "is_opt_max", False):
            found[variable] = "max"
        elif value != usual and not (not value and not usual):  # 0 and None are alike
            found[variable] = str(int(value) if isinstance(value, int) else value)
    return found


def _state() -> str:
    """A hash of this folder, with those in it, and of the settings."""
    state = hashlib.sha256(repr(sorted(code_settings().items())).encode())
    for path in sorted(_HERE.rglob("*.py")):
        state.update(path.read_bytes())
    return state.hexdigest()[:16]


def _keep_compiled_code(folder: Path, state: str) -> None:
    import numba

    mine = folder / state
    mine.mkdir(parents=True, exist_ok=True)
    os.utime(mine)
    with tempfile.TemporaryFile(dir=mine):  # on a disk that may only be read, a folder that exists refuses nothing else
        pass
    numba.config.CACHE_DIR = str(mine)  # type: ignore[attr-defined]
    for old in sorted((p for p in folder.iterdir() if p.is_dir()), key=lambda p: p.stat().st_mtime)[:-_KEPT]:
        shutil.rmtree(old, ignore_errors=True)


def _choose_folder() -> None:
    """In the checkout; else in the user's own cache; else, for this process only, in a temporary folder."""
    state = _state()
    own = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    for folder in (_HERE.parents[1] / ".cache" / "attnsite" / "compiled", Path(own) / "attnsite" / "compiled"):
        try:
            _keep_compiled_code(folder, state)
        except OSError:  # it cannot be written to
            continue
        return
    try:
        temporary = tempfile.mkdtemp(prefix="attnsite-")
    except OSError as error:
        text = "no folder can be written to for compiled kernels: set NUMBA_CACHE_DIR to one"
        raise OSError(error.errno, text) from None
    atexit.register(shutil.rmtree, temporary, ignore_errors=True)
    _keep_compiled_code(Path(temporary), state)


if not os.environ.get("NUMBA_CACHE_DIR"):  # whoever sets it has their reasons
    with contextlib.suppress(ImportError):  # no numba: the reference can still be run
        _choose_folder()
