"""New files: each passes the checks as it is written, and none is overwritten."""

import argparse
import ast

import pytest

from attnsite import cli
from attnsite.commands import new
from attnsite.content import questions as content
from attnsite.content import sources
from attnsite.records.mistakes import Mistake


@pytest.fixture
def checkout(tmp_path):
    (tmp_path / "docs").mkdir()
    (tmp_path / "mkdocs.yml").write_text("site_name: test\n")
    return tmp_path


def test_a_new_question_is_a_draft_without_mistakes(checkout):
    """Question and theme read back without a mistake; two of a theme have different orders."""
    assert cli.main(["--root", str(checkout), "new", "question", "cost", "why_so_slow"]) == 0
    assert cli.main(["--root", str(checkout), "new", "question", "cost", "why_so_large"]) == 0

    questions, mistakes = content.read_questions(checkout)
    assert mistakes == []
    assert content.read_themes(checkout)[1] == []
    assert [(q.draft, q.order) for q in questions] == [(True, 1), (True, 2)]


def test_a_new_source_reads_back(checkout):
    """The entry has everything that a source needs."""
    assert cli.main(["--root", str(checkout), "new", "source", "doe2020heads"]) == 0

    assert sources.read_sources(checkout)[1] == []


@pytest.mark.parametrize(("kind", "name"), [("kernel", "cpu_mine"), ("experiment", "mine"), ("figure", "roofline")])
def test_new_code_is_python_with_a_docstring(checkout, kind, name):
    """Kernel, experiment and figure parse and say what they are."""
    [text] = new.plan(checkout, kind, name).values()

    assert ast.get_docstring(ast.parse(text))


def test_a_new_kernel_is_right_and_a_new_experiment_is_one(checkout):
    """What the templates say works: the kernel agrees with the reference, the experiment is well formed."""
    import numpy as np

    from attnsite.measure import correctness
    from attnsite.records.workload import Timing, Workload

    kernel: dict = {}
    exec(*[compile(t, "kernel", "exec") for t in new.plan(checkout, "kernel", "cpu_mine").values()], kernel)
    made: dict = {}
    exec(*[compile(t, "experiment", "exec") for t in new.plan(checkout, "experiment", "mine").values()], made)

    assert correctness.check(kernel["attention"], Workload(heads=2, queries=5, keys=5, dim=4)).right
    assert isinstance(made["experiment"], Timing)
    assert np.isfinite(made["experiment"].quick[0].inputs()[0]).all()


@pytest.mark.parametrize(
    ("kind", "name"), [("source", "No Spaces"), ("kernel", "naive"), ("experiment", "../up"), ("figure", "nobody")]
)
def test_a_bad_name_is_one_clear_mistake(checkout, kind, name):
    """A name that cannot be used is refused before anything is written."""
    with pytest.raises(Mistake):
        new.plan(checkout, kind, name)


def test_nothing_is_overwritten(checkout):
    """A file that is there stays as it is."""
    options = argparse.Namespace(root=checkout, kind="source", name="doe2020heads")
    new.run(options)

    with pytest.raises(Mistake, match="exists already"):
        new.run(options)
