"""What a machine does to us: killed in the middle, a full disk, a folder that is not ours, half a file, a bad browser.

Each time nothing that was finished is lost, what is said is one line, and the same command then ends well.
"""

import argparse
import contextlib
import errno
import os
import shutil
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from attnsite import cli
from attnsite.commands import build, measure
from attnsite.intake.drafts import intake
from attnsite.measure import clock as timing
from attnsite.records import mistakes, run_file
from attnsite.site.figures import chromium, renderer, svg
from tests import checkouts

ROOT = Path(__file__).parents[1]
posix = pytest.mark.skipif(os.name == "nt", reason="signals and limits of POSIX")

# Starts a process whose one experiment, `mine`, counts 1, 2, 3; CODE may change what it meets.
MEASURE = """
import sys, time
from pathlib import Path
from types import SimpleNamespace
from attnsite import cli; from attnsite.records import registry as discover, run_file as results
from attnsite.records.workload import Count
root = Path(sys.argv[1])
def observe(case):
    with (root / "asked").open("a") as file:
        print(case["n"], file=file)
    return {"square": case["n"] ** 2}
def hang(*_, **__):
    (root / "here").touch()
    time.sleep(600)
experiment = Count(lambda case: observe(case), tuple({"n": n} for n in (1, 2, 3)))
discover.names = lambda room: ["mine"] if room == "experiments" else []
discover.module = lambda *_: SimpleNamespace(experiment=experiment)
results.experiment_digest = lambda *_: "1" * 12
CODE
sys.exit(cli.main(["--root", str(root), "measure", "mine", "--machine", "laptop"]))
"""
# Starts a build in which MkDocs only makes a page; CODE may change what it meets.
BUILD = """
import shutil, subprocess, sys, time
from pathlib import Path
from types import SimpleNamespace
from attnsite.commands import build; from attnsite import cli
root = Path(sys.argv[1])
def hang(*_, **__):
    (root / "here").touch()
    time.sleep(600)
def mkdocs(words, **_):
    fresh = Path(words[-1])
    fresh.mkdir(parents=True)
    (fresh / "index.html").write_text("new")
    return SimpleNamespace(returncode=0)
build.command = lambda *_: 0
build.subprocess = SimpleNamespace(run=mkdocs)
CODE
sys.exit(cli.main(["--root", str(root), "build", "--no-measure"]))
"""


@pytest.fixture
def checkout(tmp_path):
    (tmp_path / "docs").mkdir()
    (tmp_path / "mkdocs.yml").write_text("site_name: faults\n", encoding="utf-8")
    (tmp_path / "docs" / "index.md").write_text("# Home\n\n" + "A page.\n" * 400, encoding="utf-8")
    return tmp_path


def script(text, code=""):
    return text.replace("CODE", textwrap.dedent(code))


def start(root, text, code="", prefix=(), **options):
    words = [*prefix, sys.executable, "-c", script(text, code), str(root)]
    told = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.Popen(words, cwd=root, env=told, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                            encoding="utf-8", **options)  # fmt: skip


def ended(process, seconds=180):
    """Its exit status and what it said; a traceback is never among it."""
    said, _ = process.communicate(timeout=seconds)
    assert "Traceback" not in said, said
    return process.returncode, said


def kill(process, sign, seconds=180):
    """Kill -9 as soon as the process has given the sign, or has waited long enough for it."""
    until = time.monotonic() + seconds
    while not sign.exists() and process.poll() is None and time.monotonic() < until:
        time.sleep(0.02)
    assert sign.exists(), ended(process)
    process.kill()
    process.communicate()
    sign.unlink()


def result(root):
    return run_file.read(root / "docs/results/every_machine/mine.json")


# --- killed ----------------------------------------------------------------------------------------------------


