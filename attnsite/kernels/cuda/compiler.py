"""What the CUDA compiler makes of a kernel, without a GPU: registers, shared memory and spills for an architecture.

Numba lowers a kernel to LLVM, NVVM turns that into its own intermediate code (LTO-IR), and nvJitLink makes machine code
of it for one architecture and says what it needed, as when a kernel is launched. None of the three asks for a driver.
PTX is only looked at: assembled by itself, as a part of a larger program, the same kernel is given up to twice as many
registers. NVVM and nvJitLink must be of one minor version: an older linker refuses the code of a newer compiler.
"""

import importlib.metadata
import re
from collections.abc import Mapping
from typing import Any

from attnsite.kernels.cuda import driver

# NVRTC compiles nothing here; numba-cuda asks it which architectures there are.
PACKAGES = ("numba-cuda", "nvidia-nvvm", "nvidia-nvjitlink", "nvidia-cuda-nvrtc")


def toolchain() -> str:
    """The versions of everything that decides about registers, as text; numba-cuda's alone where the rest is absent.

    Raises `NotImplementedError`, with what is missing, where kernels cannot be compiled.
    """
    if driver.SIMULATED:
        raise NotImplementedError(f"kernels cannot be compiled while {driver.SIMULATOR.split(',')[0]}")
    versions, missing = {}, []
    for package in PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            missing.append(package)
    if missing or not driver.INSTALLED:
        raise NotImplementedError(f"the CUDA compiler is not installed (pip install {' '.join(missing or PACKAGES)})")
    return ", ".join(f"{package} {version}" for package, version in versions.items())


def compile_entry(entry: driver.Entry, architecture: str) -> Mapping[str, Any]:
    """Compile and assemble one entry for an architecture such as "sm_90"; counts, and the toolchain that made them."""
    tools = toolchain()
    capability = (int(architecture[3:-1]), int(architecture[-1]))
    ptx, log = link(driver.compile_for(entry, capability), architecture)
    return {
        "threads": entry.threads,
        **read_log(log),
        "shared_bytes": shared_bytes(ptx) + entry.dynamic_bytes,
        "ptx_instructions": instructions(ptx),
        "fused_multiply_adds": instructions(ptx, "fma.rn.f32"),
        "tensor_core_products": instructions(ptx, "mma.sync"),
        "wide_loads": instructions(ptx, "ld.shared.v4") + instructions(ptx, "ld.global.v4"),
        "toolchain": tools,
    }


def link(code: bytes, architecture: str) -> tuple[str, str]:
    """The PTX that LTO-IR becomes, and what the assembler says of the machine code."""
    from cuda.core import Linker, LinkerOptions, ObjectCode

    shown, assembled = (
        Linker(
            ObjectCode.from_ltoir(code), options=LinkerOptions(arch=architecture, link_time_optimization=True, **more)
        )
        for more in ({"ptx": True}, {"ptxas_options": ["-v"]})
    )
    ptx = shown.link("ptx").code
    assembled.link("cubin")
    return bytes(ptx).decode(), assembled.get_info_log()


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
