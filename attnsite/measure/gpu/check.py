"""Are the CUDA kernels right at full size on this GPU? Asked before anything is timed.

The simulator proves them on small shapes with small blocks; `python -m attnsite.measure.gpu.check` compares them with
float64 at the sizes that they are built for, on shapes that do not fill their tiles, and with a causal mask. One line a
kernel and workload; the exit status is 1 where there is no GPU, or a kernel is wrong or fails.
"""

import argparse
import sys
from collections.abc import Iterator
from typing import Any

from attnsite.kernels.cuda import driver
from attnsite.measure import correctness
from attnsite.measure.gpu import clock as gpu_clock
from attnsite.records import registry
from attnsite.records.workload import Timing, Workload

WORKLOADS = (
    Workload(heads=1, queries=1, keys=1, dim=1),
    Workload(heads=6, kv_heads=2, queries=333, keys=1000, dim=80, batch=2, causal=True),
    Workload(heads=2, queries=700, keys=300, dim=64, causal=True),  # 400 rows that see nothing
    Workload(heads=8, queries=2048, keys=2048, dim=64),
    Workload(heads=4, kv_heads=1, queries=2048, keys=2048, dim=128, causal=True),
    Workload(heads=2, queries=1024, keys=1024, dim=256),
    Workload(heads=32, kv_heads=8, queries=1, keys=32_768, dim=128),
    Workload(heads=32, queries=1, keys=8_191, dim=128),
    Workload(heads=71, kv_heads=1, queries=1, keys=5_000, dim=64, batch=3),
)


def check(module: Any, workload: Workload) -> correctness.Verdict:
    """One call on the device, into an output full of NaN, compared with float64 over the inputs as they are stored."""
    arrays = gpu_clock.place(workload, module)
    module.attention(*arrays, causal=workload.causal)
    q, k, v, out = (correctness.restored(module, array.copy_to_host()) for array in arrays)
    return correctness.compare(q, k, v, out, causal=workload.causal, rounded=correctness.rounding(module))


def answers() -> Iterator[tuple[bool, str]]:
    """For each kernel and workload: is it well, and what to tell."""
    for kernel in registry.matching("kernels", ("cuda_*",)):
        module = registry.module("kernels", kernel, "attention")
        for work in WORKLOADS:
            shape = f"{kernel}: {work.batch} × {work.heads} heads on {work.kv_heads}, {work.queries} queries, "
            shape += f"{work.keys} keys, width {work.dim}{', causal' if work.causal else ''}"
            try:
                verdict = check(module, work)
            except NotImplementedError as refusal:
                yield True, f"  skipped  {shape}: {refusal}"
            except Exception as error:  # whatever a driver raises: the other kernels are still to be checked
                yield False, f"  FAILED   {shape}: {type(error).__name__}: {str(error).strip()[:200]}"
            else:
                word = "right  " if verdict.right else "WRONG  "
                yield verdict.right, f"  {word}  {shape}: error {verdict.max_error:.3g}, at most {verdict.bound:.3g}"


def experiments() -> list[str]:
    """The experiments that a GPU takes part in; those made for one first, and those that look for tile sizes last."""
    found = {}
    for name, module in registry.modules("experiments", "experiment").items():
        asked = module.experiment.kernels if isinstance(module.experiment, Timing) else ()
        if any(kernel.startswith("cuda_") for kernel in registry.matching("kernels", asked)):
            tuning = any("tiles" in variant for variant in module.experiment.variants)
            found[name] = tuning, any(pattern.startswith("cpu_") for pattern in asked)
    return sorted(found, key=found.__getitem__)


def main(words: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m attnsite.measure.gpu.check", description=__doc__.splitlines()[0])
    parser.add_argument("--experiments", action="store_true", help="name the experiments that time CUDA kernels")
    if parser.parse_args(words).experiments:
        print("\n".join(experiments()))
        return 0
    here, reason = driver.available()
    if not here:
        print(reason, file=sys.stderr)
        return 1
    well = True
    for fine, told in answers():
        well = well and fine
        print(told, flush=True)
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