@posix
@pytest.mark.parametrize(
    ("code", "asked"),
    [
        ("ask, observe = observe, lambda case: hang() if case['n'] == 3 else ask(case)", "1 2 3"),
        ("from attnsite.measure.sweep import Measurement\nMeasurement.finish = hang", "1 2 3"),
        (
            "import os\nreplace = os.replace\nos.replace = lambda a, b: (hang if 'docs' in str(b) else replace)(a, b)",
            "1 2 3",
        ),
        ("dump = results._json\nresults._json = lambda x: hang() if 'square' in str(x) else dump(x)", "1 1 2 3"),
    ],
    ids=["in a case", "before the result", "before the move", "while writing"],
)
def test_a_measurement_that_was_killed_goes_on(checkout, code, asked):
    """Every case that was finished is kept, wherever it was killed; the result is whole, and no partial file stays."""
    kill(start(checkout, MEASURE, code), checkout / "here")
    assert not (checkout / "docs/results/every_machine/mine.json").exists()

    status, said = ended(start(checkout, MEASURE))

    assert status == 0, said
    assert [row.values["square"] for row in result(checkout).rows] == [1, 4, 9]
    assert (checkout / "asked").read_text().split() == asked.split()
    assert not list((checkout / ".cache").rglob("mine.json"))


@posix
@pytest.mark.parametrize("code", ["build.subprocess = SimpleNamespace(run=lambda *a, **k: (mkdocs(*a), hang()))",
                                  "shutil.move = hang"], ids=["while it builds", "between two sites"])  # fmt: skip
def test_a_build_that_was_killed_leaves_the_last_site_or_gives_it_back(checkout, code):
    """The next build takes its lock, tidies what it left, and a failure of that one too leaves the last whole site."""
    (checkout / "site").mkdir()
    (checkout / "site" / "index.html").write_text("old", encoding="utf-8")
    (checkout / ".site.conf").write_text("another's", encoding="utf-8")
    kill(start(checkout, BUILD, code), checkout / "here")

    failing = "build.subprocess = SimpleNamespace(run=lambda *a, **k: SimpleNamespace(returncode=1))"
    assert ended(start(checkout, BUILD, failing))[0] == 1
    assert (checkout / "site" / "index.html").read_text() == "old"
    assert ended(start(checkout, BUILD))[0] == 0
    assert (checkout / "site" / "index.html").read_text() == "new"
    assert not list((checkout / ".cache/attnsite").glob("site.*"))
    assert [path.name for path in checkout.glob(".site.*")] == [".site.conf"]


PART = '## Question {n}\nWhat is head {n}?\n\n### Answer\n\nOne [1].\n\n### Sources\n1. A (202{n}). "T{n}." *V*.\n\n'
DOCUMENT = "".join(PART.format(n=n) for n in (1, 2, 3))


@pytest.mark.parametrize("moves", range(7))
def test_an_intake_that_was_killed_goes_on(checkout, monkeypatch, moves):
    """After any number of its files: what is there is whole, the rest is drafted by the same command."""

    class Killed(BaseException):
        pass

    replace, made = os.replace, []

    def counted(source, target):
        if len(made) == moves:
            raise Killed
        made.append(replace(source, target))

    (checkout / "document.md").write_text(DOCUMENT, encoding="utf-8")
    monkeypatch.setattr(os, "replace", counted)
    monkeypatch.setattr(Path, "unlink", lambda *_, **__: None)  # who is killed tidies nothing
    with pytest.raises(Killed):
        intake(checkout / "document.md", checkout, "drafts")
    monkeypatch.undo()
    intake(checkout / "document.md", checkout, "drafts")

    folder = checkout / "docs/questions/drafts"
    assert sorted(path.name for path in folder.glob("*.md")) == [
        "index.md", "what_is_head_1.md", "what_is_head_2.md", "what_is_head_3.md"]  # fmt: skip
    assert len(list((checkout / "docs/sources").glob("*.bib"))) == 3
    assert all(path.read_text(encoding="utf-8").endswith("\n") for path in folder.glob("*.md"))


# --- no room, no permission --------------------------------------------------------------------------------------


@posix
def test_a_full_disk_stops_a_measurement_in_one_line_and_keeps_what_was_finished(checkout):
    """The row that did not fit is measured again once there is room; those before it are not."""
    grow = "import resource\nlimit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (200, 200))\n"
    grow += "ask, observe = observe, lambda case: (ask(case), case['n'] == 2 and limit())[0]"

    status, said = ended(start(checkout, MEASURE, grow))
    assert status == mistakes.CANNOT_WRITE
    assert [line for line in said.splitlines() if "refused" in line] == said.splitlines()[-1:]
    assert "free some space, then run the same command" in said

    assert ended(start(checkout, MEASURE))[0] == 0
    assert (checkout / "asked").read_text().split() == ["1", "2", "2", "3"]


