"""What does the compiler make of the CUDA kernels, for three generations of GPUs?

Every launch of every CUDA kernel is compiled and assembled for sm_80 (A100), sm_90 (H100, H200) and sm_100 (B200),
which needs no GPU: registers of a thread, shared memory of a block, and bytes of registers that did not fit and were
spilled to memory.
"""

from attnsite.kernels.cuda.compiler import compile_entry
from attnsite.records import registry
from attnsite.records.workload import Case, Count, Observed

ARCHITECTURES = ("sm_80", "sm_90", "sm_100")


def entries(kernel: str):
    """The launches that a kernel makes, in its own order."""
    return registry.module("kernels", kernel, "entries").entries()


def observe(case: Case) -> Observed:
    """Counts from the compiler's and the assembler's output; refuses where they are not installed."""
    entry = next(entry for entry in entries(case["kernel"]) if entry.name == case["entry"])
    return compile_entry(entry, case["architecture"])


experiment = Count(
    observe=observe,
    cases=tuple(
        {"kernel": kernel, "entry": entry.name, "architecture": architecture}
        for kernel in registry.matching("kernels", ("cuda_*",))
        for entry in entries(kernel)
        for architecture in ARCHITECTURES
    ),
)
