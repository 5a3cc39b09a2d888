"""Questions, sources, marks, evidence and the check: what is read, and every mistake with its place."""

import importlib.util
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pybtex.backends.plaintext import Backend
from pybtex.richtext import Text

from attnsite import cli
from attnsite.content import questions as content
from attnsite.content import sources as bibliography
from attnsite.content.evidence import Evidence
from attnsite.content.questions import Cite, Number
from attnsite.records import registry
from attnsite.records.mistakes import Mistake
from attnsite.records.nearest import nearest
from attnsite.site.answers import Answers
from attnsite.site.builders import checks
from attnsite.site.checkout import Checkout
from attnsite.site.figures import figure_checks
from tests import checkouts

ROOT = Path(__file__).parents[1]
QUESTION = """---
title: What is a head?
order: 1
answer: One softmax over [=depth_or_heads.bert_large_weights] weights.
claims:
  - counted: The weights are the same. [=depth_or_heads.deep_divided_mlp_ratio in 1..1]
  - cited: Somebody said so. [@doe2020heads]
---

## A section

A head is one softmax [@doe2020heads §2; @doe2020heads].
The deep one has [=depth_or_heads.deep_full_mlp_ratio] as many weights.

```figure
depth_or_heads
```

??? question "How many?"

    Two, see [@doe2020heads].
"""
SOURCE = """@misc{doe2020heads,
  author = {Doe, Jane and M{\\"u}ller, A.},
  title = {On {Heads}},
  year = {2020},
  url = {https://example.org/heads},
  annote = {That heads exist.},
  checked = {text read}
}
"""
THEME = "---\ntitle: Cost\norder: 1\nsummary: What it costs.\n---\n"


@pytest.fixture
def checkout(tmp_path):
    for path, text in (
        ("mkdocs.yml", "site_name: test\n"),
        ("docs/index.md", "# Home\n\n[A question](questions/cost/heads.md)\n"),
        ("docs/questions/cost/index.md", THEME),
        ("docs/questions/cost/heads.md", QUESTION),
        ("docs/sources/doe2020heads.bib", SOURCE),
    ):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text, encoding="utf-8")
    assert cli.main(["--root", str(tmp_path), "measure", "depth_or_heads"]) == 0
    return tmp_path


def change(checkout, old, new, path="docs/questions/cost/heads.md"):
    file = checkout / path
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_a_question_is_read_with_everything_in_it(checkout):
    """Front matter, claims with their marks, the body with its lines, worked problems."""
    [question] = content.load_questions(checkout)

    assert (question.theme, question.slug, question.order) == ("cost", "heads", 1)
    assert [(claim.kind, claim.text) for claim in question.claims] == [
        ("counted", "The weights are the same."),
        ("cited", "Somebody said so."),
    ]
    assert question.body_line == 9
    assert question.problems[0].title == "How many?"
    assert content.load_themes(checkout)[0].summary == "What it costs."


def test_a_source_is_read_without_its_tex(checkout):
    """Accents are letters, braces are gone, names are there to cite by."""
    source = content.load_sources(checkout)["doe2020heads"]

    assert (source.title, source.short) == ("On Heads", "Doe and Müller 2020")
    assert source.links == (("example.org", "https://example.org/heads"),)


def test_marks_are_found_outside_code_and_formulas_only():
    """Both kinds with all their parts; none in code, formulas, comments and links."""
    text = (
        "A [@a2020b §3.1; @c1999d, Table 2] and [=f.v], [=f.v here in -1.5..2e3].\n"
        "`[@no1]` $[@no2]$ <!-- [@no3] --> [@no4](there)\n\n```\n[=no.no]\n```\n"
    )

    cite, plain, ranged = content.marks(text)
    assert isinstance(cite, Cite)
    assert [(r.key, r.locator) for r in cite.references] == [("a2020b", "§3.1"), ("c1999d", "Table 2")]
    assert isinstance(plain, Number)
    assert (plain.figure, plain.value, plain.machine, plain.low) == ("f", "v", None, None)
    assert (ranged.machine, ranged.low, ranged.high) == ("here", -1.5, 2000.0)
    assert text[ranged.start : ranged.end] == ranged.source


