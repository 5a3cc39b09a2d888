"""Naked numbers: case files of a text, a line `---`, and the findings as `line: quantity`."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attnsite.content import unbacked_numbers
from attnsite.content.judging import Text, judge
from attnsite.site.builders import checks
from attnsite.site.markdown.rendering import Renderer
from tests import checkouts
from tests.conftest import ROOT

RENDERER = Renderer(ROOT)
CASES = sorted((Path(__file__).parent / "cases" / "naked").glob("*.md"))


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_exactly_the_sentences_without_evidence_are_found(path):
    """Each sentence that states a quantity without a mark is named with its line, and no other."""
    text, expected = path.read_text(encoding="utf-8").rsplit("---\n", 1)

    rendered = RENDERER.render(text).html
    found = [each.quantity for each in unbacked_numbers.find(rendered, ["Llama 2 7B"])]
    placed = judge(RENDERER, Text(plain=False).add(text, 1), ["Llama 2 7B"])[0]

    assert [f"{each.line}: {quantity}" for each, quantity in zip(placed, found, strict=True)] == expected.splitlines()


@given(st.floats(0.01, 1e6), st.sampled_from(["ms", "GiB", "%", "×", "TFLOP/s"]))
def test_a_measured_number_is_always_seen_and_a_mark_always_covers_it(value, unit):
    """A value with a unit is found in any sentence, and not beside a mark."""
    sentence = f"The step needs {value:.2f} {unit} there."

    assert unbacked_numbers.find(RENDERER.render(sentence).html)
    assert not unbacked_numbers.find(RENDERER.render(sentence.replace("there", "[=decode.step machine]")).html)


def test_the_check_reads_titles_claims_of_every_kind_and_what_a_theme_says(tmp_path, monkeypatch):
    """Each with the line of its field; a question's own words may have numbers, since they ask."""
    checkouts.register(monkeypatch)
    root = checkouts.fill(tmp_path)
    checkouts.put(root, "docs/questions/shapes/area.md", checkouts.question(
        title="Squares are 43 % larger", answer="It is 44 % of it.",
        more="  - opinion: It is 45 % faster.\n"))  # fmt: skip
    checkouts.put(
        root, "docs/questions/shapes/index.md", "---\ntitle: A\norder: 1\nsummary: Up to 46 % smaller.\n---\n"
    )
    checkouts.put(root, "docs/method.md", "# Method\n\nIt takes 47 ms.\n")
    found = {(Path(m.path).name, m.where, m.what[:13]) for m in checks.check(root) if "without evidence" in m.what}

    assert found == {("area.md", "2", "states '43 %'"), ("area.md", "4", "states '44 %'"),
                     ("area.md", "7", "states '45 %'"), ("index.md", "4", "states '46 %'"),
                     ("method.md", "3", "states '47 ms")}  # fmt: skip


def test_what_is_asked_states_nothing():
    """A line of questions, and what an exercise sets before it asks; not a statement that a question follows."""
    for asked in ("Is it 6 or 12?", '??? question "A model has a width of 512. How many heads?"\n\n    Many.'):
        assert unbacked_numbers.find(RENDERER.render(asked).html) == []
    for stated in ("It is 6 ms. Is it?", '??? note "A model has a width of 512 ms."\n\n    Yes?'):
        assert len(unbacked_numbers.find(RENDERER.render(stated).html)) == 1
