"""What the CUDA compiler makes of a kernel, without a GPU: registers, shared memory and spills for an architecture.

Numba lowers a kernel to LLVM, NVVM turns that into PTX, and nvJitLink assembles it for one architecture and says what
it needed. None of the three asks for a driver. NVVM and nvJitLink must be of one minor version: an older assembler
refuses the PTX of a newer compiler.
"""

import importlib.metadata
import re
from collections.abc import Mapping
from typing import Any

from attnsite.kernels import _cuda

# NVRTC compiles nothing here; numba-cuda asks it which architectures there are.
PACKAGES = ("numba-cuda", "nvidia-nvvm", "nvidia-nvjitlink", "nvidia-cuda-nvrtc")


def toolchain() -> str:
    """The versions of everything that decides about registers, as text; numba-cuda's alone where the rest is absent.

    Raises `NotImplementedError`, with what is missing, where kernels cannot be compiled.
    """
    if _cuda.SIMULATED:
        raise NotImplementedError(f"kernels cannot be compiled while {_cuda.SIMULATOR.split(',')[0]}")
    versions, missing = {}, []
    for package in PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            missing.append(package)
    if missing or not _cuda.INSTALLED:
        raise NotImplementedError(f"the CUDA compiler is not installed (pip install {' '.join(missing or PACKAGES)})")
    return ", ".join(f"{package} {version}" for package, version in versions.items())


def compile_entry(entry: _cuda.Entry, architecture: str) -> Mapping[str, Any]:
    """Compile and assemble one entry for an architecture such as "sm_90"; counts, and the toolchain that made them."""
    tools = toolchain()
    capability = (int(architecture[3:-1]), int(architecture[-1]))
    ptx = _cuda.compile_ptx(entry, capability)
    return {
        "threads": entry.threads,
        **read_log(assemble(ptx, architecture)),
        "shared_bytes": shared_bytes(ptx),
        "ptx_instructions": instructions(ptx),
        "fused_multiply_adds": instructions(ptx, "fma.rn.f32"),
        "toolchain": tools,
    }


def assemble(ptx: str, architecture: str) -> str:
    """Assemble PTX and return what the assembler says about it."""
    from cuda.core import Linker, LinkerOptions, ObjectCode

    options = LinkerOptions(arch=architecture, ptxas_options=["-v"])
    linker = Linker(ObjectCode.from_ptx(ptx.encode()), options=options)
    linker.link("cubin")
    return linker.get_info_log()


def read_log(log: str) -> dict[str, int]:
    """The counts in an assembler's log. Spills are bytes of stores and loads; a log without registers is an error."""
    patterns = {
        "registers": r"Used (\d+) registers",
        "spill_store_bytes": r"(\d+) bytes spill stores",
        "spill_load_bytes": r"(\d+) bytes spill loads",
        "stack_bytes": r"(\d+) bytes stack frame",
    }
    found = {name: [int(number) for number in re.findall(pattern, log)] for name, pattern in patterns.items()}
    if not found["registers"] or not found["spill_store_bytes"]:
        raise ValueError(f"the assembler's log says nothing of registers and spills: {log!r}")
    return {name: max(numbers, default=0) for name, numbers in found.items()}


def shared_bytes(ptx: str) -> int:
    """Bytes of shared memory that a block has; nvJitLink's log leaves them out, so the declarations are added up."""
    return sum(int(size) for size in re.findall(r"\.shared \.align \d+ \.b8 \w+\[(\d+)\];", ptx))


def instructions(ptx: str, opcode: str = "") -> int:
    """How many instructions of PTX begin with `opcode`; a loop's body counts once."""
    lines = (re.sub(r"^(?:\{|@!?%\w+)?\s*", "", line.strip()) for line in ptx.splitlines())
    return sum(1 for line in lines if re.match(r"[a-z][a-z0-9_]*[.;\s]", line) and line.startswith(opcode))
