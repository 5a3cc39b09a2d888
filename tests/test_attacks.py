"""A pull request with something bad in a field: refused with its file, and nothing of it reaches a page."""

import dataclasses
import json
import os
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from attnsite.content import marks, sources, texts
from attnsite.content import questions as content
from attnsite.content.evidence import Evidence
from attnsite.content.judging import Text, judge
from attnsite.intake import drafts
from attnsite.intake.document import faults as document_faults
from attnsite.intake.document import parts
from attnsite.measure import candidates
from attnsite.records import csv_tables, ordinary, registry, run_file, vetting
from attnsite.records.mistakes import Mistake
from attnsite.site import about, tables
from attnsite.site.answers import Answers
from attnsite.site.builders import checks, result_checks
from attnsite.site.checkout import Checkout
from attnsite.site.disk_cache import Cache
from attnsite.site.figures import figure_checks
from attnsite.site.markdown.rendering import Renderer
from tests import checkouts
from tests.conftest import ROOT

RENDERER = Renderer(about.configuration(ROOT))
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
    if question is None:
        return [mistake.what for mistake in mistakes]
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
    assert all(name[0].isalpha() for name in checks.names())


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

    assert [mistake.path for mistake in checks.strays(tmp_path)] == [f"docs/{path}"]


def test_the_checkout_has_no_stray_file_and_no_sign_that_is_not_seen():
    assert list(checks.strays(ROOT)) == []


@pytest.mark.parametrize("sign", ["\u202e", "\x1b", "\u2066", "\x00"])
def test_a_sign_that_turns_or_hides_a_text_is_told_with_its_line(tmp_path, sign):
    file = tmp_path / "docs/glossary.md"
    file.parent.mkdir()
    file.write_text(f"A line.\nA {sign} in it.\n", encoding="utf-8")

    assert [(m.path, m.where) for m in checks.strays(tmp_path)] == [("docs/glossary.md", "2")]


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
    assert sources.parse(BIBTEX, path)[1] == ()

    assert what in " ".join(map(str, sources.parse(BIBTEX.replace(old, new, 1), path)[1]))


def test_a_link_says_the_host_that_it_leads_to():
    """And not what stands behind another pair of slashes."""
    written = BIBTEX.replace("https://example.org/a", "https://evil.example/x?//arxiv.org/abs/1706.03762")
    source, _ = sources.parse(written, ROOT / "docs/sources/doe2020squares.bib")

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


def test_a_document_is_weighed_part_by_part(tmp_path):
    """A part that would take minutes to read is refused, and the others drafted."""
    written = "## Question 1\nWhat is a head?\n\n### Answer\n\n" + "<!--\n\n" * 10_000
    written += "## Question 2\nWhat is a key?\n\n### Answer\n\nA row.\n"
    (tmp_path / "a.md").write_text(written, encoding="utf-8")
    report = drafts.intake(tmp_path / "a.md", tmp_path, "drafts")

    assert (report.drafted, report.refused) == (1, 1)
    assert ["of at most 100 in a text" in mistake.what for mistake in report.mistakes] == [True]


def test_a_figure_that_cannot_be_told_of_a_run_names_the_run():
    """Where all runs of several lack the same, it is the figure's own fault, and said once."""
    odd, file = (
        Mistake("attnsite/figures/a.py", "", "its docstring asks for {b}", "give it"),
        Path("docs/results/m/a.json"),
    )

    assert "docs/results/m/a.json" in figure_checks._of_which(odd, {"m": [odd], "n": []}, file).what
    assert figure_checks._of_which(odd, {"m": [odd], "n": [odd]}, file) == odd


# --- results -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    ["Ours is 9[=a.b c] faster", "Ours is nine[=a.b c]", "−[=a.b c]", "[=a.b c]00 slower", "0.[=a.b c]", "[=a.b c]M",
     "[=a.b c in -1e400..1e400]", "[=a.b c in 0..1e999]"],
)  # fmt: skip
def test_a_number_stands_apart_and_its_range_has_ends(text):
    """What stands at its side would be read as a part of it, and what is without end says nothing."""
    assert len(marks.malformed(text)) == 1
    assert marks.malformed("By ([=a.b c in 0..2]), by *[=a.b c]*; and [=a.b c].") == []


