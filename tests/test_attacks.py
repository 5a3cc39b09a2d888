"""A pull request with something bad in a field: refused with its file, and nothing of it reaches a page."""

import dataclasses
import json
import shutil

import pytest

from attnsite import bibliography, check, content, results, texts, vetting
from attnsite.document import faults as document_faults
from attnsite.document import parts
from attnsite.errors import Mistake
from attnsite.judging import Text, judge
from attnsite.site import tables
from attnsite.site.rendering import Renderer
from tests.conftest import ROOT

RENDERER = Renderer(ROOT)
QUESTION = """---
title: What is a head?
order: 1
answer: {answer}
claims:
  - opinion: {claim}
---

{body}
"""


def told(text):
    found, _ = judge(RENDERER, text)
    return [each.what for each in found]


def of_question(answer="One softmax.", claim="It is so.", body="A body."):
    """What is said of a question's texts, whole and as other pages show them."""
    written = QUESTION.format(answer=json.dumps(answer), claim=json.dumps(claim), body=body)
    question, mistakes = content.parse_question(written, content.FOLDER / "theme" / "slug.md")
    assert question, mistakes
    return [what for text in (texts.of_question(question), *texts.shown_alone(question)) for what in told(text)]


def test_a_question_without_anything_bad_passes():
    assert of_question() == []
    assert of_question("It is `<form>` in code. And more.", "A `<b>` too.", "So is `<img>`.") == []


@pytest.mark.parametrize(
    ("given", "holds"),
    [
        ({"answer": "`<form><input type=text>Faster</form> indeed. x` is code."}, "form"),
        ({"answer": "`<a href=https://evil.example>Heads</a> are so. y` is code."}, "raw element 'a'"),
        ({"body": "Text.\n\n<!-- y", "claim": "Heads <input type=text>"}, "input"),
        ({"body": "Heads are 900 times faster <!--attnsite:mark 0-->."}, "<!--attnsite:mark 0"),
        ({"body": "Heads are 900 times faster <data></data>."}, "data"),
        ({"body": "[ x ](https://evil.example/){ .md-consent__overlay }"}, "md-consent__overlay"),
        ({"body": "[ x ](https://evil.example/){ .md-dialog .md-dialog--active }"}, "md-dialog"),
        ({"body": "[Fast](https://evil.example/){ .quantity .is-fresh data-run='x' }"}, "quantity"),
        ({"body": "[Fast](https://evil.example/){ data-md-component=search }"}, "data-md-component"),
        ({"body": "A paragraph.\n{ #content }"}, "content"),
        ({"body": "[903 times faster](#x){ .headerlink }"}, "903"),
        ({"body": "It is 2000 times faster."}, "2000"),
        ({"body": "A server has 900 tokens a second."}, "900"),
        ({"body": "They read rows 900 % better."}, "900"),
        ({"body": r"A formula $\text{<img/src=m.png>}$ here."}, "<img/src"),
        ({"body": r"A formula $\text{<details/open><summary>RAW</summary></details>}$ here."}, "<details/open"),
    ],
)
def test_what_a_question_may_not_hold_is_found_wherever_it_is_shown(given, holds):
    """A sentence that is cut for a list, a claim behind a comment that never ends, classes of the theme."""
    assert any(holds in what for what in of_question(**given)), of_question(**given)


@pytest.mark.parametrize(
    "sentence",
    ["Heads are x900 faster here.", "It is nine times faster.", "Hundreds of times faster it is.", "X40 the speed.",
     "Our kernel is twenty times as fast."],
)  # fmt: skip
def test_a_number_in_disguise_is_a_number(sentence):
    assert any("without evidence" in what for what in of_question(body=sentence)), sentence


def test_an_architecture_is_no_number():
    assert of_question(body="It runs on x86 and x86_64.") == []


@pytest.mark.parametrize("sign", ["[", "![", "[a](", "<a ", "[\n"])
def test_a_paragraph_of_thousands_of_brackets_is_refused_at_once(sign):
    """Markdown takes the square of their number: with a hundred thousand of them, hours."""
    found = of_question(body=f"A line.\n\n{sign * 100_000}")

    assert any("in a paragraph, of at most" in what for what in found)


