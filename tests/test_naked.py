"""Naked numbers: case files of a text, a line `---`, and the findings as `line: quantity`."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attnsite import naked

CASES = sorted((Path(__file__).parent / "cases" / "naked").glob("*.md"))


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_exactly_the_sentences_without_evidence_are_found(path):
    """Each sentence that states a quantity without a mark is named with its line, and no other."""
    text, expected = path.read_text(encoding="utf-8").rsplit("---\n", 1)

    found = [f"{found.line}: {found.quantity}" for found in naked.find(text, ["Llama 2 7B"])]

    assert found == expected.splitlines()


@given(st.floats(0.01, 1e6), st.sampled_from(["ms", "GiB", "%", "×", "TFLOP/s"]))
def test_a_measured_number_is_always_seen_and_a_mark_always_covers_it(value, unit):
    """A value with a unit is found in any sentence, and not beside a mark."""
    sentence = f"The step needs {value:.2f} {unit} there."

    assert naked.find(sentence)
    assert not naked.find(sentence.replace("there", "[=decode.step machine]"))
