"""Without a network: the site builds from what is there, and set-up says in a line what it lacks."""

import hashlib
import os
import re
import shutil
import subprocess
import sys

import pytest

from tests.conftest import ROOT, without_network


def test_the_site_was_built_without_a_network(site_folder):
    """Notebooks run and pictures are drawn all the same; the prefix really keeps other machines out."""
    if not without_network():
        pytest.skip("the network cannot be taken from a process here")
    ask = "import socket; socket.create_connection(('192.0.2.1', 80), timeout=5)"  # an address of documentation
    asked = subprocess.run([*without_network(), sys.executable, "-c", ask], capture_output=True, text=True)

    assert "Network is unreachable" in asked.stderr
    assert (site_folder / "index.html").is_file()


@pytest.mark.skipif(os.name == "nt", reason="a shell script")
def test_set_up_without_a_network_says_in_a_line_what_it_lacks(tmp_path):
    """No index, no wheels, no uv: what it would need is its last line, and the next try begins anew."""
    for name in ("requirements.lock", "pyproject.toml", "scripts/setup.sh"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "wheels").mkdir()
    told = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "UV_"))}
    told |= {"PATH": "/usr/bin:/bin", "PYTHON": sys.executable, "WHEELS": str(tmp_path / "wheels"),
             "PIP_CONFIG_FILE": os.devnull, "UV_CACHE_DIR": str(tmp_path / "cache")}  # fmt: skip
    done = subprocess.run(["bash", "scripts/setup.sh"], cwd=tmp_path, env=told, capture_output=True, text=True)

    assert done.returncode == 1
    said = "setup: not everything could be installed; without a network this needs uv and its filled cache, "
    assert done.stderr.splitlines()[-1] == said + "or WHEELS=folder"
    assert not (tmp_path / ".venv" / ".attnsite-lock").exists()


FURTHER = ("chromium-headless-shell", "firefox-esr", "webkit2gtk-driver")


@pytest.mark.skipif(os.name == "nt", reason="a shell script")
@pytest.mark.parametrize(("asked", "got"), [([], ["chromium"]), (["--tests"], ["chromium", *FURTHER])])
def test_set_up_gets_further_browsers_for_the_tests_alone(tmp_path, asked, got):
    """Where packages can be installed; where one cannot be had it goes on and says so."""
    for name in ("requirements.lock", "pyproject.toml", "scripts/setup.sh"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv/.attnsite-compiler").touch()
    locked = hashlib.sha256(b"".join((tmp_path / n).read_bytes() for n in ("requirements.lock", "pyproject.toml")))
    (tmp_path / ".venv/.attnsite-lock").write_text(f"{tuple(sys.version_info[:2])} {locked.hexdigest()}\n")
    programs = tmp_path / "bin"  # of a machine that has no browser
    programs.mkdir()
    for name in ("bash", "cat", "dirname", "touch"):
        (programs / name).symlink_to(shutil.which(name))
    for name, does in {"id": "echo 0", "apt-get": f'echo "$@" >>"{tmp_path}/asked"; [ "$1" = update ]'}.items():
        (programs / name).write_text(f"#!/bin/sh\n{does}\n")
        (programs / name).chmod(0o755)
    told = {"PATH": str(programs), "PYTHON": sys.executable}
    done = subprocess.run(["bash", "scripts/setup.sh", *asked], cwd=tmp_path, env=told, capture_output=True, text=True)

    assert done.returncode == 0, done.stderr
    wanted = re.findall(
        r"install .*?(chromium-headless-shell|chromium|firefox-esr|webkit2gtk-driver)", (tmp_path / "asked").read_text()
    )
    assert wanted == got
    names = {"chromium": "Chromium", "firefox-esr": "Firefox", "webkit2gtk-driver": "WebKit"}
    lacks = [*(names.get(package, package) for package in got), *(["wasm-ld"] if "--tests" in asked else [])]
    assert [line.split()[2] for line in done.stderr.splitlines()] == lacks