def test_names_of_models_take_no_number_from_a_sentence():
    """A family called 0 once took every 0 out of every sentence; a name is a name only as a whole word."""
    text = Text().add("It is 900 times faster.", 1)

    assert judge(RENDERER, text, ["GPT-3"])[0]
    assert judge(RENDERER, Text().add("GPT-3 has heads.", 1), ["GPT-3"])[0] == []
    assert all(name[0].isalpha() for name in check.names(ROOT))


def test_a_picture_of_another_host_is_found_behind_a_comma():
    """A browser takes a comma without a space for one, too."""
    text = Text(plain=False).add("<img src=a.png alt=x srcset='a.png 1x,https://evil.example/x 2x'>", 1)

    assert any("evil.example" in what for what in told(text))


# --- files -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    ["results/evil_box/evil.htm", "results/evil_box/evil.svg", "results/evil_box/page.md", "questions/cost/sub/evil.md",
     "evil.markdown", "sources/evil.html", "assets/evil.html", "questions/evil.md", "notebooks/evil.ipynb"],
)  # fmt: skip
def test_a_file_that_belongs_to_nothing_is_refused(tmp_path, path):
    """A site builder makes a page of it, or hands it out as it stands."""
    file = tmp_path / "docs" / path
    file.parent.mkdir(parents=True)
    file.write_text("<script>alert(1)</script>")

    assert [mistake.path for mistake in check.strays(tmp_path)] == [f"docs/{path}"]


def test_the_checkout_has_no_stray_file_and_no_sign_that_is_not_seen():
    assert list(check.strays(ROOT)) == []


@pytest.mark.parametrize("sign", ["\u202e", "\x1b", "\u2066", "\x00"])
def test_a_sign_that_turns_or_hides_a_text_is_told_with_its_line(tmp_path, sign):
    file = tmp_path / "docs/glossary.md"
    file.parent.mkdir()
    file.write_text(f"A line.\nA {sign} in it.\n", encoding="utf-8")

    assert [(m.path, m.where) for m in check.strays(tmp_path)] == [("docs/glossary.md", "2")]


@pytest.mark.parametrize(
    ("cell", "line"),
    [("# %% [raw]\n# <form>", 1), ("# %% [md]\n# <form>", 1), ('# %% [markdown]\n"""\n<form>\n"""', 2),
     ("# %% [markdown]\n# 1) item\n#\n#      <form>", 4)],
)  # fmt: skip
def test_cells_of_a_notebook_that_are_judged_by_nothing_are_told(cell, line):
    assert next(at for at, _ in texts.odd_cells(cell)) == line
    assert list(texts.odd_cells("# %% [markdown]\n# Text.\n\n# %%\nx = 1\n")) == []


# --- sources, tables, front matter, documents --------------------------------------------------------------------

BIBTEX = """@misc{doe2020squares,
  author = {Doe, Jane}, title = {On Squares}, year = {2020}, annote = {That they exist.}, checked = {text read},
  urldate = {2026-11-01}, url = {https://example.org/a}
}
"""


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("https://example.org/a", "https://arxiv.org@evil.example/", "its url is"),
        ("https://example.org/a", "https://аrxiv.org/abs/1", "its url is"),
        ("https://example.org/a", "https://example.org/\u202ex", "its url is"),
        ("2026-11-01", "2026-02-31", "its urldate is"),
        ("2026-11-01", "0000-01-01", "its urldate is"),
        ("@misc", "<script>alert(1)</script>\n@misc", "outside its entry"),
        ("\n}\n", "\n}\n@comment{<script>}\n", "outside its entry"),
    ],
)
def test_a_source_leads_where_it_says_and_holds_nothing_else(old, new, what):
    path = ROOT / "docs/sources/doe2020squares.bib"
    assert bibliography.parse(BIBTEX, path)[1] == ()

    assert what in " ".join(map(str, bibliography.parse(BIBTEX.replace(old, new, 1), path)[1]))


def test_a_link_says_the_host_that_it_leads_to():
    """And not what stands behind another pair of slashes."""
    written = BIBTEX.replace("https://example.org/a", "https://evil.example/x?//arxiv.org/abs/1706.03762")
    source, _ = bibliography.parse(written, ROOT / "docs/sources/doe2020squares.bib")

    assert [text for text, _ in source.links] == ["evil.example"]