@posix
def test_a_full_disk_stops_mkdocs_in_one_line(checkout):
    """MkDocs would show a traceback; the site that was there stays."""
    limited = "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000)); import runpy; "
    limited += "runpy.run_module('attnsite.commands.build', run_name='__main__')"
    words = [sys.executable, "-c", limited, "build", "--site-dir", str(checkout / "fresh")]
    done = subprocess.run(words, cwd=checkout, env=os.environ | {"PYTHONPATH": str(ROOT), "NO_MKDOCS_2_WARNING": "1"},
                          capture_output=True, text=True)  # fmt: skip

    assert done.returncode == mistakes.CANNOT_WRITE, done.stderr
    assert "Traceback" not in done.stderr
    assert "free some space" in done.stderr.splitlines()[-1]


def test_a_full_disk_stops_an_intake_in_one_line(checkout, monkeypatch):
    """The parts before are drafted; of the one that did not fit nothing stays; the others are not tried."""
    (checkout / "document.md").write_text(DOCUMENT, encoding="utf-8")
    write, written = Path.write_text, []

    def limited(path, *words, **options):
        written.append(path)
        if len(written) > 4:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        return write(path, *words, **options)

    monkeypatch.setattr(Path, "write_text", limited)
    report = intake(checkout / "document.md", checkout, "drafts")

    assert (report.drafted, report.refused, len(report.mistakes)) == (1, 2, 1)
    assert report.mistakes[0].path == "docs/questions/drafts/what_is_head_2.md"
    assert "free some space" in str(report.mistakes[0])
    assert not [path for path in (checkout / "docs").rglob(".*") if path.is_file()]
    assert len(list((checkout / "docs/sources").glob("*.bib"))) == 1


@pytest.fixture
def small_disk(checkout):
    """The checkout on a disk of its own, of one MiB: only who may mount one has it."""
    disk = checkout.with_name(checkout.name + "_disk")
    disk.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)]
    if not shutil.which("mount") or subprocess.run(words, capture_output=True).returncode:
        pytest.skip("no disk can be mounted here")
    try:
        yield shutil.copytree(checkout, disk / "checkout")
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def fill(root):
    """Leave no byte."""
    with contextlib.suppress(OSError), (root / "ballast").open("ab", buffering=0) as file:
        while file.write(b"x" * 512):
            pass


@posix
def test_a_disk_that_is_really_full_stops_a_measurement_and_leaves_nothing_half_written(small_disk):
    """What was finished is whole, of what did not fit there is nothing, and with room the same command goes on."""
    code = "import sys\nsys.path.insert(0, 'TESTS')\nfrom tests.test_faults import fill\n".replace("TESTS", str(ROOT))
    code += "ask, observe = observe, lambda case: (ask(case), case['n'] == 2 and fill(root))[0]"
    status, said = ended(start(small_disk, MEASURE, code))

    assert status == mistakes.CANNOT_WRITE, said
    assert "No space left on device" in said.splitlines()[-1]
    [partial] = [path for path in (small_disk / ".cache").rglob("*") if path.is_file()]
    assert [row.case["n"] for row in run_file.read(partial).rows] == [1]
    assert not (small_disk / "docs/results").exists()

    (small_disk / "ballast").unlink()
    assert ended(start(small_disk, MEASURE))[0] == 0
    assert (small_disk / "asked").read_text().split() == ["1", "2", "2", "3"]


@posix
def test_a_disk_that_is_really_full_stops_a_build_and_leaves_the_last_site(small_disk):
    """MkDocs' own theme does not fit; what was begun is taken away again."""
    (small_disk / "site").mkdir()
    (small_disk / "site" / "index.html").write_text("old", encoding="utf-8")

    status, said = ended(start(small_disk, BUILD, "build.subprocess = subprocess"))

    assert status == mistakes.CANNOT_WRITE, said
    assert [line for line in said.splitlines() if "No space left" in line] == said.splitlines()[-1:]
    assert [path.name for path in (small_disk / "site").iterdir()] == ["index.html"]
    assert not list((small_disk / ".cache/attnsite").glob("site.*"))