@pytest.mark.parametrize("ends", ["-1e300..1e300", "0..1e9"])
def test_a_range_that_everything_lies_in_is_refused(ends):
    """A sentence that it holds would hold for any other number."""
    evidence = Evidence(ROOT)
    [mark] = marks.marks(f"[=causal_by_block.mask_middle epyc_2core in {ends}]")
    with pytest.raises(Mistake, match="which nearly every number lies in"):
        evidence.number(mark)


def test_a_figure_that_ends_the_program_is_a_mistake_of_its_file(run):
    """With whatever status: the gate would be green, and what else is wrong untold."""
    evidence = Evidence(ROOT)
    evidence._figures["ends"] = SimpleNamespace(EXPERIMENT=run.experiment, values=lambda run: sys.exit(0))
    with pytest.raises(Mistake, match=r"attnsite/figures/ends\.py: raises SystemExit"):
        evidence.values("ends", run)


def test_a_case_of_code_that_changed_may_hold_what_tables_hold():
    """A contributor who adds a model to a table is told that its counts are stale, and not that they are strange."""
    case = {"name": "gpt-oss 120B", "parts_from": "openai/gpt-oss, commit 7b58334a: `model.py` & config"}
    assert vetting._strange(case | {"parts_from": "openai/gpt-oss, commit 7b58334a; “config.json”"}, "count") == ""
    assert vetting._strange(case | {"parts_from": "[a](https://x.y)"}, "count") != ""


@pytest.fixture
def run():
    """A timing of the checkout, and what its machine can do."""
    path = ROOT / "docs/results/epyc_2core/gqa_phases.json"
    found = run_file.read(path)
    limits = vetting.limits_of([found])
    assert vetting.faults(found, path, limits) == []
    return found


def of_run(run, limits=None):
    run = dataclasses.replace(run, rows_digest=run_file.rows_digest(run))
    return " ".join(str(mistake) for mistake in vetting.faults(run, ROOT / "x.json", limits or {}))


def with_rows(run, **new):
    return dataclasses.replace(run, rows=tuple(
        dataclasses.replace(row, **new) if row.samples and not str(row.kernel).startswith("ceiling:") else row
        for row in run.rows))  # fmt: skip


def steadiness(run, **new):
    return dataclasses.replace(run, provenance=dataclasses.replace(run.provenance, **new))


def test_times_that_no_clock_tells_are_refused_on_any_machine(run):
    """Also where no limit of the machine was measured beside them."""
    assert "less than clocks resolve" in of_run(with_rows(run, samples=(1e-30,) * 5))
    assert "than any machine reaches" in of_run(with_rows(run, samples=(2e-8,) * 5))
    assert "nothing says that the kernel was right" in of_run(with_rows(run, bound=None, max_error=None))


def test_ceilings_that_no_machine_has_are_refused(run):
    ceiling = next(row for row in run.rows if row.kernel == "ceiling:fma")
    fast = dataclasses.replace(ceiling, values={"flops": 1e29})

    assert "than any machine reaches" in of_run(dataclasses.replace(run, rows=(*run.rows[:1], fast)))