def test_a_table_to_download_holds_no_formula():
    rows = [{"text": '=HYPERLINK("https://evil.example")', "number": -1.5}, {"text": "@x", "number": 2}]

    assert tables.comma_separated(rows).splitlines()[1:] == ['"\'=HYPERLINK(""https://evil.example"")",-1.5', "'@x,2"]


def test_front_matter_names_no_values():
    """A few lines of them make a text of any length."""
    bomb = "---\ntitle: A\nrelated:\n  - &a [x, x]\n  - &b [*a, *a]\n---\n"
    front, [mistake] = content.split_front(bomb, ROOT / "docs/questions/a/b.md")

    assert front is None
    assert mistake.where == "4"


def test_a_document_does_not_write_over_a_themes_page():
    [part] = parts("## Question 1\nIndex?\n\n### Answer\n\nIt is so.\n")

    assert "index.md" in " ".join(map(str, document_faults(part, ROOT / "document.md", {})))


# --- results -----------------------------------------------------------------------------------------------------


@pytest.fixture
def run():
    """A timing of the checkout, and what its machine can do."""
    path = ROOT / "docs/results/epyc_2core/gqa_phases.json"
    found = results.read(path)
    limits = vetting.limits_of([found])
    assert vetting.faults(found, path, limits) == []
    return found


def of_run(run, limits=None):
    run = dataclasses.replace(run, rows_digest=results.rows_digest(run))
    return " ".join(str(mistake) for mistake in vetting.faults(run, ROOT / "x.json", limits or {}))


def with_rows(run, **new):
    return dataclasses.replace(run, rows=tuple(
        dataclasses.replace(row, **new) if row.samples and not str(row.kernel).startswith("ceiling:") else row
        for row in run.rows))  # fmt: skip


def steadiness(run, **new):
    return dataclasses.replace(run, provenance=dataclasses.replace(run.provenance, **new))


def test_times_that_no_clock_tells_are_refused_on_any_machine(run):
    """Also where no limit of the machine was measured beside them."""
    assert "which no clock times" in of_run(with_rows(run, samples=(1e-30,) * 5))
    assert "than any machine has" in of_run(with_rows(run, samples=(2e-8,) * 5))
    assert "nothing says that the kernel was right" in of_run(with_rows(run, bound=None, max_error=None))


def test_ceilings_that_no_machine_has_are_refused(run):
    ceiling = next(row for row in run.rows if row.kernel == "ceiling:fma")
    fast = dataclasses.replace(ceiling, values={"flops": 1e29})

    assert "than any machine has" in of_run(dataclasses.replace(run, rows=(*run.rows[:1], fast)))


def test_verdicts_places_and_days_are_those_of_a_run(run):
    assert "which is not the place of a timing" in of_run(dataclasses.replace(run, machine="every_machine"))
    assert "which is not the place of a timing" in of_run(dataclasses.replace(run, machine="this_build"))
    assert "of a timing" in of_run(steadiness(run, steadiness={"verdict": "not timed"}))
    assert "is steady, with" in of_run(steadiness(run, steadiness={"verdict": "steady", "median_spread": 9.9}))
    for started in ("2026-W47-1T00:00:00Z", "20261101T000000Z", "1970-01-01T00:00:00Z"):
        assert "no time with its zone" in of_run(steadiness(run, started=started))
    machine = {**run.provenance.machine, "settings": "abc"}
    assert "no settings by name" in of_run(steadiness(run, machine=machine))
    skipped = tuple(dataclasses.replace(row, samples=(), skipped="no") for row in run.rows)
    assert "none that ran" in of_run(dataclasses.replace(run, rows=skipped))


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [('"complete": true', '"complete": false, "complete": true', "stands twice"),
     ('"values": {', '"values": {"deep": ' + "[" * 20 + "]" * 20 + ", ", "deep")],
)  # fmt: skip
def test_a_run_says_each_thing_once_and_no_list_is_bottomless(tmp_path, old, new, what):
    """Of two readers one takes the first, the other the last."""
    path = tmp_path / "epyc_2core" / "gqa_phases.json"
    path.parent.mkdir()
    shutil.copy(ROOT / "docs/results/epyc_2core/gqa_phases.json", path)
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")

    with pytest.raises((Mistake, ExceptionGroup)) as error:
        results.read(path)
    assert what in str(error.value) + " ".join(map(str, getattr(error.value, "exceptions", ())))