@pytest.mark.parametrize(
    ("latex", "text"),
    [
        ("39 % more", "39 % more"),
        (r"39\% more", "39% more"),
        (r"{M}\"{u}ller \& S\o n", "Müller & Søn"),
        ("$n^2$", "n²"),
    ],
)
def test_text_of_a_source_is_plain_and_whole(latex, text):
    """Accents are letters, braces go, and a percent sign hides nothing behind it."""
    assert bibliography.plain(latex) == text


def test_text_without_tex_is_read_as_tex_would_be():
    """It is told from text that holds some, and not read for it: that is most of what sources hold."""
    letters = [chr(code) for code in (*range(32, 127), 0xE9, 0x2013, 0x2019, 0x2003)]
    texts = [f"a{one}{other}b" for one in letters for other in letters]
    plainly = [text for text in texts if not bibliography._TEX.search(text)]
    other = [text for text in plainly if bibliography.plain(text) != " ".join(_by_tex(text).split())]

    assert other == []
    assert len(plainly) > 5000


def _by_tex(text):
    return Text.from_latex(text).render(Backend()).replace("\xa0", " ")


@given(st.text(max_size=120))
def test_any_text_has_marks_or_none(text):
    """Reading marks never fails, and what is blanked keeps its length."""
    content.marks(text)
    content.malformed(text)
    content.fences(text)

    assert len(content.blank(text)) == len(text)


def test_a_number_comes_with_its_run(checkout):
    """Value, machine, state and file of a count; the range is held."""
    [mark] = content.marks("[=depth_or_heads.deep_full_mlp_ratio]")
    found = Evidence(checkout).number(mark)

    assert found.quantity.value == pytest.approx(11.0, abs=0.01)
    assert (found.machine, found.state) == ("every_machine", "fresh")
    assert (checkout / found.path).is_file()
    for text, said in (
        ("[=nobody.x]", "there is no figure"),
        ("[=depth_or_heads.nothing]", "has no value"),
        ("[=depth_or_heads.deep_full_mlp_ratio moon]", "there is no run of moon"),
        ("[=depth_or_heads.deep_full_mlp_ratio in 1..2]", "outside the 1 to 2"),
    ):
        with pytest.raises(Mistake, match=said):
            Evidence(checkout).number(content.marks(text)[0])


def test_a_checkout_without_mistakes_has_none(checkout, capsys):
    """And the command says what it looked at."""
    assert checks.check(checkout) == []
    assert cli.main(["--root", str(checkout), "check"]) == 0
    assert "no mistakes in 1 questions, 2 claims and 1 sources" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ("order: 1", "order: first", 3, "its order is not a whole number"),
        ("title: What is a head?", "heading: What?", 2, "unknown field 'heading'"),
        ("- cited: Somebody said so. [@doe2020heads]", "- cited: Somebody said so.", 7, "does not end in a mark"),
        ("- cited:", "- measured:", 7, "not a number of a run that measured"),
        ("- counted:", "- cited:", 6, "not a citation"),
        ("- counted:", "- guessed:", 6, "no claim of kind 'guessed'"),
        ("in 1..1", "in 2..3", 6, "outside the 2 to 3"),
        ("[@doe2020heads §2; @doe2020heads]", "[@roe1999tails]", 12, "no source roe1999tails"),
        ("[=depth_or_heads.deep_full_mlp_ratio]", "[=depth_or_heads]", 13, "is not a mark"),
        ("[=depth_or_heads.deep_full_mlp_ratio]", "eleven times", None, None),
        ("[=depth_or_heads.deep_full_mlp_ratio] as", "11.03 × as", 13, "states '11.03 ×' without evidence"),
        ("depth_or_heads\n```", "depth_or_tails\n```", 15, "no figure 'depth_or_tails'"),
        ("## A section", "See [this](../cost/tails.md).", 10, "links to ../cost/tails.md"),
        ("order: 1\nanswer", "order: 1\nrelated: [tails]\nanswer", 4, "relates to tails"),
        ("title: What is a head?", f"title: {'What is a head? ' * 4}", 2, "a title of 63 characters"),
        ("answer: One", f"answer: {'Really ' * 27}one", 4, "an answer of 32 words"),
        ("over [=depth_or_heads.bert_large_weights] weights", "more [@doe2020heads]", 4, "an answer without a number"),
    ],
)
def test_each_mistake_is_named_with_its_line(checkout, old, new, line, said):
    """File, line and what is wrong; a number in words is the author's business."""
    change(checkout, old, new)

    found = checks.check(checkout)

    if said is None:
        assert found == []
        return
    assert any(said in m.what and m.where == str(line) for m in found), [str(m) for m in found]
    assert all(m.remedy for m in found)