@posix
def test_a_disk_that_is_really_full_stops_an_intake_in_one_line(small_disk):
    """A question comes whole, with its sources, or not at all."""
    (small_disk / "document.md").write_text(DOCUMENT, encoding="utf-8")
    fill(small_disk)

    report = intake(small_disk / "document.md", small_disk, "drafts")

    assert report.drafted == 0
    assert len(report.mistakes) == 1
    assert "free some space" in str(report.mistakes[0])
    assert not [path for path in (small_disk / "docs").rglob("*") if path.is_file() and path.name != "index.md"]

    (small_disk / "ballast").unlink()
    assert intake(small_disk / "document.md", small_disk, "drafts").drafted == 3


@posix
@pytest.mark.parametrize("text", [MEASURE, BUILD], ids=["measure", "build"])
def test_a_read_only_checkout_is_said_in_one_line(checkout, text):
    """Before anything else is said; nothing is changed."""
    prefix = ()
    if os.geteuid() == 0:  # whom permissions do not bind until it gives that up
        prefix = ("setpriv", "--bounding-set", "-dac_override,-dac_read_search")
        if shutil.which("setpriv") is None or subprocess.run([*prefix, "true"], capture_output=True).returncode:
            pytest.skip("root without setpriv cannot give up its rights")
    (checkout / "asked").touch()
    checkout.chmod(0o555)
    (checkout / "docs").chmod(0o555)
    try:
        status, said = ended(start(checkout, text, prefix=prefix))
    finally:
        checkout.chmod(0o755)
        (checkout / "docs").chmod(0o755)

    assert status == mistakes.CANNOT_WRITE
    assert "make it yours, or work in a copy of your own" in said.splitlines()[-1]
    assert len([line for line in said.splitlines() if "mine: 3 rows" not in line]) == 1
    assert not (checkout / ".cache").exists()


def test_only_what_the_system_refuses_is_said_in_a_line(capsys, monkeypatch):
    """A fault of the program keeps its traceback."""
    assert mistakes.refused(OSError(errno.EROFS, "Read-only file system", "/a"), "build")
    assert not mistakes.refused(FileNotFoundError(errno.ENOENT, "No such file", "/a"), "build")
    assert not mistakes.refused(ValueError("ours"), "build")

    def fail(options):
        raise ZeroDivisionError

    monkeypatch.setattr("attnsite.commands.status.run", fail)
    with pytest.raises(ZeroDivisionError):
        cli.main(["--root", str(ROOT), "status"])


# --- two at once -------------------------------------------------------------------------------------------------


@posix
def test_two_builds_at_once_take_turns(checkout):
    """The second says that it waits, and builds when the first has ended; also when the first was killed."""
    first = start(checkout, BUILD, "shutil.move = hang")
    while not (checkout / "here").exists():
        time.sleep(0.02)
    second = start(checkout, BUILD)
    assert "another build is at work" in second.stdout.readline()
    assert not (checkout / "site").exists()
    kill(first, checkout / "here")

    status, said = ended(second)
    assert status == 0, said
    assert (checkout / "site" / "index.html").read_text() == "new"


def test_a_lock_file_with_anything_in_it_is_no_lock(checkout):
    """Only a process that is there holds it."""
    (checkout / build.CACHE).mkdir(parents=True)
    (checkout / build.CACHE / "build.lock").write_bytes(b"\x00broken")

    with build.alone(checkout):
        pass


