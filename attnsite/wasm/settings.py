"""How Numba is to compile for a browser: four lanes, no fused multiply-add, no processor, nothing optimised yet.

Numba reads its settings as it is imported, so modules are made in a process of their own.
"""

import os

FOR_BROWSERS = {
    "ATTNSITE_VECTOR_WIDTH": "4", "NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": "", "NUMBA_OPT": "0",
    "NUMBA_DISABLE_INTEL_SVML": "1", "NUMBA_NUM_THREADS": "1",
}  # fmt: skip


def environment(cache: str) -> dict[str, str]:
    """The environment of a process that makes modules; `cache` is where Numba may keep code, of no other settings."""
    return {**os.environ, **FOR_BROWSERS, "NUMBA_CACHE_DIR": cache}
