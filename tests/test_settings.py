"""What may change a kernel's code, or a machine's pace, without a word: settings, quotas, a clone of another owner."""

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from test_vetting import PATH, RUN, with_provenance

from attnsite import kernels
from attnsite.commands import doctor
from attnsite.measure import clock, machine, quota, shards
from attnsite.records import repository, vetting

ROOT = Path(__file__).parents[1]
ASKED = "import json, numba; from attnsite import kernels; from attnsite.measure import machine; "
ASKED += "print(json.dumps([numba.config.CACHE_DIR, kernels.code_settings(), machine.describe().get('settings')]))"


def python(code, cwd=ROOT, **variables):
    """A process with those variables; what is None is taken out."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **{k: v for k, v in variables.items() if v is not None}}
    for name in [name for name, value in variables.items() if value is None]:
        environment.pop(name, None)
    return subprocess.run([sys.executable, *code], cwd=cwd, env=environment, capture_output=True, text=True)


def state(**variables):
    done = python(["-c", ASKED], NUMBA_CACHE_DIR=None, **variables)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


SETTINGS = {"NUMBA_OPT": "0", "NUMBA_LOOP_VECTORIZE": "0", "NUMBA_SLP_VECTORIZE": "1", "NUMBA_BOUNDSCHECK": "1",
            "NUMBA_DEBUGINFO": "1", "NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": "+avx2", "NUMBA_ENABLE_AVX": "0",
            "ATTNSITE_VECTOR_WIDTH": "4"}  # fmt: skip


def test_each_setting_that_changes_code_has_compiled_code_of_its_own_and_is_in_provenance():
    """What was compiled without optimisation is never run as usual, nor published."""
    usual, none, left_out = state()
    folders = {usual}

    assert (none, left_out) == ({}, None)
    for name, value in SETTINGS.items():
        folder, settings, published = state(**{name: value})
        assert settings[name] == published[name] == value
        folders.add(folder)
    assert len(folders) == 1 + len(SETTINGS)
    assert state(NUMBA_OPT="3", NUMBA_BOUNDSCHECK="0")[:2] == [usual, {}]  # as they are anyway


def test_a_file_of_settings_counts_as_the_environment_does(tmp_path):
    """Numba reads .numba_config.yaml where it is started."""
    (tmp_path / ".numba_config.yaml").write_text("opt: '1'\n")

    assert json.loads(python(["-c", ASKED], cwd=tmp_path).stdout)[1] == {"NUMBA_OPT": "1"}


def test_runs_under_such_settings_are_refused():
    """By name and value."""
    found = vetting.faults(with_provenance("machine", settings={"NUMBA_OPT": "0"}), PATH, {})
    [mistake] = [one for one in found if one.where.startswith("provenance")]

    assert mistake.where == "provenance.machine.settings.NUMBA_OPT"
    assert "unset NUMBA_OPT" in mistake.remedy


def test_vectors_are_those_of_the_code():
    """A processor may have wider ones than what was compiled for it."""
    code = "from attnsite.measure import machine; print(machine.describe().get('vectors'))"
    told = {width: python(["-c", code], ATTNSITE_VECTOR_WIDTH=width).stdout.strip() for width in ("4", "8")}
    told["generic"] = python(["-c", code], NUMBA_CPU_NAME="generic").stdout.strip()

    if machine._flag("avx2"):
        assert told == {"4": "avx", "8": "avx2", "generic": "sse2"}
    assert told["4"] in ("avx", "sse2", "None")


def test_without_the_compiler_nothing_is_measured():
    """One line at once, and doctor says it too; a kernel that needs the compiler says so by itself."""
    measured = python(["-m", "attnsite.cli", "measure", "causal_by_dealing", "--machine", "laptop_b"],
                      NUMBA_DISABLE_JIT="1")  # fmt: skip
    assert (measured.returncode, measured.stdout) == (1, "")
    [line] = measured.stderr.splitlines()
    assert "NUMBA_DISABLE_JIT" in line
    examined = python(["-m", "attnsite.cli", "doctor"], NUMBA_DISABLE_JIT="1")
    assert examined.returncode == 1
    assert "MISS  measuring  Numba's compiler is off (NUMBA_DISABLE_JIT)" in examined.stdout
    code = """
import numpy as np
from attnsite.kernels import cpu_simd
x = np.zeros((1, 4, 90, 8), np.float32)
try:
    cpu_simd.attention(x, x, x, x.copy(), causal=True)
except NotImplementedError as why:
    print(why)
