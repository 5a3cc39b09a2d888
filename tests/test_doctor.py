"""What the doctor says: everything it looks at in a line, and one command for each thing that is missing."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from attnsite.commands import doctor, links
from attnsite.records import registry, run_file

ROOT = Path(__file__).parents[1]


def test_on_a_whole_machine_nothing_needed_is_missing():
    """This one can at least measure; exit status 0."""
    found = list(doctor.examine(ROOT))

    assert [finding.what for finding in found if finding.needed and finding.mend] == []
    assert all(finding.told and "\n" not in finding.told + finding.mend for finding in found)


def test_it_speaks_where_nothing_is_installed():
    """With the standard library alone it says what is missing, and the command that mends it; exit status 1."""
    done = subprocess.run(
        [sys.executable, "-S", "-m", "attnsite.cli", "doctor"], cwd=ROOT, capture_output=True, text=True,
        env={"PATH": "", "PYTHONPATH": str(ROOT)},
    )  # fmt: skip

    assert done.returncode == 1, done.stderr
    assert "MISS  measuring" in done.stdout
    assert "mend it: pip install -e .\n" in done.stdout
    assert "less  site" in done.stdout
    assert "git" in done.stdout


def test_a_browser_is_looked_for_where_drawing_looks(monkeypatch):
    """The environment decides there and here."""
    monkeypatch.setenv("CHROMIUM", "none")

    finding = doctor.browser(ROOT)

    assert finding.mend
    assert not finding.needed


def test_other_versions_than_those_of_the_lock_are_named(tmp_path):
    """One that differs is told with both versions; several that are for several Pythons are all right."""
    import numpy

    lock = "numpy=={} \\\n    --hash=x\npytest==0.0.1 ; sys_platform == 'linux' \\\n    --hash=y\nnumpy==9.9.9 \\\n"
    (tmp_path / "requirements.lock").write_text(lock.format(numpy.__version__))

    told = doctor.locked(tmp_path).told

    assert "pytest" in told
    assert "(lock: 0.0.1)" in told
    assert "numpy" not in told


@pytest.mark.parametrize("extra", ["", "site", "cuda"])
def test_no_package_is_recommended_that_no_index_has(tmp_path, extra):
    """What stands under our name at an index is not ours: outside a checkout the way leads through a clone."""
    assert doctor._pip(ROOT, extra).startswith("pip install -e ")
    assert doctor._pip(tmp_path, extra).startswith("in a clone of the repository: pip install -e ")


def test_a_folder_that_cannot_be_written_to_is_said_so(tmp_path, monkeypatch):
    """With what to do instead."""

    def refuse(**_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(doctor.tempfile, "TemporaryFile", refuse)

    assert "cannot be written to (Permission denied)" in doctor.folder(tmp_path).told
    assert doctor.folder(tmp_path).needed


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The package as `pip install` has it: unpacked from a built wheel, away from any checkout."""
    pytest.importorskip("hatchling")
    made, installed = tmp_path_factory.mktemp("made"), tmp_path_factory.mktemp("installed")
    words = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(made)]
    subprocess.run(words, cwd=ROOT, check=True, capture_output=True)
    [path] = made.glob("*.whl")
    zipfile.ZipFile(path).extractall(installed)
    return installed


def installed_attnsite(wheel, *words, cwd):
    return subprocess.run([sys.executable, "-m", "attnsite.cli", *words], cwd=cwd, capture_output=True, text=True,
                          env=os.environ | {"PYTHONPATH": str(wheel)})  # fmt: skip


def test_an_installed_package_answers_outside_a_checkout(wheel, tmp_path):
    """Help, doctor and measure do; other commands say in a line where to run them. In a checkout it works on that."""
    helped = installed_attnsite(wheel, "--help", cwd=tmp_path)
    assert helped.returncode == 0
    assert "inside a checkout" in helped.stdout

    examined = installed_attnsite(wheel, "doctor", cwd=tmp_path)
    assert examined.returncode == 0, examined.stderr
    assert "clone the repository" in examined.stdout

    measured = installed_attnsite(wheel, "measure", "parameters_by_heads", "--machine", "laptop", cwd=tmp_path)
    assert measured.returncode == 0, measured.stderr
    assert f"there is no checkout here: results go to {tmp_path}" in measured.stdout
    made = run_file.read(tmp_path / "docs/results/every_machine/parameters_by_heads.json")
    assert made.provenance.software["commit"] is None  # of a clone that happens to lie around it, it would be no use

    for command in ("status", "check"):
        refused = installed_attnsite(wheel, command, cwd=tmp_path)
        assert refused.returncode == 1
        assert refused.stderr.splitlines() == [
            f"{tmp_path}: there is no attnsite checkout here; run inside one, or name it with --root"]  # fmt: skip

    told = installed_attnsite(wheel, "--root", str(ROOT), "status", cwd=tmp_path)
    assert told.returncode == 0, told.stderr
    assert "fresh" in told.stdout


def test_a_library_that_is_missing_is_said_in_a_line():
    """As after `pip install` of a wheel, which brings what measuring needs and no more."""
    code = "import sys; sys.modules['yaml'] = None; from attnsite import cli; sys.exit(cli.main(['check']))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True,
                          env=os.environ | {"PYTHONPATH": str(ROOT)})  # fmt: skip

    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "attnsite check: needs yaml, which is not installed; "
        "`attnsite doctor` says what is missing, and the one command that fixes it"]  # fmt: skip


def test_a_wheel_holds_the_whole_package_and_its_command(wheel):
    """Data files too; no tests, no site."""
    files = {path.relative_to(wheel).as_posix() for path in wheel.rglob("*") if path.is_file()}
    ours = {path.relative_to(ROOT).as_posix() for path in (ROOT / "attnsite").rglob("*") if path.is_file()}

    assert {name for name in ours if "__pycache__" not in name} <= files
    assert {name.split("/")[0] for name in files if ".dist-info/" not in name} == {"attnsite"}
    [entry] = wheel.glob("*.dist-info/entry_points.txt")
    assert "attnsite = attnsite.cli:main" in entry.read_text()


def test_links_are_found_in_sources_and_pages_and_asked_twice(monkeypatch):
    """A server that refuses to be asked by a program is there; one that is not found, or not there, is told."""
    import urllib.error

    found = links.addresses(ROOT)
    asked = []

    def answer(code):
        def open_(request, timeout):
            asked.append(request.get_method())
            if code is OSError:
                raise OSError("no route")
            if code != 200:
                raise urllib.error.HTTPError(request.full_url, code, "", {}, None)

        return open_

    assert any(file.startswith("docs/sources/") for files in found.values() for file in files)
    assert links.ask("https://example.org/", 1, answer(200)) == ""
    assert links.ask("https://example.org/", 1, answer(403)) == ""
    assert asked == ["HEAD", "HEAD", "GET"]
    assert links.ask("https://example.org/", 1, answer(404)) == "answers 404"
    assert links.ask("https://example.org/", 1, answer(410)) == "answers 410"
    assert "no route" in links.ask("https://example.org/", 1, answer(OSError))


def test_every_command_has_a_help_text():
    """`attnsite COMMAND --help` answers without the packages of the site or of measuring."""
    from attnsite.cli import COMMANDS

    for command in COMMANDS:
        done = subprocess.run([sys.executable, "-m", "attnsite.cli", command, "--help"], cwd=registry.ROOT.parent,
                              capture_output=True, text=True)  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert len(done.stdout) > 100