def test_verdicts_places_and_days_are_those_of_a_run(run):
    assert "which is not the place of a timing" in of_run(dataclasses.replace(run, machine="every_machine"))
    assert "which is not the place of a timing" in of_run(dataclasses.replace(run, machine="this_build"))
    assert "of a timing" in of_run(steadiness(run, steadiness={"verdict": "not timed"}))
    assert "is steady, with" in of_run(steadiness(run, steadiness={"verdict": "steady", "median_spread": 9.9}))
    for started in ("2026-W47-1T00:00:00Z", "20261101T000000Z", "1970-01-01T00:00:00Z"):
        assert "not a time with a time zone" in of_run(steadiness(run, started=started))
    machine = {**run.provenance.machine, "settings": "abc"}
    assert "not settings by name" in of_run(steadiness(run, machine=machine))
    skipped = tuple(dataclasses.replace(row, samples=(), skipped="no", skip_code="refused") for row in run.rows)
    assert "no row that was measured" in of_run(dataclasses.replace(run, rows=skipped))


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [('"complete": true', '"complete": false, "complete": true', "duplicate key"),
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
        run_file.read(path)
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
        ("""description: '.;url=https://evil.example/" http-equiv="refresh'""", 'its description holds a "'),
        ("title: 'a\" onclick=\"x'", 'its title holds a "'),
        (r'title: "a\u202eb"', "the character U+202E"),
        (r'description: "\x3c!-- a"', "holds <!--"),
        ("finds: {'https://evil.example/': Log in here}", "its finds lead elsewhere"),
        ("finds: {'?x': a}", "its finds lead elsewhere"),
        ("hide: [evil]", "its hide holds 'evil'"),
        ("hide: [[toc]]", "its hide holds"),
        ("aliases: ['</script><script>alert(1)</script>']", "more than words to search by"),
        ("aliases: [[a]]", "more than words to search by"),
    ],
)
def test_front_matter_of_a_page_asks_for_no_more_than_it_may(front, holds):
    """Nor does it become an attribute of the page's head, or lead elsewhere."""
    found = [str(m) for m in checks.in_front(content.Path("docs/evil.md"), f"---\n{front}\n---\n\n# A\n")]

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
    [("nine times as ", ""), ("<!--", "has 5000 “[” and “<” in a paragraph, of at most 500"),
     ("<!--\n\n", "holds 3333 “<!--”, of at most 100 in a text"), ("O(", "has 10000 “{” and “(” in a paragraph"),
     ("`x` ", "has 10000 “`” in a paragraph"), ("$a ", "has 6666 “$” in a paragraph"),
     ("a*b ", "has 5000 “*” and “_” in a paragraph"), ("a" * 2001, "has a word of 18009 letters"),
     ("{" * 21, "braces in one another"), ("word " * 20_000, "letters in a paragraph, of at most"),
     (" ".join("`" * count for count in range(1, 500)), "“`” in a paragraph, of at most 300"),
     ("- " * 13 + "x\n\n", "begins with 13 signs of lists"), ("> " * 2000, "begins with 2000 signs"),
     ("\n".join(" " * 4 * deep + "- x" for deep in range(22)), "begins in column 85"),
     ("1. " * 400 + "x\n\n", "begins with 400 signs")],
)  # fmt: skip
def test_a_long_text_of_beginnings_is_read_to_its_end_or_refused_at_once(words, found):
    """It took minutes, by the square of its length; no duration is asserted, whoever waits will notice."""
    told = of_question(body="A line.\n\n" + words * (20_000 // len(words) or 1))

    assert any(found in what for what in told) if found else told == []


@pytest.mark.parametrize("text", ["<!--\n\n" * 10_000, "O(" * 20_000, "- " * 800 + "x", "`" * 40_000])
def test_a_page_and_a_notebook_are_looked_at_before_they_are_read(tmp_path, text):
    """Of a page nothing else is said then; the text of a notebook's cell is a text as any other."""
    checkouts.fill(tmp_path)
    cell = "\n".join(f"# {line}" for line in text.split("\n"))
    checkouts.put(tmp_path, "docs/method.md", f"# A\n\n{text}\n")
    checkouts.put(tmp_path, "docs/notebooks/a.py", f"# %% [markdown]\n{cell}\n")
    written = {Path("docs/method.md"), Path("docs/notebooks/a.py")}

    assert {
        Path(m.path) for m in checks.in_texts(Answers.load(tmp_path), only=written) if "of at most" in m.what
    } == written


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


# --- files that are none, and pages that stand where others do -----------------------------------------------------

IN_THE_PLACE_OF_A_FILE = [
    "docs/foo.md", "docs/notebooks/foo.py", "docs/questions/shapes/foo.md", "docs/questions/new/index.md",
    "docs/sources/foo.bib", "docs/results/epyc_2core/foo.json", "docs/assets/foo.js", "docs/questions/shapes/index.md",
]  # fmt: skip


@pytest.mark.parametrize("kind", ["folder", "nowhere", "elsewhere", "endless", "pipe"])
def test_what_is_no_file_is_told_and_never_opened(tmp_path, monkeypatch, kind):
    """A folder with the name of a file, a link to nowhere, to somebody's file or to a device, and a pipe."""
    checkouts.register(monkeypatch)
    root = checkouts.fill(tmp_path / "root")
    secret = tmp_path / "secret"
    secret.write_text("---\ntitle: Told to nobody\n---\n<form>", encoding="utf-8")
    for place in (root / path for path in IN_THE_PLACE_OF_A_FILE):
        place.unlink(missing_ok=True)
        place.parent.mkdir(parents=True, exist_ok=True)
        if kind == "folder":
            place.mkdir()
            (place / "inside").write_text("x", encoding="utf-8")
        elif kind == "pipe":
            os.mkfifo(place)
        else:
            place.symlink_to({"nowhere": "/nowhere", "elsewhere": secret, "endless": "/dev/zero"}[kind])
    told = list(map(str, checks.check(root)))

    for path in IN_THE_PLACE_OF_A_FILE:
        assert any(path in each and ("not a file" in each or "no file that" in each) for each in told), (path, told)
    assert not any("Told to nobody" in each or "<form>" in each for each in told)


def test_a_table_of_experiments_that_is_a_link_is_told_and_not_opened(tmp_path, monkeypatch):
    (tmp_path / "attnsite/experiments").mkdir(parents=True)
    (tmp_path / "attnsite/experiments/foo.csv").symlink_to("/nowhere")
    (tmp_path / "attnsite/experiments/foo.py").mkdir()
    monkeypatch.setattr(registry, "ROOT", tmp_path / "attnsite")

    assert ["is a link" in mistake.what for mistake in csv_tables.faults()] == [True]
    assert [m.path.rpartition("/")[2] for m in ordinary.faults(tmp_path, [Path("attnsite")])] == ["foo.csv", "foo.py"]


def test_a_folder_behind_a_link_is_not_entered(tmp_path):
    (tmp_path / "other/cost").mkdir(parents=True)
    (tmp_path / "other/cost/a.md").write_text("<form>", encoding="utf-8")
    (tmp_path / "root/docs").mkdir(parents=True)
    (tmp_path / "root/docs/questions").symlink_to(tmp_path / "other")

    assert [m.path for m in checks.strays(tmp_path / "root")] == ["docs/questions"]
    assert content.read_questions(tmp_path / "root") == ([], [])


def test_a_file_too_large_to_be_a_text_is_not_read(tmp_path):
    (tmp_path / "docs/sources").mkdir(parents=True)
    (tmp_path / "docs/sources/a.bib").write_text("x" * 2**17, encoding="utf-8")

    assert ["of at most" in m.what for m in checks.strays(tmp_path)] == [True]
    assert sources.read_sources(tmp_path) == ({}, [])


@pytest.mark.parametrize(
    "path",
    ["__pycache__evil.html", "__pycache__/evil.html", "assets/__pycache__x/evil.svg", "notebooks/__pycache__/evil.py",
     "evidence.md", "machines.md", "sources.md", "kernels.md", "peers.md", "README.md", "readme.md", "404.md",
     "Evidence.md", "questions.md", "figures.md", "results.md", "search.md", "feed.xml.md", "notebooks/index.py"],
)  # fmt: skip
def test_a_page_beside_or_over_another_is_refused(tmp_path, path):
    """Names that begin like a folder of compiled files, and addresses of what the build makes."""
    (tmp_path / "docs" / path).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / "docs" / path).write_text("# A\n", encoding="utf-8")

    assert [mistake.path for mistake in checks.strays(tmp_path)] == [f"docs/{path}"]


def test_compiled_files_and_hidden_ones_are_nobodys_pages(tmp_path):
    for path in ("notebooks/__pycache__/a.cpython-311.pyc", ".hidden.md", ".git/x.md"):
        (tmp_path / "docs" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "docs" / path).write_text("<form>", encoding="utf-8")

    assert list(checks.strays(tmp_path)) == []
    assert checks.pages(Checkout.load(tmp_path)) == []


def test_a_notebook_that_is_not_utf_8_is_told(tmp_path):
    checkouts.fill(tmp_path)
    (tmp_path / "docs/notebooks").mkdir()
    (tmp_path / "docs/notebooks/a.py").write_bytes("# %% [markdown]\n# é\n# <form>\n".encode("latin-1"))

    assert [m.what for m in checks.in_texts(Answers.load(tmp_path), only=[Path("docs/notebooks/a.py")])] == [
        "is not UTF-8"
    ]


@pytest.mark.parametrize("code", ["x = " + "a." * 20_000 + "a", "x = " + "-" * 100_000 + "1", "(" * 5000 + ")" * 5000])
def test_code_that_is_nested_without_end_is_a_line(code):
    assert [line for line, _ in texts.odd_cells(f"# %%\n{code}\n")] != []


def test_a_link_with_a_name_that_no_file_can_have_is_told(tmp_path):
    checkouts.fill(tmp_path)
    found = list(checks.links(tmp_path, Path("docs/method.md"), f"[a]({'a' * 300}.md) [b](../../../etc/x.md)", 1))

    assert ["which is not there" in m.what for m in found] == [True, True]
    assert all(len(m.what) < 200 for m in found)


def test_two_files_that_share_an_order_or_a_name_are_both_told(tmp_path):
    """Which of them came later is not to be seen in them."""
    checkouts.fill(tmp_path)
    checkouts.put(tmp_path, "docs/questions/shapes/a_volume.md", checkouts.question(title="How large is a cube?"))
    checkouts.put(tmp_path, "docs/questions/solids/index.md", checkouts.THEME.format(title="Solids"))
    checkouts.put(tmp_path, "docs/questions/solids/area.md", checkouts.question(title="How large is a ball?"))
    told = {
        (m.path.removeprefix("docs/questions/"), m.what.split(" of ")[0])
        for m in checks.in_texts(Answers.load(tmp_path))
    }

    assert {("shapes/area.md", "has the order 1, as a_volume.md has"),
            ("shapes/a_volume.md", "has the order 1, as area.md has"), ("shapes/area.md", "has the name"),
            ("solids/area.md", "has the name"),
            ("shapes/index.md", "has the order 1, as docs/questions/solids/index.md has"),
            ("solids/index.md", "has the order 1, as docs/questions/shapes/index.md has")} <= told  # fmt: skip


# --- front matter as it reads ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("title: What is a head?", r'title: "a\u202ebcd\u202c"', "the character U+202E"),
        ("title: What is a head?", r'title: "a\ud800b"', "the character U+D800"),
        ("title: What is a head?", r'title: "a\u200bb"', "the character U+200B"),
        ("answer: It is so.", r'answer: "x\u202e fed."', "the character U+202E"),
        ("answer: It is so.", r'answer: "\x3c!-- so."', "holds <!--"),
        ("claims: []", r'claims: [opinion: "x\x3c!-- so."]', "holds <!--"),
        ("claims: []", r'claims: []' + "\n" + r'aliases: ["\u202ea"]', "the character U+202E"),
        ("claims: []", "claims: []\naliases: ['</script><script>alert(1)</script>']", "more than words to search by"),
        ("claims: []", "claims: []\naliases: [ours is 900 times faster]", "more than words to search by"),
        ("claims: []", f"claims: []\nrelated: [0x{'F' * 1900}]", "[]"),
        ("claims: []", f"claims: []\naliases: [0x{'F' * 1900}]", "is not what people type"),
        ("claims: []", f"claims:\n  - ? 0x{'F' * 1900}\n    : x", "no claim of kind"),
        ("order: 1", f"order: 0x{'F' * 1900}", "its order is not a whole number"),
        ("order: 1", "order: 0xFFF", "its order is not a whole number"),
        ("order: 1", "order: 9" + "9" * 5000, "has a word of 5001 letters"),
        ("order: 1", "order: 1:30", "its order is not a whole number"),
        ("order: 1", f"order: {'9' * 1900}", "its order is not a whole number"),
        ("claims: []", "claims: []\nasked: 0001-01-01", "before there was a site"),
        ("claims: []", "claims: []\nrelated: [slug]", "relates to itself"),
    ],
)  # fmt: skip
def test_a_value_is_judged_as_it_reads_and_not_as_it_is_written(old, new, what):
    """Escapes of YAML, numbers of another base, of hours, or of thousands of digits."""
    written = "---\ntitle: What is a head?\norder: 1\nanswer: It is so.\nclaims: []\n---\n\nText.\n"
    assert old in written
    question, mistakes = content.parse_question(written.replace(old, new), content.FOLDER / "theme" / "slug.md")

    assert what == "[]" or any(what in mistake.what for mistake in mistakes), mistakes
    assert what != "[]" or (question and not mistakes)
    assert all(len(str(mistake)) < 400 for mistake in mistakes)


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [("year = {2020}", "year = {0000}", "its year is"), ("author = {Doe, Jane}", "author = {{}}", "has no author"),
     ("title = {On Squares}", "title = {\u200b}", "the character U+200B"),
     ("url = {https://example.org/a}", "doi = {10.1234/../../evil}", "its doi is"),
     ("https://example.org/a", "https://./", "its url is"), ("https://example.org/a", "https://-a.org/", "its url is")],
)  # fmt: skip
def test_a_source_has_a_year_a_name_and_an_address(old, new, what):
    path = ROOT / "docs/sources/doe2020squares.bib"

    assert what in " ".join(map(str, sources.parse(BIBTEX.replace(old, new, 1), path)[1]))


