"""The CUDA kernels go through the compiler and the assembler: nothing spills, nothing grows unnoticed."""

import concurrent.futures
import multiprocessing
from pathlib import Path

import pytest

from attnsite.experiments import cuda_compiled
from attnsite.figures import cuda_compiled as figure
from attnsite.kernels.cuda import compiler
from attnsite.records import registry, run_file

ROOT = Path(__file__).parents[1]
COMMITTED = run_file.path_of(ROOT, run_file.EVERY_MACHINE, "cuda_compiled")
CASES = cuda_compiled.experiment.cases
ALWAYS = "sm_90"
LOG = """ptxas info    : 0 bytes gmem
ptxas info    : Compiling entry function 'k' for 'sm_90'
ptxas         .     48 bytes stack frame, 24 bytes spill stores, 32 bytes spill loads
ptxas info    : Used 255 registers, used 1 barriers
"""
PTX = """
.shared .align 4 .b8 _smem_1[16640];
\t.shared .align 16 .b8 _smem_2[128];
$L__BB0_2:
\tfma.rn.f32 \t%f1, %f2, %f3, %f1;
\t@%p1 bra \t$L__BB0_2;
\t@!%p2 fma.rn.f32 %f1, %f2, %f3, %f1;
\t// fma.rn.f32 in a comment
\tret;
"""


@pytest.fixture(scope="module")
def committed():
    return {key(row.case): row for row in run_file.read(COMMITTED).rows}


@pytest.fixture(scope="module")
def toolchain():
    try:
        return compiler.toolchain()
    except NotImplementedError as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="module")
def compiled(toolchain, committed):
    """What the compiler makes of every launch, by case; every processor compiles some of them.

    What the same tools made from the same code is taken as committed, since they would make it again: but for the
    first launch of each kernel for one generation, which is compiled always and has to come out as committed.
    """
    always = {case["kernel"]: key(case) for case in reversed(CASES) if case["architecture"] == ALWAYS}
    made = {
        name: row.values
        for name, row in committed.items()
        if name not in always.values()
        and row.values["toolchain"] == toolchain
        and row.kernel_digest == run_file.kernel_digest(row.kernel)
    }
    asked = [case for case in CASES if key(case) not in made]
    with concurrent.futures.ProcessPoolExecutor(mp_context=multiprocessing.get_context("spawn")) as pool:
        return made | dict(zip(map(key, asked), pool.map(observe, asked), strict=True))


def key(case):
    return tuple(case.values())


def observe(case):
    """The counts, or what the compiler had to say against it."""
    try:
        return cuda_compiled.observe(case)
    except Exception as error:
        return f"{type(error).__name__}: {error}"


@pytest.mark.cuda_compile
@pytest.mark.parametrize("case", CASES, ids=lambda case: "-".join(case.values()))
def test_a_launch_compiles_without_spilling_and_needs_no_more_registers(toolchain, compiled, committed, case):
    """Nothing is spilled, a block fits, and no more registers are needed than committed, by the same tools."""
    seen, architecture = compiled[key(case)], case["architecture"]
    assert not isinstance(seen, str), seen

    assert seen["spill_store_bytes"] == seen["spill_load_bytes"] == 0
    assert 0 < seen["registers"] <= 255
    entry = next(entry for entry in cuda_compiled.entries(case["kernel"]) if entry.name == case["entry"])
    asked = {"sm_80": 163 << 10, "sm_90": 227 << 10, "sm_100": 227 << 10}[architecture]  # what a block can opt in to
    assert seen["shared_bytes"] <= (asked if entry.dynamic_bytes else 48 << 10)
    assert (seen["tensor_core_products"] > 0) == (case["kernel"] == "cuda_mma")
    assert seen["stack_bytes"] == 0 or architecture == "sm_100"  # whose compiler leaves loops rolled up
    before = committed.get(key(case))
    if before and before.values["toolchain"] == toolchain:
        assert seen["registers"] <= before.values["registers"]
        assert seen["stack_bytes"] <= before.values["stack_bytes"]
        if before.kernel_digest == run_file.kernel_digest(case["kernel"]):
            assert seen == before.values


@pytest.mark.cuda_compile
def test_kernels_compile_for_the_gpus_that_notebooks_lend(toolchain):
    """A T4 is an sm_75: one launch of each kernel. cp.async begins with sm_80, and a block has 64 KB at most there."""
    asked = {kernel: min(cuda_compiled.entries(kernel), key=lambda entry: "width_128" not in entry.name)
             for kernel in registry.matching("kernels", ("cuda_*",))}  # fmt: skip
    cases = [{"kernel": kernel, "entry": entry.name, "architecture": "sm_75"} for kernel, entry in asked.items()]
    with concurrent.futures.ProcessPoolExecutor(mp_context=multiprocessing.get_context("spawn")) as pool:
        found = dict(zip(asked, pool.map(observe, cases), strict=True))

    assert "requires .target sm_80" in found.pop("cuda_mma")
    for kernel, seen in found.items():
        assert not isinstance(seen, str), seen
        assert seen["spill_store_bytes"] == seen["spill_load_bytes"] == 0, kernel
        assert 0 < seen["registers"] <= 255, kernel
    too_large = {kernel for kernel, seen in found.items() if seen["shared_bytes"] > 64 << 10}
    assert too_large == {"cuda_vector"}, "with heads of 128 it keeps 83 KB a block"


def test_every_cuda_kernel_names_its_launches():
    """A CUDA kernel without `entries` would never meet the compiler."""
    kernels = registry.matching("kernels", ("cuda_*",))

    assert kernels
    assert {case["kernel"] for case in CASES} == set(kernels)


def test_every_launch_was_compiled_and_nothing_spilled(committed):
    """The committed result has each launch that there is, for each architecture, and no spilled byte."""
    assert set(committed) == set(map(key, CASES))
    assert sum(figure.spilled(row) for row in committed.values()) == 0


def test_what_a_result_says_of_a_kernel_is_stale_once_the_kernel_has_changed(committed):
    """Rows carry their kernel's digest, by which freshness is judged."""
    assert all(row.kernel == row.case["kernel"] and row.kernel_digest for row in committed.values())


def test_an_assemblers_log_is_read_and_an_empty_one_refused():
    """All five counts come from their own words; a log that says nothing never reads as "no spills"."""
    assert compiler.read_log(LOG) == {
        "registers": 255, "spill_store_bytes": 24, "spill_load_bytes": 32, "stack_bytes": 48
    }  # fmt: skip
    with pytest.raises(ValueError, match="says nothing"):
        compiler.read_log("ptxas info    : 0 bytes gmem")


def test_instructions_and_shared_memory_are_counted_in_ptx():
    """Predicated instructions count, labels, comments and declarations do not; shared arrays add up."""
    assert compiler.instructions(PTX) == 4
    assert compiler.instructions(PTX, "fma.rn.f32") == 2
    assert compiler.shared_bytes(PTX) == 16768


def test_the_threads_a_multiprocessor_holds_follow_from_what_is_scarce():
    """128 threads of 128 registers: four blocks by registers; 36 KB of shared memory: four blocks by memory."""
    case = {"kernel": "k", "entry": "e", "architecture": "sm_80"}
    by_registers = run_file.Row(case, values={"threads": 128, "registers": 128, "shared_bytes": 0})
    by_memory = run_file.Row(case, values={"threads": 128, "registers": 32, "shared_bytes": 36 << 10})

    assert figure.resident(by_registers) == (512, "registers")
    assert figure.resident(by_memory) == (512, "shared memory")
