"""Who answers a workload, parsed once from the name that its rows have: a kernel, a control, another library's peer, or
a limit of the machine that is measured beside them."""

from dataclasses import dataclass
from functools import cache
from typing import Literal

Kind = Literal["kernel", "control", "peer", "ceiling"]
Device = Literal["cpu", "cuda"]
_MARKS: dict[str, Kind] = {"control_": "control", "peer_": "peer", "ceiling:": "ceiling"}

# Why a participant has no samples in a row: for programs, beside the sentence, which is for readers.
SKIP_CODES = {
    "not_asked": "kernels of another device were asked for",
    "not_installed": "a library that it needs is not installed",
    "no_device": "the device that it runs on is not here, or its driver is not",
    "too_few_threads": "the workload wants more threads than the machine has",
    "lost_threads": "its threads did not get a processor each, however often it was tried",
    "too_large": "the workload does not fit into the machine's memory",
    "too_slow": "a call, or a smaller workload's, took longer than the sweep allows",
    "refused": "it has no way to do this workload",
    "wrong": "its output was further from float64 than its bound",
    "failed": "it ended with an error",
}


@dataclass(frozen=True)
class Participant:
    """A participant of an experiment.

    `name` is as in rows: `cpu_simd`, `control_kept`, `peer_cuda_torch_flash`, `ceiling:cuda_fma`. A control does on
    purpose what a good kernel does not. `stem` names its module in `kernels/` or `peers/`; of a ceiling, what is
    measured (`read`, `fma`, …).
    """

    name: str
    kind: Kind
    stem: str
    device: Device

    @property
    def on_gpu(self) -> bool:
        return self.device == "cuda"

    @property
    def folder(self) -> str:
        """The folder of its module below `attnsite/`."""
        return {"peer": "peers", "ceiling": "measure"}.get(self.kind, "kernels")

    @property
    def library(self) -> str:
        """The module that it needs besides NumPy, as `import` has it: `numba`, `numba_cuda`, `torch`, …"""
        if self.kind == "peer":
            return self.stem.removeprefix("cuda_").split("_")[0]
        return "numba_cuda" if self.on_gpu else "numba"


@cache
def parse_participant(name: str) -> Participant:
    """Parse a row's `kernel`. Any name gives a participant: whether its module is there is not asked."""
    mark = next((mark for mark in _MARKS if name.startswith(mark)), "")
    kind = _MARKS.get(mark, "kernel")
    stem = name.removeprefix(mark) if kind in ("peer", "ceiling") else name
    device: Device = "cuda" if stem.startswith("cuda_") else "cpu"
    return Participant(name, kind, stem.removeprefix("cuda_") if kind == "ceiling" else stem, device)