# --- what a text does to the texts beside it -------------------------------------------------------------------------


@pytest.mark.parametrize("defines", ["*[model]: Ours is fine", "[model]: https://evil.example/ 'Log in'"])
def test_a_text_between_those_of_others_defines_nothing(defines):
    """A theme's summary, an answer and a claim are shown on pages of many."""
    theme, _ = content.parse_theme(f"---\ntitle: A\norder: 9\nsummary: {json.dumps(defines)}\n---\n", Path("index.md"))
    assert any("defines 'model'" in what for what in told(texts.of_theme(theme, "")))
    assert any("defines 'model'" in what for what in of_question(answer=defines))
    assert any("defines 'model'" in what for what in of_question(claim=defines))
    assert not any("defines" in what for what in of_question(body=f"A model.\n\n{defines}"))


def test_an_abbreviation_is_judged_where_it_is_defined():
    """Whether the text uses it, or the words of the page around it do."""
    for body in ("*[Related]: Ours is 902 times faster", "[a]: ../x.md 'Ours is 902 times faster'"):
        assert any("states '902 times' without evidence" in what for what in of_question(body=body))
    assert of_question(body="HTML is.\n\n*[HTML]: Hyper") == []


@pytest.mark.parametrize(
    "body",
    ["Text.\n\n<!-- the end of the body", "Text.\n\n```python\nx = 1", "Text.\n\n~~~\nx"],
)  # fmt: skip
def test_what_a_body_leaves_open_takes_in_nothing_behind_it(body):
    """The template has a comment and a block of code there, with an end each."""
    assert any("open" in what for what in of_question(body=body)), of_question(body=body)


