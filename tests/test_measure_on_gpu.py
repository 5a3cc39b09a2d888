"""Measuring on a GPU, with stand-ins for one: the check tells right from wrong, the script goes on and packs up."""

import os
import shutil
import subprocess
import tarfile
import types
from pathlib import Path

import numpy as np
import pytest

from attnsite.kernels import reference
from attnsite.kernels.cuda import driver
from attnsite.measure.gpu import check as gpu_check
from attnsite.measure.gpu import clock as gpu_clock
from attnsite.records.workload import Workload

SCRIPT = Path(__file__).parents[1] / "scripts" / "measure_on_gpu.sh"
STAND_IN = """#!/bin/sh
case "$*" in
  -c*) exit "${NO_GPU:-0}" ;;
  *--experiments) echo first; echo second; echo third ;;
  *gpu.check) echo "  right    everything"; exit "${WRONG:-0}" ;;
  *"measure second "*) echo "second: broke"; exit 3 ;;
  *measure*) echo "$@" >>asked; for word in "$@"; do case $word in first|third) echo '{}' \
    >"docs/results/a_gpu/$word.json" ;; esac; done ;;
  *) echo "Python 3.12.0" ;;
esac
"""


class Array(np.ndarray):
    """An array "on the device"."""

    def copy_to_host(self):
        return np.asarray(self)


def refuse(q, k, v, out, *, causal):
    raise NotImplementedError("not this shape")


def crash(q, k, v, out, *, causal):
    raise RuntimeError("an illegal address")


def forget(q, k, v, out, *, causal):
    reference.attention(q, k, v, out, causal=causal)
    out[:, :, -1] = np.nan


@pytest.mark.parametrize(
    ("attention", "fine", "word"),
    [
        (reference.attention, True, "right"),
        (refuse, True, "skipped"),
        (crash, False, "FAILED"),
        (forget, False, "WRONG"),
    ],
)
def test_the_check_tells_a_right_kernel_from_others(monkeypatch, attention, fine, word):
    """A right and a refusing kernel are well, one that crashes or forgets an element is not; none stops the rest."""
    monkeypatch.setattr(gpu_check, "WORKLOADS", (Workload(heads=2, queries=5, keys=7, dim=3, causal=True),) * 2)
    monkeypatch.setattr(gpu_check.registry, "matching", lambda room, patterns: ["cuda_a"])
    monkeypatch.setattr(gpu_check.registry, "module", lambda *names: types.SimpleNamespace(attention=attention))

    def place(workload, module):
        q, k, v = workload.inputs()
        return [array.view(Array) for array in (q, k, v, np.full_like(q, np.nan))]

    monkeypatch.setattr(gpu_clock, "place", place)
    found = list(gpu_check.answers())

    assert [well for well, _ in found] == [fine, fine]
    assert all(word in told for _, told in found)


def test_without_a_gpu_the_check_says_why_and_fails(monkeypatch, capsys):
    """One line, exit status 1."""
    monkeypatch.setattr(driver, "available", lambda: (False, "no CUDA here: no driver"))

    assert gpu_check.main([]) == 1
    assert capsys.readouterr().err == "no CUDA here: no driver\n"


def test_experiments_with_cuda_kernels_are_found_by_their_patterns():
    """Timings that ask for CUDA kernels, and nothing else."""
    found = gpu_check.experiments()

    assert {"roofline", "decode_by_context"} <= set(found)
    assert "kv_cache" not in found
    places = [found.index(name) for name in ("cuda_prefill", "roofline", "cuda_tile_sizes")]
    assert places == sorted(places)  # what only a GPU can answer first, what can wait last


@pytest.fixture
def checkout(tmp_path):
    """A folder with the script and a Python that only plays its part."""
    (tmp_path / "scripts").mkdir()
    shutil.copy(SCRIPT, tmp_path / "scripts")
    python = tmp_path / "python"
    python.write_text(STAND_IN)
    python.chmod(0o755)
    return tmp_path


def measure(checkout, *words, **environment):
    settings = os.environ | {"PYTHON": str(checkout / "python")} | environment
    command = ["bash", str(checkout / "scripts" / "measure_on_gpu.sh"), *words]
    return subprocess.run(command, env=settings, capture_output=True, text=True, timeout=300)


@pytest.mark.skipif(os.name == "nt", reason="a shell script")
def test_the_script_goes_on_after_a_failure_and_packs_one_archive(checkout):
    """The third experiment is measured although the second broke; results and log are in the archive; status 1."""
    done = measure(checkout, "a_gpu")

    with tarfile.open(checkout / "dist" / "gpu" / "a_gpu.tar.gz") as archive:
        packed = set(archive.getnames())
    assert done.returncode == 1
    assert {"docs/results/a_gpu/first.json", "docs/results/a_gpu/third.json", "dist/gpu/a_gpu.log"} <= packed
    assert "second: failed" in done.stdout
    assert "git add docs/results/a_gpu" in done.stdout
    asked = (checkout / "asked").read_text()
    assert "-m attnsite.cli measure third --device cuda --machine a_gpu --full" in asked


@pytest.mark.skipif(os.name == "nt", reason="a shell script")
def test_the_script_stops_before_anything_where_no_gpu_or_no_time_or_no_name_is(checkout):
    """No GPU and a bad name leave no trace; with no time left nothing is begun, and that is said."""
    assert measure(checkout, "a_gpu", NO_GPU="1").returncode == 1
    assert measure(checkout, "A-GPU").returncode == 1
    assert measure(checkout).returncode != 0
    assert not (checkout / "dist").exists()
    assert "first: not begun" in measure(checkout, "a_gpu", SECONDS_IN_ALL="5").stdout


@pytest.mark.skipif(os.name == "nt", reason="a shell script")
def test_a_wrong_kernel_is_told_and_ends_in_a_failure(checkout):
    """The check's failure does not stop the measurement, which skips wrong kernels itself, but it is not hidden."""
    done = measure(checkout, "a_gpu", WRONG="1")

    assert done.returncode == 1
    assert "kernels: NOT all right" in done.stdout
