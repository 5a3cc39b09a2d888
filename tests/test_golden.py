"""The numbers that pages show are those of the committed file: a change of a formula is seen where it is read."""

import dataclasses
import importlib

import pytest

from tests import golden


def test_every_number_that_is_shown_is_as_it_is_kept(request):
    """What changed on purpose is renewed by `--renew-numbers`, and read again in the difference that git shows."""
    if request.config.getoption("--renew-numbers"):
        pytest.skip(f"{golden.renew()} numbers are kept anew")

    assert golden.differences() == []


def test_every_number_that_a_sentence_quotes_is_kept():
    assert golden.quoted(golden.ROOT) - golden.kept().keys() == set()


def test_a_formula_that_changes_is_seen(monkeypatch):
    """By its value, its text, its spread, and when it is no longer given."""
    figure = importlib.import_module("attnsite.figures.kv_cache")
    values = figure.values

    def altered(change):
        monkeypatch.setattr(figure, "values", lambda run: change(dict(values(run))))
        return golden.differences(figures=["kv_cache"])

    name = "mha_median"
    assert golden.differences(figures=["kv_cache"]) == []
    assert len(altered(lambda found: found | {name: dataclasses.replace(found[name], value=1.001)})) == 1
    assert len(altered(lambda found: found | {name: dataclasses.replace(found[name], unit="count")})) == 1
    assert len(altered(lambda found: found | {name: dataclasses.replace(found[name], low=1.0)})) == 1
    [gone] = altered(lambda found: {key: value for key, value in found.items() if key != name})
    assert "is shown no more" in gone


@pytest.mark.parametrize(
    ("one", "other", "differ"),
    [("1.0", "1.00000001", False), ("1.0", "1.000001", True), ("", "1", True), ("2 GiB", "2 GiB", False),
     ("2 GiB", "3 GiB", True), ("0", "0", False)],
)  # fmt: skip
def test_last_digits_are_no_difference(one, other, differ):
    assert golden.differs(one, other) is differ