@pytest.mark.parametrize(
    ("body", "holds"),
    [
        ("## Heads { data-toc-label='Ours is quick' }", "data-toc-label"),
        ("## What { #sources }", "the id 'sources'"),
        ("## Related questions", "the id 'related-questions'"),
        ("It is &#x202e;fed&#x202c;.", "the character U+202E"),
        ("It is&shy;so.", "the character U+00AD"),
    ],
)
def test_a_body_takes_no_place_of_its_pages_own(body, holds):
    assert any(holds in what for what in of_question(body=body)), of_question(body=body)


@pytest.mark.parametrize(
    "label", ["<label for=__search>x</label>", "<label for='__drawer'>x</label>", "<a name=__x>x</a>"]
)
def test_a_page_names_nothing_of_the_theme(label):
    assert any("__" in what for what in told(Text(plain=False).add(label, 1)))


# --- numbers -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sentence",
    [
        # letters, dots and markup before the digits
        "It is ...900 times faster.", "It is a900 times faster.", "It isé900 times faster.", "It is ª900 times faster.",
        "It is<kbd>900</kbd> times faster.", "It is**900** times faster.", "It is<small>900</small> % better.",
        "It is<sub>900</sub> quicker.", "It is faster by.900 times.", "It wins by-900-percent.",
        "It is x86.900 faster.",
        "It is <b>9</b>00 quicker.", "Ours-90 quicker it is.", "It is ⁹⁰⁰ quicker.", "It is ９００ quicker.",
        "It is ⑨ quicker.",
        # years that are none
        "It is faster by a factor of 2000.", "The speed-up is 2000.", "It takes 2000 s.", "It takes 2000 μs.",
        "It takes 2000 sec.", "It takes 2000 min.", "It draws 2000 W.", "It does 2000 GFLOPS.",
        "It serves 2000 requests a second.", "It needs 2000 cycles.", "It costs 2000 dollars less.",
        "It takes 1900 joules.",
        "In 2000 cycles it ends.", "It wins (fast, 2000).",
        # settings and names that are none
        "In a second it decodes 900 tokens.", "It decodes 900 tokens (per second).",
        "It decodes the 900 tokens within a second.",
        "The 900 tokens are decoded each second.", "It is 900 heads faster.", "We save 900 cores.", "It wins with 900.",
        "It is 900·times faster.", "Ours is O(900 GB/s).", "Ours is O(900x).", "It is 99-way faster.",
        "A 900th the time.",
        "It is 900-bit faster.", "It is batch 900 quicker.", "It is Eq. 900 quicker.", "It is 16-bit faster.",
        "Our A900 the speed.", "A tenfold faster one is 4.",
        # titles and labels on what is silent
        "`x`{ title='Ours is 906 times faster' }", "`x`{ aria-label='Ours is 906 times faster' }",
        '[¶](https://evil.example/ "Ours is 908 times faster")', "[![Ours is 900 times faster](card.png)¶](#a)",
        # what asks nothing
        '??? note "Ours is 900 times faster. Why?"\n\n    x', '!!! note "Ours is 900 times faster?"\n\n    x',
        "Ours is 900 times faster, is it not?", '??? question "Ours is 900 times faster. Why?"\n\n    x',
    ],
)  # fmt: skip
def test_digits_that_stand_for_a_finding_need_evidence(sentence):
    assert any("without evidence" in what for what in of_question(body=sentence)), sentence