"""
    assert python(["-c", code], NUMBA_DISABLE_JIT="1").stdout.startswith("needs Numba's compiler")


KERNELS = """
import numpy as np
from attnsite.records import registry as discover
from attnsite.kernels.simd import registers as _simd, half as _storage; from attnsite.kernels import cpu_simd, reference
from attnsite.measure import candidates as contestants, correctness as correct
print(_simd.WIDTH, _simd.FUSED, _storage.HALVES)
rng = np.random.default_rng(0)
for name in {names}:
    module, n = discover.module("kernels", name), 1 if "decode" in name else 30
    q = rng.standard_normal((1, 4, n, 40), dtype=np.float32)
    k, v = (rng.standard_normal((1, 2, 50, 40), dtype=np.float32) for _ in range(2))
    if "backward" in name:
        out, lse = np.full_like(q, np.nan), np.zeros(q.shape[:3], np.float32)
        cpu_simd.attention(q, k, v, out, causal=True, lse=lse)
        made = [np.full_like(x, np.nan) for x in (q, k, v)]
        module.gradients(q, k, v, out, lse, q, *made, causal=True)
        error = max(abs(a - b).max() for a, b in zip(made, reference.gradients(q, k, v, q, causal=True)))
        print(name, error < 1e-5)
        continue
    kept, meant = contestants.keep(module, k, v)
    arrays = contestants.lay_out(module, q, kept)
    module.attention(*arrays, causal=True)
    rounded = correct.rounding(module)
    print(name, correct.compare(rounded(q), *meant, correct.restored(module, arrays[-1]), causal=True,
                                rounded=rounded).right)
"""


def test_kernels_are_right_on_a_processor_without_f16c():
    """Numba compiles for the least of x86 then: no AVX, no fused multiply-add, no float16. It ended the process."""
    names = ["cpu_simd", "cpu_simd_stored_f16", "cpu_simd_decode", "cpu_simd_decode_int8", "cpu_simd_backward"]
    done = python(["-c", KERNELS.replace("{names}", repr(names))], NUMBA_CPU_NAME="generic")

    assert done.returncode == 0, done.stderr[-2000:]
    target, *told = done.stdout.splitlines()
    assert told == [f"{name} True" for name in names]
    if machine._flag("sse2"):
        assert target == "4 False False"


def group(tmp_path, monkeypatch, files, lines):
    """A control group's files, as Linux shows them."""
    for name, text in files.items():
        path = tmp_path / "fs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (tmp_path / "cgroup").write_text(lines)
    monkeypatch.setattr(quota, "GROUPS", tmp_path / "cgroup")
    monkeypatch.setattr(quota, "MOUNT", tmp_path / "fs")


V1 = "12:cpuset:/\n4:cpu,cpuacct:/docker/abc\n1:name=systemd:/docker/abc\n"


