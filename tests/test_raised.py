"""What a contributed file raises is a mistake of that file, whatever it is; and what a message says is seen."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from attnsite.records import csv_tables, raised, run_file
from attnsite.records.mistakes import Mistake
from tests.conftest import ROOT

LISTED = """
from attnsite.records import registry, sweeps
from attnsite.content.evidence import Evidence
from attnsite.records.mistakes import Mistake
registry.names = lambda room: [{name!r}]
for mistake in sweeps.find_faults():
    print(mistake)
try:
    Evidence(registry.ROOT.parent).figure({name!r})
except Mistake as mistake:
    print(mistake)
"""


@pytest.fixture
def package(tmp_path):
    """A copy of the package in which files may be written."""
    shutil.copytree(ROOT / "attnsite", tmp_path / "attnsite", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def told(package, room, name, text):
    (package / "attnsite" / room / f"{name}.py").write_text(text, encoding="utf-8")
    done = subprocess.run([sys.executable, "-c", LISTED.format(name=name)], cwd=package, text=True, capture_output=True)
    assert "Traceback" not in done.stderr, done.stderr
    return done.stdout.splitlines()


def test_whatever_a_file_raises_is_its_own_mistake(package):
    """`SystemExit`, `KeyboardInterrupt` and what nobody knows; what is declared and is none."""
    for error in ("SystemExit('no')", "KeyboardInterrupt", "GeneratorExit", "type('Odd', (BaseException,), {})()"):
        [line] = told(package, "experiments", "odd", f'"""Odd."""\n\nraise {error}\n')[:1]
        assert line.startswith("attnsite/experiments/odd.py:3: cannot be imported"), line
        [line] = told(package, "figures", "odd_figure", f'"""Odd."""\n\nraise {error}\n')[-1:]
        assert line.startswith("attnsite/figures/odd_figure.py:3: raises"), line
        (package / "attnsite/figures/odd_figure.py").unlink()
    for declared in ("5", "'a timing'", "object"):
        [line] = told(package, "experiments", "odd", f'"""Odd."""\n\nexperiment = {declared}\n')[:1]
        assert "no Timing, Memory, Study or Count" in line
    count = '"""Odd."""\nfrom attnsite.records.workload import Count\n\nexperiment = Count(len, (3, None))\n'
    assert "asks what cannot be asked" in told(package, "experiments", "odd", count)[0]
    told(package, "kernels", "cpu_odd", '"""Odd."""\n\nraise SystemExit\n')
    [line] = told(package, "experiments", "odd", '"""Odd."""\nfrom attnsite.kernels import cpu_odd\n')[:1]
    assert line.startswith("attnsite/kernels/cpu_odd.py:3: cannot be imported")


def test_a_wish_to_stop_is_no_mistake():
    with pytest.raises(KeyboardInterrupt) as raised_here:
        raise KeyboardInterrupt
    with pytest.raises(KeyboardInterrupt) as pressed:  # at a line that raises nothing
        exec(compile("signal()", "a.py", "exec"), {"signal": iter_of(KeyboardInterrupt)})

    assert raised.own(raised_here.value)
    assert not raised.own(pressed.value)


def iter_of(error):
    return lambda: (_ for _ in ()).throw(error)


def test_a_table_of_digests_that_is_none_is_told_with_its_lines(tmp_path, monkeypatch):
    table = tmp_path / "renamed_digests.csv"
    table.write_text(
        "experiment,before,now\na,b\nroofline,000000000000,111111111111\n\n1,2,3,4\nroofline,000000000000,2\n"
    )
    monkeypatch.setattr(run_file, "RENAMED", table)

    assert [(m.path, m.where) for m in run_file.renamed_faults()] == [
        ("attnsite/records/renamed_digests.csv", line) for line in ("2", "5", "6")
    ]  # fmt: skip
    assert run_file._renamed.__wrapped__()["roofline", "000000000000"] in ("111111111111", "2")


def test_the_table_of_digests_has_no_mistake():
    assert run_file.renamed_faults() == []


@pytest.mark.parametrize("sign", ["\x1b[2J", "\x07", "\u202e", "\x9b1m", "\u2028", "\r"])
def test_no_message_says_anything_to_a_terminal(sign):
    """Whatever a file holds may be quoted."""
    for mistake in (
        Mistake(f"a{sign}.md", "", "is odd", "mend it"),
        Mistake("a.md", sign, f"is {sign}", f"leave {sign}"),
    ):
        assert str(mistake).isprintable(), str(mistake)
    assert "×\u202f2" in str(Mistake("a.md", 1, "is ×\u202f2", "mend it"))


@pytest.mark.parametrize(
    "name",
    ["twice as fast", "Speed 900", "a 900", "x900", "Ours is 9", "Fast 900 ms", "The 900", "Needs 900 GB"],
)
def test_a_model_has_a_name_and_no_finding(name):
    """It would excuse the same words in every sentence, and stand in tables."""
    text = f"name,mlp_width,mlp_matrices,vocabulary,source\n{name},1,1,1,s\n"

    assert [m.where for m in csv_tables.of_table(Path("flop_formulas.csv"), text, {})] == ["2"]