@pytest.mark.parametrize(
    "sentence",
    ["In 2017 the paper appeared.", "Before 2025 that is so, and in 2024, too.", "A paper (Doe et al., 2020) says so.",
     "At 1000 tokens all 48 layers keep them.", "With 32 query heads of width 128 it is so.",
     "Heads of 64 in a small model.",
     "The heads stay 2048 wide.", "An H200, an A100 and GPT-3 175B run FlashAttention-2.", "x86_64, sm_90 and float32.",
     "6·N and 12·L·H·Q·T are terms.", "It is O(n^2) or O(n log n).", "Table 3 and Section 3.2.2 have it.",
     "A 384-layer single-head model.", "Where 16-bit numbers are kept.", "Should a head be 64 or 128 wide?",
     '??? question "A kernel takes 12 ms for 8 heads. How fast is that?"\n\n    Fast.',
     "The matrix is H·N<sup>2</sup> large."],
)  # fmt: skip
def test_what_names_places_and_sets_states_nothing(sentence):
    assert of_question(body=sentence) == [], sentence


# --- runs --------------------------------------------------------------------------------------------------------


def of_machine(run, part, **new):
    known = {**getattr(run.provenance, part), **new}
    return of_run(dataclasses.replace(run, provenance=dataclasses.replace(run.provenance, **{part: known})))


