"""Kernels for browsers: what is recorded of a call, what is compiled of it, and when it is no longer today's."""

import hashlib
import json
import os
import subprocess
import sys

import numpy as np
import pytest

from attnsite.kernels import cpu_simd_decode, cpu_simd_decode_int8
from attnsite.records import browser_calls, registry, run_file
from attnsite.records.workload import Workload
from attnsite.wasm import calls, inputs, linker, record, settings
from tests.conftest import ROOT

ABOUT = json.loads((ROOT / browser_calls.FOLDER / browser_calls.ABOUT).read_text(encoding="utf-8"))
QUICK = ("cpu_naive", "cpu_simd")  # modules that compile in seconds
COMPILE = """
import hashlib, inspect, json, sys
from pathlib import Path
from attnsite.records import registry
from attnsite.wasm import build, calls, linker, lower, prove
modules, made = build.Modules(), {}
for kernel in sys.argv[1:]:
    calls.laid(registry.module("kernels", kernel), prove.PROMPT, {}, modules.place, [])
for name, functions in modules.functions.items():
    if name in sys.argv[1:]:
        code = lower.compiled(functions)
        linked = lower.linked(code, len(functions), linker.search()) if linker.search() else b""
        made[name] = [hashlib.sha256(each).hexdigest()[:16] for each in (code, linked) if each]
print(json.dumps([made, build._version(linker.search()) if linker.search() else ""]))
"""


def steps(kernel, workload):
    """What a kernel starts for a workload."""
    call = calls.prepare(kernel, workload, filled=False)
    return record.steps(kernel, call.arrays, call.given, workload.options())


def names(step):
    return [slot[2] for slot in step.slots if isinstance(slot, list) and len(slot) > 2]


def test_the_same_memory_has_the_same_name_in_every_step():
    """Decoding hands three arrays of partial results from its first step to its second, two of them of one shape."""
    first, second = steps(cpu_simd_decode, Workload(heads=4, kv_heads=2, queries=1, keys=1200, dim=64))
    handed = [name for name in names(second) if isinstance(name, int)]

    assert len(set(handed) & set(names(first))) == 4  # the call's sizes too
    assert {"q", "k", "v", "out"} <= set(names(first))
    assert "out" in names(second)


def test_a_record_starts_nothing_and_puts_everything_back():
    """The output stays as it was, and the kernel computes afterwards."""
    workload = Workload(heads=1, queries=1, keys=20, dim=8)
    call = calls.prepare(cpu_simd_decode, workload, filled=True)
    record.steps(cpu_simd_decode, call.arrays, call.given, {"causal": False})
    assert np.isnan(call.arrays["out"]).all()

    cpu_simd_decode.attention(*call.given, causal=False)
    assert np.isfinite(call.arrays["out"]).all()


def test_a_kept_cache_is_named_with_its_factors():
    """An int8 cache is codes and factors; nothing of it is taken for scratch."""
    first, _ = steps(cpu_simd_decode_int8, Workload(heads=2, queries=1, keys=300, dim=32))

    assert {"k", "v", "k_scales", "v_scales"} <= set(names(first))


def test_what_a_page_cannot_lay_out_is_refused():
    """A part of an array beside the whole would lie somewhere else there, and an array with gaps nowhere."""
    held = np.zeros(10, np.float32)
    known = record._Names({"q": held})
    assert known.of(held) == "q"
    with pytest.raises(ValueError, match="a part of an array"):
        known.of(held[2:])
    with pytest.raises(ValueError, match="not contiguous"):
        list(record._slots((held[::2],), known))


def test_shares_are_whole_heads_and_add_up():
    """As many equal shares as divide the KV heads of all sequences; a workload of some threads has that many only."""
    found = dict(calls.shares(Workload(heads=12, kv_heads=6, batch=2, queries=1, keys=9, dim=8)))

    assert list(found) == [1, 2, 4]
    assert all(n * part.heads == 24 and part.heads == 2 * part.kv_heads for n, part in found.items())
    assert [n for n, _ in calls.shares(Workload(heads=3, queries=9, keys=9, dim=8, threads=2))] == []


def test_numbers_to_compute_with_are_like_normal_ones():
    """Mean, variance and reach; another seed gives others."""
    made = inputs.numbers((50_000,), 1)

    assert abs(made.mean()) < 0.02
    assert abs(made.std() - 1) < 0.02
    assert abs(made).max() <= 3.4642
    assert abs(np.corrcoef(made, inputs.numbers((50_000,), 2))[0, 1]) < 0.02
    assert made.dtype == np.float32