def test_all_mistakes_of_all_files_are_told_at_once(checkout, capsys):
    """A broken source, a broken result and a broken mark give three lines in one go."""
    change(checkout, "year = {2020}", "year = {soon}", "docs/sources/doe2020heads.bib")
    change(checkout, "[@doe2020heads §2; @doe2020heads]", "[@roe1999tails]")
    broken = checkout / "docs" / "results" / "here" / "roofline.json"
    broken.parent.mkdir(parents=True)
    broken.write_text("{")

    assert cli.main(["--root", str(checkout), "check"]) == 1
    lines = capsys.readouterr().err
    for said in ("its year is 'soon'", "no source roe1999tails", "roofline.json:1: is not valid JSON"):
        assert said in lines


def test_drafts_are_neither_built_nor_searched_for_numbers(checkout):
    """A draft may state what it likes; its marks are still checked."""
    change(checkout, "order: 1", "order: 1\ndraft: true")
    change(checkout, "[=depth_or_heads.deep_full_mlp_ratio] as", "11.03 × as")

    assert checks.check(checkout) == []
    assert content.load_questions(checkout) == []


def test_the_checkout_itself_has_no_mistake():
    """Everything that is published here passes, with every claim in its range."""
    assert [str(mistake) for mistake in checks.check(ROOT)] == []


def test_every_source_of_the_checkout_says_what_is_taken_from_it():
    """The eight sources of the first version are there, with their facts corrected."""
    sources = bibliography.load_sources(ROOT)

    assert sources["chen2022inference"].families == ("Chen",)
    assert sources["zhao2026spattention"].doi == "10.1609/aaai.v40i41.40800"
    first = {"zhang2023d2l", "raschka2024attention", "liu2021multihead", "zhao2026spattention", "chen2022inference",
             "nawrot2025sparse", "dao2022flashattention", "brown2020gpt3"}  # fmt: skip
    assert first <= set(sources)
    assert first <= checks.cited(Checkout.load(ROOT))
    assert registry.names("figures")


# --- figures that raise, days that have not come -----------------------------------------------------------------

BROKEN = {
    "values": ("def values(run):\n    return {'largest': 1 / 0}", 6, "raises ZeroDivisionError: division by zero"),
    "tabulate": ("def tabulate(runs):\n    return runs[7]", 6, "raises IndexError"),
    "draw": (
        "def draw(runs):\n    return runs[0].rows[0].case['no such field']",
        6,
        "raises KeyError: 'no such field'",
    ),
    "import": ("import no_such_module", 5, "raises ModuleNotFoundError"),
    "syntax": ("def values(:", 5, "raises SyntaxError"),
}


@pytest.mark.parametrize("part", BROKEN)
def test_a_figure_that_raises_is_a_mistake_of_its_own_file(part, tmp_path, monkeypatch):
    """With its line, and with the run that it was given; no mistake of the run, no traceback."""
    checkouts.register(monkeypatch)
    root = checkouts.fill(tmp_path / "checkout")
    code, line, what = BROKEN[part]
    file = tmp_path / "squares.py"
    rest = "EXPERIMENT = 'squares'\ndef values(run): return {}\ndef tabulate(runs): return [{'a': 1}]\n"
    first = '"""A"""\n' + rest + code + "\n"
    file.write_text(first, encoding="utf-8")

    def module(room, name, *required):
        spec = importlib.util.spec_from_file_location("attnsite.figures.squares", file)
        made = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(made)
        made.__doc__ = "A\n\nB.\n\nC.\n\nD."
        return made

    monkeypatch.setattr(registry, "module", module)
    monkeypatch.setattr(registry, "ROOT", tmp_path)
    monkeypatch.setattr(Evidence, "state", lambda self, run: "fresh")
    found = figure_checks.faults(Answers.load(root))

    assert found
    assert {(m.path, m.where) for m in found} == {("attnsite/figures/squares.py", str(line))}
    assert all(m.what.startswith(what) for m in found)
    if part in ("values", "tabulate", "draw"):
        assert "docs/results/laptop/squares.json" in " ".join(m.what for m in found)