def test_provenance_names_a_machine_and_says_no_more(run):
    assert "says more than a name" in of_machine(run, "machine", cpu="Log in at https://evil.example, 916 times faster")
    assert "says more than a name" in of_machine(run, "machine", cpu="See evil.example")
    assert "says more than a name" in of_machine(run, "software", numpy="2.0, nine times quicker")
    assert "is not what a run says" in of_machine(run, "machine", note="Ours is quick")
    assert "is not what a run says" in of_machine(run, "steadiness", note="Ours is quick")
    assert "which is not a commit hash" in of_machine(run, "software", commit="../../evil")


@pytest.mark.parametrize(
    ("field", "value"),
    [("skipped", "<img src=x onerror=alert(1)> and so on"), ("skipped", "[Log in](https://evil.example/)"),
     ("skipped", "Ours is 914 times faster"), ("skipped", "x" * 301), ("skipped", "a\u202eb"),
     ("values", {"note": "[Log in](https://evil.example/)"}), ("kernel_digest", "<b>"), ("kernel", "cpu_<b>")],
)  # fmt: skip
def test_a_row_says_why_it_was_skipped_and_nothing_else(run, field, value):
    row = dataclasses.replace(
        run.rows[0], **({"samples": (), "values": {}} if field == "skipped" else {}) | {field: value}
    )

    assert f"row 1.{field}" in of_run(dataclasses.replace(run, rows=(row, *run.rows[1:])))


