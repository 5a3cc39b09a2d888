"""Alterations of formulas are made where they are said to be, and a few of them, others every day, are noticed."""

import ast

import pytest

from tests import mutate

TEXT = '''"""A docstring with 2 × 3."""
LIMIT = 5


def values(rows):
    """Twice 2."""
    best = max(rows) * 3 if rows and len(rows) > 2 else 0
    return best + LIMIT, f"{best / 2} of" + "them"


def draw(rows):
    return 7 * len(rows)
'''


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    monkeypatch.setattr(mutate, "ROOT", tmp_path)
    path = tmp_path / "attnsite" / "formulas" / "attention.py"
    path.parent.mkdir(parents=True)
    path.write_text(TEXT, encoding="utf-8")
    return path


def test_formulas_are_altered_and_words_and_drawing_are_not(checkout):
    found = mutate.mutants(checkout)

    assert sorted(mutant.before for mutant in found) == sorted(
        ["5", "max(rows) * 3", "rows and len(rows) > 2", "len(rows) > 2", "max(rows)", "3", "2", "best + LIMIT",
         "best / 2", "2"]
    )  # fmt: skip
    assert all(mutant.before != mutant.after for mutant in found)


def test_each_alteration_changes_one_thing_and_is_taken_back(checkout, tmp_path):
    whole = ast.unparse(ast.parse(TEXT))
    for mutant in mutate.mutants(checkout):
        before = mutate.write(mutant, tmp_path)
        changed = checkout.read_text(encoding="utf-8")
        checkout.write_text(before, encoding="utf-8")

        assert before == TEXT
        assert sum(a != b for a, b in zip(whole.split("\n"), changed.split("\n"), strict=True)) == 1, mutant


def test_a_sample_has_some_of_every_kind_and_is_the_same_for_a_seed():
    one, same, other = (mutate.sample([], 40, seed) for seed in (1, 1, 2))

    assert one == same != other
    assert all(any(mutate.watchers(m.path) == who for m in one) for who in mutate.WATCHED.values())


def test_what_is_explained_is_still_there():
    there = {(mutant.path, mutant.before) for path in {path for path, _ in mutate.EXPLAINED} for mutant in
             mutate.mutants(mutate.ROOT / path)}  # fmt: skip

    assert mutate.EXPLAINED.keys() <= there


@pytest.mark.parametrize(
    ("name", "before"),
    [
        ("toolkit/last_losses", "statistics.median(mine) - statistics.median(theirs)"),
        ("roofline", "flops / row.median"),
    ],
)
def test_a_formula_between_a_row_and_a_page_is_noticed(tmp_path, name, before):
    [mutant] = [
        mutant
        for mutant in mutate.mutants(mutate.ROOT / "attnsite" / "figures" / f"{name}.py")
        if mutant.before == before
    ]
    mutate.copied(tmp_path)

    assert mutate.noticed(mutant, tmp_path)