# --- half a file -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("broken", [b"", b'{\n"format": 1,', b"\xff\xfe", b"[]", b"{}", b"null", b"\x00" * 4096])
def test_a_broken_result_of_the_cache_is_none_and_a_committed_one_is_named(checkout, broken):
    """The cache is measured again; a committed file is never passed over in silence."""
    checkouts.put_run(checkout, "laptop")
    checkouts.put_run(checkout, run_file.THIS_BUILD)
    run_file.path_of(checkout, run_file.THIS_BUILD, "squares").write_bytes(broken)
    assert list(run_file.load(checkout, "squares")) == ["laptop"]

    committed = run_file.path_of(checkout, "laptop", "squares")
    committed.write_bytes(broken)
    with pytest.raises(mistakes.Mistake) as told:
        run_file.load(checkout, "squares")
    assert str(told.value).startswith(str(committed))
    assert "\n" not in str(told.value)


def test_a_result_cut_anywhere_is_one_line(checkout):
    """Whatever its length, half a run is never taken for a whole one."""
    checkouts.put_run(checkout, "laptop")
    path = run_file.path_of(checkout, "laptop", "squares")
    whole = path.read_bytes()
    for length in range(0, len(whole) - 2, 7):
        path.write_bytes(whole[:length])
        with pytest.raises(mistakes.Mistake):
            run_file.read(path)


def test_a_broken_result_is_measured_again(checkout, monkeypatch):
    """Half a file in the way is no reason to measure nothing."""
    monkeypatch.setattr(measure, "kind", lambda name: "timing")
    path = run_file.path_of(checkout, run_file.THIS_BUILD, "squares")
    path.parent.mkdir(parents=True)
    path.write_text("{", encoding="utf-8")

    options = argparse.Namespace(root=checkout, machine=run_file.THIS_BUILD, sweep="quick", device=None, number=None)
    assert measure.needed(options, "squares")


@pytest.mark.parametrize("left", [b"", b"<svg a='1'><path", b"\x00" * 100, b"</svg"])
def test_half_a_picture_is_drawn_again(tmp_path, left):
    """Only one that is there to its last tag is shown."""
    file = tmp_path / "a.svg"
    assert not svg.whole(file)
    file.write_bytes(left)
    assert not svg.whole(file)
    file.write_bytes(b"<svg a='1'></svg>\n")
    assert svg.whole(file)


COMPILED = """
import sys
from pathlib import Path
import numba
root = Path(sys.argv[1])
numba.config.CACHE_DIR = str(root / "compiled" / "state")
sys.path.insert(0, str(root))
from attnsite.measure import compiled
import twice
try:
    print(twice.twice(21))
except Exception as error:
    print("broken:", compiled.broken(error))
    compiled.forget()
    print(twice.twice(21))
"""


def test_broken_compiled_code_is_known_as_such_and_made_anew(tmp_path, monkeypatch):
    """Numba's own word for half a file is an error of the reader; after that the same call works, and is kept again."""
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    text = "import numba\n@numba.njit(cache=True)\ndef twice(n):\n    return n + n\n"
    (tmp_path / "twice.py").write_text(text, encoding="utf-8")
    assert ended(start(tmp_path, COMPILED)) == (0, "42\n")
    [index] = (tmp_path / "compiled").rglob("*.nbi")
    os.truncate(index, 20)

    assert ended(start(tmp_path, COMPILED)) == (0, "broken: True\n42\n")
    assert ended(start(tmp_path, COMPILED)) == (0, "42\n")


# --- the clock ---------------------------------------------------------------------------------------------------


def test_a_clock_that_is_set_back_measures_again():
    """A sample is never negative, and a clock that only runs backwards is an error, not a result."""
    shown = iter([5_000_000_000, 1_000, 2_000, 5_000])
    assert timing.on_cpu(lambda: None, lambda: next(shown))() == 3e-6

    with pytest.raises(RuntimeError, match="backwards"):
        timing.on_cpu(lambda: None, iter(range(9, 0, -1)).__next__)()


@pytest.mark.parametrize("jump", [3_600_000_000_000, -3_600_000_000_000], ids=["forward", "back"])
def test_a_clock_that_jumps_between_rounds_ends_the_sweep_all_the_same(jump):
    """At least the rounds that are asked for, and at most the most."""
    now, calls = [0], []

    def clock():
        now[0] += 1000 if len(calls) != 4 else jump
        return now[0]

    who = timing.Contestant("A", lambda: calls.append(1) or 1e-6)
    timing.interleave([who], timing.Budget(rounds=3, seconds=1e-3, most=60), clock=clock)

    assert 3 <= len(who.samples) <= 60


