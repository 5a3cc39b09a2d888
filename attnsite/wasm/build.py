"""Every module and every call that a page can make of it, from the kernels and experiments as they are now.

It runs in a process of its own, with Numba's settings for browsers: `attnsite wasm` starts it. Recording starts no
compiled code, so all cases of all experiments take seconds; compiling takes a minute.
"""

import gzip
import hashlib
import inspect
import itertools
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import llvmlite
import numba

from attnsite.formulas.attention import Attention
from attnsite.kernels.simd import registers
from attnsite.records import browser_calls, fingerprint, registry, run_file
from attnsite.records.workload import Timing, Workload
from attnsite.wasm import calls, lower, prove, record

MOST_BYTES = 64 << 20  # of a call's arrays: a phone gives a page a few hundred megabytes
FEWEST = 2  # cases of an experiment that a page offers
MOST_FLOPS = 4.4e9  # of a call: a second or so on a phone
# NumPy and its BLAS do their work, or lay out their caches.
NOT_IN_BROWSERS = ("cpu_blas", "cpu_blas_masked", "cpu_simd_repeated", "cpu_simd_decode_rolled", "control_kept")
Pool = list[Any]


class Modules:
    """The compiled functions that calls need, by the module that holds them: one for each file of a worker."""

    def __init__(self) -> None:
        self.functions: dict[str, list[tuple[Any, tuple[Any, ...]]]] = {}

    def place(self, steps: list[record.Step]) -> tuple[str, list[int]]:
        """The module of a call and its entries' numbers."""
        name = Path(inspect.getfile(steps[0].function.py_func)).stem
        held = self.functions.setdefault(name, [])
        for step in steps:
            if (step.function, step.kinds) not in held:
                held.append((step.function, step.kinds))
        return name, [held.index((step.function, step.kinds)) for step in steps]


def files(linker: str) -> dict[str, bytes]:
    """What belongs in `docs/assets/kernels/`, by name: a module each, the calls of each experiment, `modules.json`."""
    modules, made = Modules(), {}
    for name in registry.names("experiments"):
        try:
            experiment = registry.module("experiments", name, "experiment").experiment
        except ImportError:
            continue
        if isinstance(experiment, Timing) and not experiment.gradients:
            found = described(name, experiment, modules)
            if sum(bool(case["calls"]) for case in found["cases"]) >= FEWEST:
                made[f"{name}.json"] = _json(found)
    kernels = sorted(
        {kernel for data in made.values() for case in json.loads(data)["cases"] for kernel in case["calls"]}
    )
    proofs = [proof for kernel in kernels for proof in prove.proofs(kernel, modules.place)]
    about = {}
    for name, functions in sorted(modules.functions.items()):
        code = lower.compiled(functions)
        linked = lower.linked(code, len(functions), linker)
        made[f"{name}.wasm"] = linked
        path = Path(inspect.getfile(functions[0][0].py_func))
        about[name] = {
            "source": path.relative_to(registry.ROOT.parent).as_posix(),
            "digest": fingerprint.of_module(path),
            "bytes": len(linked),
            "gzipped": len(gzip.compress(linked, 9, mtime=0)),
            "compiled": hashlib.sha256(code).hexdigest()[:16],
            "sha256": hashlib.sha256(linked).hexdigest()[:16],
        }
    tools = {"numba": numba.__version__, "llvmlite": llvmlite.__version__, "lld": _version(linker)}
    made["modules.json"] = _json({"made_by": browser_calls.made_by(), "tools": tools,
                                  "modules": about, "proofs": proofs})  # fmt: skip
    return made


def described(name: str, experiment: Timing, modules: Modules) -> dict[str, Any]:
    """What an experiment asks, and the calls of it that a browser can make: what lies in the slots of each entry.

    Slots that calls share stand once, in `slots`; a step is the number of its entry and those of its slots. A case that
    a kernel cannot do, or a page cannot hold, has the code of a skipped row instead.
    """
    pool: Pool = []
    kernels = [kernel for kernel in registry.matching("kernels", experiment.kernels) if runs_in_browsers(kernel)]
    quick = [workload.case() for workload in experiment.quick]
    cases = []
    for workload, variant in itertools.product(experiment.full, experiment.variants or ({},)):
        answers = {kernel: _calls(kernel, workload, dict(variant), modules, pool) for kernel in kernels}
        cases.append({
            "case": workload.case() | ({"variant": dict(variant)} if variant else {}),
            "quick": workload.case() in quick,
            "flops": _flops(workload),
            "calls": {kernel: call for kernel, call in answers.items() if isinstance(call, dict)},
            "skipped": {kernel: code for kernel, code in answers.items() if isinstance(code, str)},
        })  # fmt: skip
    digests = {kernel: run_file.kernel_digest(kernel) for kernel in kernels}
    sweeps = {sweep: run_file.experiment_digest(name, sweep) for sweep in ("quick", "full")}
    return {"experiment": name, "digests": sweeps, "kernels": digests, "slots": pool, "cases": cases}


def _calls(kernel: str, workload: Workload, variant: dict[str, Any], modules: Modules,
           pool: Pool) -> dict[str, Any] | str:  # fmt: skip
    """One kernel's calls on one workload, by the number of shares it is cut into."""
    rows = workload.batch * (2 * workload.heads * workload.queries + 2 * workload.kv_heads * workload.keys)
    if 4 * rows * workload.dim > MOST_BYTES or _flops(workload) > MOST_FLOPS:
        return "too_large"
    found: dict[str, Any] = {}
    for count, share in calls.shares(workload):
        try:
            module, forms, steps, _ = calls.laid(
                registry.module("kernels", kernel), share, variant, modules.place, pool
            )
        except (NotImplementedError, TypeError):  # it has no way to do this workload
            return "refused"
        found |= {"module": module, "forms": forms, "shares": found.get("shares", {}) | {str(count): steps}}
    return found or "too_few_threads"


def runs_in_browsers(kernel: str) -> bool:
    """Whether a kernel is compiled code alone: not a GPU's, and not a few calls of NumPy."""
    return not kernel.startswith("cuda_") and kernel not in NOT_IN_BROWSERS


def _flops(workload: Workload) -> int:
    layer = Attention(1, workload.heads, workload.dim)
    return workload.batch * int(layer.core_flops(workload.queries, workload.keys, workload.causal, workload.window))


def _json(value: dict[str, Any]) -> bytes:
    """JSON with a line for each slot and each call, so that a change shows where it is."""
    lines = []
    for name, held in value.items():
        if isinstance(held, list):
            inner = ",\n".join(json.dumps(one, separators=(",", ":")) for one in held)
            lines.append(f"{json.dumps(name)}: [\n{inner}\n]")
        else:
            lines.append(f"{json.dumps(name)}: {json.dumps(held)}")
    return ("{\n" + ",\n".join(lines) + "\n}\n").encode()


def _version(linker: str) -> str:
    said = subprocess.run([*linker.split(), "--version"], capture_output=True, text=True).stdout.split()
    return next((word for word in said if word[:1].isdigit()), "unknown")


def main() -> None:
    """Write all files into the folder that is named, with the linker that is named."""
    folder, linker = Path(sys.argv[1]), sys.argv[2]
    if registers.FUSED or registers.WIDTH != 4:
        raise ValueError("Numba fuses or widens for this processor whatever it is told: compile modules on x86-64")
    for name, data in files(linker).items():
        (folder / name).write_bytes(data)


if __name__ == "__main__":
    main()
