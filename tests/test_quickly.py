"""What a quick sweep gives is said beside its command, from the experiment and the published run."""

import dataclasses
import re

import pytest

from attnsite.content.questions import load_questions
from attnsite.records import registry, run_file, sweeps
from attnsite.site import disk_cache
from attnsite.site.answers import Answers
from attnsite.site.figures import fence, quickly
from attnsite.site.pages import questions as question_pages
from tests import small
from tests.conftest import ROOT


@pytest.fixture(scope="module")
def held():
    return Answers.load(ROOT)


@pytest.mark.parametrize(
    "experiment", ["heads_at_fixed_width", "tile_sizes", "score_memory", "softmax_error", "kv_cache"]
)
def test_the_rows_that_are_promised_are_those_of_the_quick_cases(held, experiment):
    """Counted in the published run: timing, with variants, memory, study and count; counts are whole."""
    run = held.quoted_first(experiment)[0]
    found = quickly.beside(held, run)
    quick = [sweeps.asked(case) for case in registry.module("experiments", experiment).experiment.quick]
    rows = [row for row in run.rows if row.skipped is None]
    shared = [row for row in rows if {k: v for k, v in row.case.items() if k != "variant"} in quick]

    assert (found.rows, found.of) == (len(shared), len(rows))
    assert 0 < found.rows <= found.of
    assert found.seconds <= run.provenance.seconds
    assert (found.rows == found.of) == (run.kind == "count")


def test_no_page_gives_a_command_that_measure_refuses(held):
    """A quick command names what has a quick sweep; the rest is for --full; what is given is said beside it."""
    seen = set()
    for question in load_questions(ROOT):
        text = question_pages.check_yourself(question, held)
        for names, sweep in re.findall(r"attnsite measure ([\w ]+) --(quick|full)", text):
            assert (
                not set(names.split()) & set(small.CASES)
                if sweep == "quick"
                else set(names.split()) <= set(small.CASES)
            )
            seen.add(sweep)
        if "--quick" in text:
            assert re.search(r"It gives (\d+ of the \d+|all \d+) rows of the run, in less than", text)
    assert seen == {"quick", "full"}


def test_a_figure_says_what_its_command_gives(held):
    """Beside the command, in its downloads: some rows, all of them, or that there is no quick sweep."""

    def told(name):
        return fence.repeat(held, held.exhibits(name)[0])

    assert re.search(
        r"heads_at_fixed_width --quick</code>, which gives \d+ of the \d+ rows .*--full", told("heads_at_fixed_width")
    )
    assert re.search(r"kv_cache --quick</code>, which gives all \d+ rows", told("kv_cache"))
    assert told("loss_by_heads").startswith(
        "<code>attnsite measure loss_by_heads --full</code>, since there is no quick"
    )


def test_nothing_is_promised_that_nobody_can_know(held, monkeypatch):
    """Without Numba some experiments cannot be asked: the command stands alone; so for a run that is quick itself."""
    run = held.quoted_first("softmax_error")[0]
    assert quickly.beside(held, dataclasses.replace(run, sweep="quick")) is None
    monkeypatch.setattr(registry, "module", lambda *_: (_ for _ in ()).throw(ImportError("numba")))
    monkeypatch.setattr(disk_cache.Cache, "kept", lambda self, made_from, make: make())
    assert quickly.has_quick(held, "softmax_error")
    assert quickly.beside(held, run) is None
    assert run_file.THIS_BUILD not in fence.repeat(held, held.exhibits("softmax_error")[0])


def test_the_words_for_several_runs_add_up():
    """Rows and times together, as minutes."""
    one, other = quickly.Quick(3, 10, 40.0), quickly.Quick(4, 4, 90.0)
    assert quickly.told([one]) == "3 of the 10 rows of the run, in less than a minute"
    assert quickly.told([one, other]) == "7 of the 14 rows of the run, in less than 3 minutes"
    assert quickly.told([other]) == "all 4 rows of the run, in less than 2 minutes"
