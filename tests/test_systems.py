"""Other systems, as far as they can be played here: what they lack, how they write lines and paths."""

import importlib.util
import os
import platform
import re
import subprocess
import sys
from pathlib import PureWindowsPath

import pytest

from attnsite.measure import clock, machine, memory
from attnsite.records import fingerprint, vetting
from attnsite.records.mistakes import Mistake
from attnsite.records.workload import Workload
from tests.conftest import ROOT


def test_a_place_is_told_with_the_slashes_of_addresses():
    """So that a line is the same on every system, and annotations find their file."""
    told = Mistake(PureWindowsPath(r"docs\sources\doe2020.bib"), 3, "has no year", "add one")

    assert str(told) == "docs/sources/doe2020.bib:3: has no year; add one"


def test_where_no_system_tells_of_memory_it_is_a_row_that_says_so(monkeypatch):
    """Windows has neither /proc nor `resource`."""
    find = importlib.util.find_spec
    monkeypatch.setattr(memory, "_status", lambda name: None)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *a: None if name == "resource" else find(name, *a))

    said = memory.observe("reference", Workload(heads=1, queries=4, keys=4, dim=4))

    assert said == {"skipped": ["refused", "this system does not say how much memory a process has used"]}


@pytest.mark.parametrize("system", ["Windows", "Linux"])
def test_a_machine_without_proc_is_described_well_enough_to_be_published(monkeypatch, system):
    """Nothing that `attnsite check` asks for is missing, whatever the system hides."""
    monkeypatch.setattr(machine, "_read", lambda path: "")
    monkeypatch.setattr(machine, "_said", lambda command: "")
    monkeypatch.setattr(platform, "system", lambda: system)
    monkeypatch.setattr(platform, "processor", lambda: "")
    for name in ("sched_getaffinity", "sysconf"):
        monkeypatch.delattr(os, name, raising=False)

    found = machine.describe()

    assert all(found.get(name) for name in vetting.MACHINE)
    assert clock.load() is None or system == "Linux"


def test_arm_processors_are_named_by_lscpu(monkeypatch):
    """Their /proc/cpuinfo has numbers only."""
    monkeypatch.setattr(machine, "_read", lambda path: "CPU implementer : 0x41\n")
    monkeypatch.setattr(machine, "_said", lambda command: "Architecture: aarch64\nModel name:   Neoverse-N1\n")
    monkeypatch.setattr(platform, "system", lambda: "Linux")

    assert machine._cpu() == "Neoverse-N1"


def test_output_is_utf_8_whatever_the_system_would_write():
    """A pipe of Windows is cp1252, which cannot say √; nothing ends for that."""
    code = "import sys; from attnsite import cli; from attnsite.commands import status; "
    code += "status.run = lambda options: print('√ ▶') or 0; sys.exit(cli.main(['status']))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True,
                          env=os.environ | {"PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "cp1252"})  # fmt: skip

    assert done.returncode == 0, done.stderr
    assert done.stdout.decode("utf-8").strip() == "√ ▶"


def test_line_ends_do_not_make_a_result_stale():
    """A checkout that has Windows' line ends has the same digests."""
    for path in sorted((ROOT / "attnsite" / "kernels").glob("cpu_*.py"))[:3]:
        text = path.read_text(encoding="utf-8")
        assert fingerprint.of_code(text.replace("\n", "\r\n")) == fingerprint.of_code(text)


def test_files_are_opened_with_their_encoding():
    """Windows' own is another; every text that we read or write is UTF-8 or plain ASCII, and says so."""
    reads = re.compile(r"\.(?:read_text|write_text)\((?!.*encoding)(?!$)|[^.\w]open\([^)]*\)(?!.*encoding)")
    silent = []
    for path in (ROOT / "attnsite").rglob("*.py"):
        lines = path.read_text(encoding="utf-8").splitlines()
        silent += [
            f"{path.name}:{n}" for n, line in enumerate(lines, 1) if reads.search(line) and "encoding" not in line
        ]

    assert silent == []


def test_the_lock_names_nothing_that_a_system_does_not_have():
    """CUDA is for Linux and Windows; what comes with it is marked, or set-up would fail on macOS."""
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    unmarked = re.findall(r"^((?:nvidia|cuda|numba-cuda)[\w-]*==\S+) \\$", lock, re.MULTILINE)

    assert unmarked == []
    assert "numba-cuda==" in lock