def test_days_that_have_not_come_are_refused(tmp_path, monkeypatch):
    """Of a question and of a source, each at its field; tomorrow is today somewhere."""
    checkouts.register(monkeypatch)
    root = checkouts.fill(tmp_path)
    checkouts.put(root, "docs/questions/shapes/area.md", checkouts.question(more="asked: 2999-01-01\n"))
    text = checkouts.source("doe2020squares").replace("year = {2020}", "year = {9999},\n  urldate = {2999-01-01}")
    checkouts.put(root, "docs/sources/doe2020squares.bib", text)
    found = {(m.path, m.where) for m in checks.check(root) if "in the future" in m.what}

    source = "docs/sources/doe2020squares.bib"
    assert found == {("docs/questions/shapes/area.md", "7"), (source, "year"), (source, "urldate")}


def test_front_matter_that_is_no_yaml_hides_nothing_else(tmp_path, monkeypatch):
    """Marks, numbers, links and markup of the text behind it are told in the same round."""
    checkouts.register(monkeypatch)
    root = checkouts.fill(tmp_path)
    body = "It is 43 % faster.\n\n[=circles.nothing]\n\n<form>\n\n[x](nowhere.md)\n"
    checkouts.put(root, "docs/questions/shapes/area.md", f"---\ntitle: a: b\n---\n\n{body}")
    found = {(m.where, m.what[:14]) for m in checks.check(root) if m.path.endswith("area.md")}

    assert {"2", "5", "7", "9", "11"} <= {where for where, _ in found}


def test_a_name_that_is_not_there_is_answered_with_the_nearest_few():
    """And not with all of them."""
    assert nearest("rooflin", ["roofline", "peers", "depth"]) == "the nearest is roofline"
    assert len(nearest("heads_by_width", registry.names("figures"))) < 150
    assert nearest("x", ["aaaa", "bbbb"]) == "there are aaaa, bbbb"


BEERS = """@inproceedings{beers2025x,
  author = {Beers, A. and et al.},
  title = {On $\\alpha$-things, \\textit{in \\emph{vivo}}, for \\$5 and H$_2$O},
  howpublished = {\\url{http://example.com/abc}},
  year = {2025},
  doi = {10.1007/978-3-032-00942-5\\_12},
  url = {https://example.com/abc\\%20def\\_ghi\\~{}x},
  annote = {Takes $n^{12}$ steps},
  checked = {not re-read}
}
"""


def test_tex_of_a_source_is_resolved_and_its_addresses_open():
    """As DBLP and others write them: escapes in addresses, wrapped words, Greek, small digits, further authors."""
    source, mistakes = bibliography.parse(BEERS, Path("docs/sources/beers2025x.bib"))

    assert mistakes == ()
    assert source.title == "On α-things, in vivo, for $5 and H₂O"
    assert source.venue == "http://example.com/abc"
    assert source.annote == "Takes n¹² steps"
    assert [address for _, address in source.links] == [
        "https://doi.org/10.1007/978-3-032-00942-5_12", "https://example.com/abc%20def_ghi~x"]  # fmt: skip
    assert source.short == "Beers et al. 2025"


@pytest.mark.parametrize("field", ["title = {A \\foo{b}}", "doi = {10.1000/a\\b}", "title = {A $\\foo$}"])
def test_tex_that_cannot_be_read_is_refused(field):
    """A command that nobody knows never reaches a reader; the message says which."""
    name = field.split(" ")[0]
    text = re.sub(rf"  {name} = .*", lambda _: f"  {field},", BEERS)
    source, [mistake] = bibliography.parse(text, Path("docs/sources/beers2025x.bib"))

    assert source is None
    assert "TeX" in mistake.what
    assert ("\\foo" if "foo" in field else "\\\\b") in mistake.what