@pytest.mark.parametrize(
    ("notebook", "line"),
    [
        ('# %% [markdown]\n# Heads.\n"<form>"\n', 3),  # text in no comment, which a converter shows all the same
        ("# ---\n# jupyter:\n#   jupytext:\n# ---\n# <form>\n", 1),  # another way to write notebooks
        ("#%% [markdown]\n# <form>\n", 1),
        ("# region [markdown]\n# <form>\n# endregion\n", 1),
        ("# + [markdown]\n# <form>\n", 1),
        ("# %%\nx = (\n", 2),
    ],
)
def test_a_notebook_is_written_in_one_way(notebook, line):
    assert line in [at for at, _ in texts.odd_cells(notebook)]


@pytest.mark.parametrize(
    ("front", "holds"),
    [
        ("title: &t \"<a href='https://evil.example/'>Log in</a>\"", "names a value with & or *"),
        ("title: A\ntemplate: redirect.html\nlocation: https://evil.example/", "has the field 'template'"),
        ("title: A\nsearch: 5", "its search is of another kind"),
        ("title: A\nsearch: {boost: 100000}", "its search is no boost"),
        ("title: A\nsearch: {boost: x}", "its search is no boost"),
        ("title: [<img src=x>]", "its title is of another kind"),
        ("title: A\nfinds: {q=1: Heads are 900 times faster}", "states '900 times'"),
        ("title: A\ndescription: Heads are 900 times faster.", "states '900 times'"),
        ("title: A\naliases: ['<!-- attnsite:calculator -->']", "holds <!--"),
        ("title: 'A", "is not YAML"),
    ],
)
def test_front_matter_of_a_page_asks_for_no_more_than_it_may(front, holds):
    found = [str(m) for m in check.in_front(content.Path("docs/evil.md"), f"---\n{front}\n---\n\n# A\n")]

    assert any(holds in each for each in found), found


def test_a_theme_has_no_text_of_its_own_and_an_honest_title():
    theme, mistakes = content.parse_theme(
        "---\ntitle: Heads are 900 times faster\norder: 9\nsummary: One.\n---\n\n<script>\n", content.Path("index.md")
    )
    assert any("has text behind" in mistake.what for mistake in mistakes)
    assert any("without evidence" in what for what in told(texts.of_theme(theme, "---\ntitle: x\n")))


@pytest.mark.parametrize(
    "sentence",
    ["It decodes 900 tokens every second.", "It serves 900 heads/ms.", "It is Figure 900 times faster.",
     "It is block 900 times faster.", "It is 2000-fold faster.", "It takes 2024 nanoseconds.", "It has 2000 GFLOP/s.",
     "6·900 times faster.", "A 900-way win.", "A 900th of the time is needed.", "Ours is .9 faster.",
     "Ours-900 times faster is ours.", "Ours is O(900 times faster)."],
)  # fmt: skip
def test_what_stands_behind_a_number_makes_a_quantity_of_it(sentence):
    assert any("without evidence" in what for what in of_question(body=sentence)), sentence


@pytest.mark.parametrize(
    ("words", "found"),
    [("nine times as ", []), ("<!--", ["has 5000 “[” and “<” in a paragraph, of at most 500"]), ("<!--\n\n", [])],
)
def test_a_long_text_of_beginnings_is_read_to_its_end(words, found):
    """It took minutes, by the square of its length; no duration is asserted, whoever waits will notice."""
    assert of_question(body="A line.\n\n" + words * (20_000 // len(words))) == found


def test_what_no_run_writes_is_a_line_and_no_traceback(run):
    odd = [
        ("steadiness", {"verdict": "steady", "median_spread": "x"}),
        ("machine", {"caches": "x"}),
        ("machine", {"cpu": "Fast\n\n# Log in\n{ .md-dialog }"}),
        ("machine", {"cpu": "x" * 10**6}),
    ]
    for part, value in odd:
        known = {**getattr(run.provenance, part), **value}
        changed = dataclasses.replace(run, provenance=dataclasses.replace(run.provenance, **{part: known}))
        assert vetting.faults(changed, content.Path("a.json"), {}), value
