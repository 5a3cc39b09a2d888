"""Naked numbers: case files of a text, a line `---`, and the findings as `line: quantity`."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attnsite.content import number_words, unbacked_numbers
from attnsite.content.judging import Text, judge
from attnsite.site import about
from attnsite.site.builders import checks
from attnsite.site.markdown.rendering import Renderer
from tests import checkouts
from tests.conftest import ROOT

RENDERER = Renderer(about.configuration(ROOT))
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

    per = 100 if unit == "%" else 1  # a share is kept as a part of one
    marked = RENDERER.render(sentence.replace("there", "[=decode.step machine]")).html

    assert unbacked_numbers.find(RENDERER.render(sentence).html)
    assert not unbacked_numbers.find(marked, values={"[=decode.step machine]": round(value, 2) / per})


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


@pytest.mark.parametrize(
    ("beside", "stated"),
    [
        ("It takes {} ms, 12.5 ms in all.", ""),
        ("At 4096 tokens with 8 heads it takes {} as long.", ""),
        ("Up to 12 times faster {}.", ""),
        ("It is a third faster {}, and not twice as fast.", "a third faster"),
        ("It takes {} and is 900 times faster.", "900 times"),
        ("It takes {}. It is 900 times faster.", "900 times"),
        ("It is 900 % faster. {}", "900 %"),
        ("It is 900 times faster. See {}.", "900 times"),
        ("It takes {}, half the time of theirs.", "half the time"),
        ("It is `900×` faster {}.", "900×"),
        ("| ours | {} |\n|---|---|\n| theirs | 900 times |", "900 times"),
    ],
)
def test_a_number_mark_is_evidence_for_what_it_says_in_its_own_sentence(beside, stated):
    """A typed finding beside it says the same number, about or as a bound; what was set may stand there."""
    html = RENDERER.render(beside.format("[=decode.step machine]")).html
    found = unbacked_numbers.find(html, values={"[=decode.step machine]": 12.5})

    assert [each.quantity for each in found] == [stated] * bool(stated)


@pytest.mark.parametrize(
    ("words", "value"),
    [("three quarters", 0.75), ("one-and-a-half times", 1.5), ("ninety-nine", 99), ("halves", 0.5),
     ("a dozen times", 12), ("tenfold", 10), ("hundreds of times", None)],
)  # fmt: skip
def test_words_say_the_number_that_they_say(words, value):
    assert number_words.value_of(words) == value


def test_a_name_excuses_itself_and_no_more():
    """A contributed name that says what was found, and a name that is compared."""
    for name in ("Llama 3 8B", "GPT-3"):
        assert not unbacked_numbers.find(f"<p>{name} has heads.</p>", [name])
        assert unbacked_numbers.find(f"<p>It is {name} times faster.</p>", [name])
