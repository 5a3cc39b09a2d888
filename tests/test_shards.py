"""A sweep in parts: whoever measures them, in whatever order, the joined run is the same; strangers are refused."""

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import pytest

from attnsite.measure import shards
from attnsite.records import run_file
from attnsite.records.mistakes import Mistake, flatten
from attnsite.records.run_file import Provenance, Row, Run

ROOT = Path(__file__).parents[1]
CASES = [{"n": n} for n in range(7)]
KEYS = [shards.case_key(case) for case in CASES]
PROVENANCE = Provenance(
    {"cpu": "A processor", "cores": 2}, {"python": "3.12"}, "2026-01-02T03:04:05Z", 1.5,
    {"verdict": "steady", "median_spread": 0.01},
)  # fmt: skip


def part(number, count, **changes):
    rows = tuple(Row(case, "cpu_a", "1" * 12, samples=(0.1, 0.2, 0.3)) for case in CASES[number - 1 :: count])
    return dataclasses.replace(Run("mine", "timing", "m", "full", "0" * 12, ("cpu_*",), PROVENANCE, rows), **changes)


def put(root, number, count, run):
    run_file.write(run, shards.path_of(root, "m", "full", (number, count), "m", "mine"))


def merged(root):
    return shards.merge(root, "m", "full", "mine", KEYS)


@pytest.mark.parametrize("count", [1, 2, 3, 7, 9])
def test_parts_make_the_whole_in_the_order_of_the_cases(tmp_path, count):
    """For any number of parts, empty ones among them; seconds add up."""
    for number in reversed(range(1, count + 1)):
        put(tmp_path, number, count, part(number, count))

    whole = merged(tmp_path)

    assert [row.case for row in whole.rows] == CASES
    assert whole.provenance.seconds == pytest.approx(1.5 * count)


def test_the_whole_is_as_noisy_as_its_noisiest_part(tmp_path):
    """And begins when the first part began."""
    noisy = dataclasses.replace(PROVENANCE, started="2026-01-01T00:00:00Z",
                                steadiness={"verdict": "noisy", "median_spread": 0.2, "foreign_load": 0.5})  # fmt: skip
    put(tmp_path, 1, 2, part(1, 2))
    put(tmp_path, 2, 2, part(2, 2, provenance=noisy))

    known = merged(tmp_path).provenance

    assert known.started == "2026-01-01T00:00:00Z"
    assert known.steadiness == {"verdict": "noisy", "median_spread": 0.2, "foreign_load": 0.5}


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"digest": "1" * 12}, "another code"),
        ({"provenance": dataclasses.replace(PROVENANCE, machine={"cpu": "Another", "cores": 2})}, "another cpu"),
        ({"provenance": dataclasses.replace(PROVENANCE, software={"python": "3.13"})}, "another software"),
        ({"rows": (Row(CASES[1], "cpu_a", "2" * 12, samples=(1.0,)),)}, "another kernels"),
    ],
)
def test_a_part_of_other_code_or_another_machine_is_refused(tmp_path, changes, told):
    """With the part and what is different about it."""
    put(tmp_path, 1, 2, part(1, 2))
    put(tmp_path, 2, 2, part(2, 2, **changes))

    with pytest.raises((Mistake, ExceptionGroup)) as caught:
        merged(tmp_path)

    assert any(told in str(mistake) and mistake.where == "part 2" for mistake in flatten(caught.value))


def test_missing_parts_are_named(tmp_path):
    """All of them, in one line; and sweeps cut in different ways are not mixed."""
    put(tmp_path, 2, 4, part(2, 4))
    with pytest.raises(Mistake, match="lacks part 1, 3, 4 of 4"):
        merged(tmp_path)

    put(tmp_path, 1, 2, part(1, 2))
    with pytest.raises(Mistake, match="in 2 and 4 parts"):
        merged(tmp_path)


@pytest.mark.parametrize("text", ["0/2", "3/2", "1", "1/0", "a/b", "-1/2", "1/2/3"])
def test_what_is_no_part_is_refused(text):
    """In one line with what would be one."""
    with pytest.raises(Mistake, match="such as 2/8"):
        shards.parse(text)


def test_two_processes_at_once_make_what_one_makes(tmp_path):
    """A real study, its two parts measured side by side, merged: the rows of a whole sweep."""
    (tmp_path / "docs").mkdir()
    (tmp_path / "mkdocs.yml").write_text("site_name: x\n")
    command = [sys.executable, "-m", "attnsite.cli", "--root", str(tmp_path), "measure", "rank_by_head_width"]

    halves = [subprocess.Popen([*command, "--shard", f"{n}/2"], cwd=ROOT, stdout=subprocess.PIPE) for n in (1, 2)]
    assert [half.wait(120) for half in halves] == [0, 0]
    subprocess.run([*command, "--merge"], cwd=ROOT, check=True, capture_output=True)
    path = tmp_path / run_file.BUILT / run_file.THIS_BUILD / "rank_by_head_width.json"
    joined = json.loads(path.read_text())["rows"]
    subprocess.run([*command, "--again"], cwd=ROOT, check=True, capture_output=True)

    assert joined == json.loads(path.read_text())["rows"]