def test_calls_are_stale_once_a_kernel_has_changed(monkeypatch):
    """Which of them, and why; what is not there is missing."""
    name = browser_calls.experiments(ROOT)[0]
    kernel = next(iter(json.loads((ROOT / browser_calls.FOLDER / f"{name}.json").read_text())["kernels"]))
    before, real = browser_calls.why_stale(ROOT, name), run_file.kernel_digest
    monkeypatch.setattr(run_file, "kernel_digest", lambda one: "0" * 12 if one == kernel else real(one))

    assert f"{kernel} has changed" in browser_calls.why_stale(ROOT, name)
    assert set(before) - {f"{kernel} has changed"} <= set(browser_calls.why_stale(ROOT, name))
    assert browser_calls.state(ROOT, name) == "stale"
    assert browser_calls.state(ROOT, "no_such_experiment") == "missing"


def test_files_that_are_broken_are_named(tmp_path):
    """JSON that is none, and a module that is not there; both are stale and end nothing."""
    folder = tmp_path / browser_calls.FOLDER
    folder.mkdir(parents=True)
    (folder / "a.json").write_text("{", encoding="utf-8")
    (folder / "b.json").write_text('{"cases": [{"calls": {"k": {"module": "gone"}}}]}', encoding="utf-8")

    assert [fault.where for fault in browser_calls.faults(tmp_path)] == ["", "gone"]
    assert browser_calls.state(tmp_path, "a") == "stale"
    assert browser_calls.faults(ROOT) == []


def test_files_are_small_and_belong_together():
    """Every module is at most 22 KB gzipped, as its file is; what a figure loads at a press is at most 60 KB."""
    for name, module in ABOUT["modules"].items():
        code = (ROOT / browser_calls.FOLDER / f"{name}.wasm").read_bytes()
        assert hashlib.sha256(code).hexdigest()[:16] == module["sha256"], name
        assert module["gzipped"] <= 22_000, name
    for name in browser_calls.experiments(ROOT):
        data = json.loads((ROOT / browser_calls.FOLDER / f"{name}.json").read_text(encoding="utf-8"))
        used = {call["module"] for case in data["cases"] for call in case["calls"].values()}
        assert sum(ABOUT["modules"][module]["gzipped"] for module in used) <= 60_000, name
        assert name in registry.names("experiments")


def test_modules_are_what_the_kernels_compile_to(tmp_path):
    """Compiled anew, byte for byte: the objects wherever LLVM is the same, and linked where LLD is."""
    if browser_calls.made_by() != ABOUT["made_by"]:
        pytest.skip("modules are made in another way now: `attnsite wasm` makes them again")
    wanted = [name for name in QUICK if not stale(name)]
    import llvmlite
    import numba

    if (numba.__version__, llvmlite.__version__) != (ABOUT["tools"]["numba"], ABOUT["tools"]["llvmlite"]) or not wanted:
        pytest.skip("another compiler, or kernels that have changed since: `attnsite wasm` makes the modules again")
    words = [sys.executable, "-W", "ignore", "-c", COMPILE, *wanted]
    done = subprocess.run(words, capture_output=True, text=True, env=settings.environment(str(tmp_path)), cwd=ROOT)
    assert done.returncode == 0, done.stderr
    made, lld = json.loads(done.stdout)
    assert sorted(made) == sorted(wanted)
    for name, hashes in made.items():
        assert hashes[0] == ABOUT["modules"][name]["compiled"], name
        if lld == ABOUT["tools"]["lld"]:
            assert hashes[1] == ABOUT["modules"][name]["sha256"], name


def stale(module):
    source = registry.ROOT.parent / ABOUT["modules"][module]["source"]
    from attnsite.records import fingerprint

    return fingerprint.of_module(source) != ABOUT["modules"][module]["digest"]


def test_without_a_linker_a_line_says_what_to_install(monkeypatch):
    monkeypatch.setattr(linker, "search", lambda: "")
    with pytest.raises(Exception, match=r"no wasm-ld here.*lld-19"):
        linker.find()
    assert os.environ.get("NUMBA_OPT") is None  # the settings of modules are nobody else's