@pytest.mark.parametrize(
    ("files", "lines", "granted"),
    [
        ({"cpu.max": "50000 100000\n"}, "0::/\n", 0.5),
        ({"cpu.max": "max 100000\n"}, "0::/\n", None),
        ({"a/cpu.max": "300000 100000\n", "a/b/cpu.max": "max 100000\n"}, "0::/a/b\n", 3.0),  # of the one above
        ({"a/cpu.max": "100000 100000\n", "a/b/cpu.max": "150000 100000\n"}, "0::/a/b\n", 1.0),
        ({"cpu.max": "150000 100000\n"}, "0::/docker/of/the/host\n", 1.5),  # whose own folder is hidden
        ({"cpu/cpu.cfs_quota_us": "50000\n", "cpu/cpu.cfs_period_us": "100000\n"}, V1, 0.5),
        ({"cpu,cpuacct/docker/abc/cpu.cfs_quota_us": "250000\n",
          "cpu,cpuacct/docker/abc/cpu.cfs_period_us": "100000\n"}, V1, 2.5),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, V1, None),
        ({}, "0::/../elsewhere\n", None),
        ({"cpu.max": "nonsense"}, "0::/\n", None),
        ({}, "", None),
    ],
)  # fmt: skip
def test_a_quota_of_either_version_is_seen(tmp_path, monkeypatch, files, lines, granted):
    """And threads are at most its ceiling; the smallest of nested groups counts."""
    group(tmp_path, monkeypatch, files, lines)

    assert quota.processors() == granted
    assert machine.describe().get("cpu_quota") == granted
    assert quota.most_threads(8) == (8 if granted is None else max(1, -int(-granted // 1)))
    assert machine.threads() <= quota.most_threads(8)
    told = doctor.threads(ROOT).told
    assert (f"of a quota of {granted or 0:g} processors" in told) == (granted is not None)


def test_a_process_that_was_stopped_was_not_steady(tmp_path, monkeypatch):
    """The share of throttled periods counts as noise, also where a run is resumed or put together from parts."""
    group(
        tmp_path, monkeypatch, {"cpu.max": "50000 100000\n", "cpu.stat": "nr_periods 100\nnr_throttled 5\n"}, "0::/\n"
    )
    before = quota.periods()
    (tmp_path / "fs/cpu.stat").write_text("usage_usec 1\nnr_periods 300\nnr_throttled 105\n")

    assert before == (5, 100)
    assert quota.stopped(before, quota.periods()) == 0.5
    assert quota.stopped(None, quota.periods()) is None
    assert clock.verdict([0.01], [0.0], [0.5, 0.0]) == {
        "verdict": "noisy", "median_spread": 0.01, "foreign_load": 0.0, "throttled": 0.25}  # fmt: skip
    assert clock.verdict([0.01], [0.0], [0.0])["verdict"] == "steady"
    parts = [dataclasses.replace(RUN, provenance=dataclasses.replace(
        RUN.provenance, steadiness=clock.verdict([0.01], [], [share]))) for share in (0.0, 0.5)]  # fmt: skip
    assert shards.together(parts) == {"verdict": "noisy", "median_spread": 0.01, "throttled": 0.5}


def test_a_clone_that_git_does_not_trust_is_told_before_measuring(monkeypatch):
    """By doctor, measure and diff, with git's own remedy; check does not say that the code had changes."""
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    remedy = repository.distrust(ROOT)
    if not remedy:
        pytest.skip("this git knows no owners, or this is no clone")
    assert remedy == f"git config --global --add safe.directory {ROOT}"
    assert doctor.git(ROOT).mend == remedy
    for words in (["measure", "gqa_by_queries", "--machine", "laptop_b"], ["diff", "main"]):
        done = python(["-m", "attnsite.cli", *words])
        assert done.returncode == 1
        [line] = done.stderr.splitlines()
        assert "git does not trust" in line
        assert remedy in line
    assert machine.faults(ROOT, "this_build") == []  # nobody is asked to believe those

    run = with_provenance("software", commit=None, clean=False)
    [mistake] = [one for one in vetting.faults(run, PATH, {}) if one.where.startswith("provenance")]
    assert "git did not say" in mistake.what


def test_without_a_folder_to_write_to_kernels_are_compiled_all_the_same(tmp_path, monkeypatch):
    """In the user's own cache, or else for this process only; where nothing can be written at all, a line says so."""
    import numba

    monkeypatch.setattr(numba.config, "CACHE_DIR", "")
    keep, refused = kernels._keep_compiled_code, []

    def refuse(folder, state):
        if not str(folder).startswith(str(tmp_path)):
            refused.append(folder)
            raise PermissionError(13, "Permission denied")
        keep(folder, state)

    monkeypatch.setattr(kernels, "_keep_compiled_code", refuse)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "own"))
    kernels._choose_folder()
    assert Path(numba.config.CACHE_DIR).parent == tmp_path / "own" / "attnsite" / "compiled"

    (tmp_path / "temporary").mkdir()
    monkeypatch.setenv("XDG_CACHE_HOME", "/nonexistent/own")
    monkeypatch.setattr(kernels.tempfile, "tempdir", str(tmp_path / "temporary"))
    kernels._choose_folder()
    assert Path(numba.config.CACHE_DIR).parents[1] == tmp_path / "temporary"
    assert len(refused) == 3

    monkeypatch.setattr(kernels.tempfile, "tempdir", "/nonexistent/temporary")
    with pytest.raises(OSError, match="set NUMBA_CACHE_DIR"):
        kernels._choose_folder()


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="asks for another user")
def test_nobody_can_run_kernels_in_a_checkout_that_may_only_be_read(tmp_path):
    """A process of the user `nobody` without a home, as in a container."""
    code = "import os; os.setgroups([]); os.setgid(65534); os.setuid(65534)\n" + KERNELS.replace(
        "{names}", "['cpu_naive']"
    )
    done = python(["-c", code], HOME="/nonexistent", NUMBA_CACHE_DIR=None, XDG_CACHE_HOME=None)

    unreadable = ("Permission denied", "PyCapsule_Import could not import")  # packages, or Python's own modules
    if any(words in done.stderr for words in unreadable) and "site-packages" in done.stderr:
        pytest.skip("nobody may read this environment")
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.splitlines()[-1] == "cpu_naive True"