# --- the browser -------------------------------------------------------------------------------------------------

# Speaks the protocol of a browser on descriptors 3 and 4 and knows none of its words.
ANCIENT = """#!{python}
import json, os
held = b""
while part := os.read(3, 65536):
    *messages, held = (held + part).split(b"\\0")
    for message in messages:
        answer = {{"id": json.loads(message)["id"], "error": {{"code": -32601, "message": "method was not found"}}}}
        os.write(4, json.dumps(answer).encode() + b"\\0")
"""


@posix
@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "no Chromium was found"),
        ("#!/bin/sh\nexit 1\n", "could not draw"),
        ("#!/bin/sh\nsleep 1000\n", "has drawn nothing for 2 s, 2 times, and was ended"),
        ("#!/bin/sh\ntrap '' TERM INT HUP\nwhile true; do sleep 1; done\n", "was ended"),
        (ANCIENT.format(python=sys.executable), "could not draw"),
    ],
    ids=["missing", "broken", "hanging", "stubborn", "ancient"],
)
def test_a_browser_that_cannot_draw_costs_a_line_and_no_build(checkout, monkeypatch, capfd, text, said):
    """Within the time that it is given; nothing that it started is left."""
    file = checkout / "browser"
    if text:
        file.write_text(text, encoding="utf-8")
        file.chmod(0o755)
    monkeypatch.setenv("CHROMIUM", str(file))
    monkeypatch.setattr(svg, "_said", False)
    monkeypatch.setattr(renderer, "STALL_S", 2.0)
    chart = {"data": [{"type": "scatter", "x": [1, 2], "y": [1, 4]}], "layout": {}}

    begun = time.monotonic()
    svg.Pictures(checkout).draw([chart])

    assert time.monotonic() - begun < 30
    told = capfd.readouterr().err.splitlines()
    assert len(told) == 1, told
    assert said in told[0]
    assert "1 figures" in told[0]
    assert not svg.Pictures(checkout).drawn(chart)
    assert not running(str(file))


def running(word):
    """Whether a process with this word on its command line is there."""
    import psutil

    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            found += [process.pid] if word in process.cmdline() else []
    return found


@posix
def test_a_browser_that_hangs_once_is_started_again(checkout, monkeypatch, capfd):
    """As it happens on a busy machine: the pictures are there, and nothing is said."""
    if chromium.find() is None:
        pytest.skip("there is no Chromium here")
    file, hung = checkout / "browser", checkout / "hung"
    file.write_text(
        f'#!/bin/sh\n[ -e "{hung}" ] && exec "{chromium.find()}" "$@"\ntouch "{hung}"\nsleep 1000\n', encoding="utf-8"
    )
    file.chmod(0o755)
    monkeypatch.setenv("CHROMIUM", str(file))
    tries, waited = [], renderer.wait

    def wait(process, paths):
        """The first is given up as soon as it hangs, and not a minute later."""
        tries.append(process)
        if len(tries) > 1:
            return waited(process, paths)
        while not hung.exists():
            time.sleep(0.05)
        return True

    monkeypatch.setattr(renderer, "wait", wait)
    chart = {"data": [{"type": "scatter", "x": [1, 2], "y": [1, 4]}], "layout": {}}
    shutil.copytree(ROOT / svg.BUNDLE.parent, checkout / svg.BUNDLE.parent)

    svg.Pictures(checkout).draw([chart])

    assert len(tries) == 2
    assert svg.Pictures(checkout).drawn(chart)
    assert capfd.readouterr().err == ""


def test_a_browser_that_can_draw_does(checkout):
    """Through the same process of its own."""
    if chromium.find() is None:
        pytest.skip("there is no Chromium here")
    chart = {"data": [{"type": "scatter", "x": [1, 2], "y": [1, 4]}], "layout": {}}
    shutil.copytree(ROOT / svg.BUNDLE.parent, checkout / svg.BUNDLE.parent)

    svg.Pictures(checkout).draw([chart])

    assert svg.Pictures(checkout).drawn(chart)