def test_what_a_library_said_is_tidied_before_it_is_published():
    said = candidates.without_folders("failed: <class 'x'> of [a](https://evil.example/) in /home/me/x.py")

    assert not vetting._says_more(said)


def test_a_run_of_no_experiment_is_refused(tmp_path):
    path = tmp_path / "docs/results/epyc_2core/ours_is_918_times_faster.json"
    path.parent.mkdir(parents=True)
    text = (ROOT / "docs/results/epyc_2core/gqa_phases.json").read_text(encoding="utf-8")
    path.write_text(text.replace('"gqa_phases"', '"ours_is_918_times_faster"'), encoding="utf-8")
    _, found = checks.committed_results(Checkout.load(tmp_path))

    assert any(m.where == "experiment" and "no experiment" in m.what for m in found)


def without(run, keeps):
    rows = tuple(row for row in run.rows if keeps(row))
    assert 0 < len(rows) < len(run.rows)
    return of_run(dataclasses.replace(run, rows=rows))


def test_a_complete_run_has_what_was_asked_and_every_part_of_it_in_every_case(run):
    """The experiment tells the cases where it is as it was; the run itself what each of them has."""
    asked_of = result_checks.asked_of(Cache(ROOT), run)
    kept = [row for row in run.rows if row.case["queries"] != run.rows[0].case["queries"]]
    fewer = dataclasses.replace(run, rows=tuple(kept))
    found = vetting.faults(
        dataclasses.replace(fewer, rows_digest=run_file.rows_digest(fewer)), Path("a.json"), {}, asked_of
    )
    assert [(m.where, m.what.split(" of ")[0].startswith("lack ")) for m in found] == [("rows", True)]
    kernel = run.rows[0].kernel
    case = run.rows[0].case
    assert "rows: lack 1 of" in without(run, lambda row: (row.kernel, row.case) != (kernel, case))
    partly = dataclasses.replace(run, complete=False)
    assert "lack" not in without(partly, lambda row: (row.kernel, row.case) != (kernel, case))


def test_a_complete_study_has_every_seed_in_every_case():
    path = ROOT / "docs/results/epyc_2core/softmax_error.json"
    study = run_file.read(path)
    last = study.rows[-1]

    assert "rows: lack 1 of" in without(study, lambda row: row is not last)


def test_a_run_lacks_what_another_machines_run_of_the_same_code_has(run):
    first = run.rows[0].case
    fewer = dataclasses.replace(run, rows=tuple(row for row in run.rows if row.case != first))
    found = list(vetting.beside({Path("a.json"): run, Path("b.json"): fewer}))

    assert [(m.path, m.where) for m in found] == [("b.json", "rows")]


def test_a_run_that_lacks_rows_is_told_and_not_the_texts_that_quote_it(tmp_path):
    """Nor the figures that show it: whoever mends the run mends them all."""
    shutil.copytree(ROOT / "docs", tmp_path / "docs", ignore=shutil.ignore_patterns("assets"))
    shutil.copy(ROOT / "mkdocs.yml", tmp_path)
    path = tmp_path / "docs/results/epyc_2core/causal_by_block.json"
    run = run_file.read(path)
    rows = tuple(row for row in run.rows if row.case["queries"] not in (128, 256, 2048))
    run_file.write(dataclasses.replace(run, rows=rows), path)
    shutil.copytree(ROOT / ".cache/attnsite/kept", tmp_path / ".cache/attnsite/kept", dirs_exist_ok=True)

    assert [(m.path, m.where) for m in checks.check(tmp_path)] == [
        ("docs/results/epyc_2core/causal_by_block.json", "rows")
    ]
