"""The intake: the real document, broken documents, and any text at all."""

import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from attnsite.content import questions as content
from attnsite.intake import document, reference_line
from attnsite.intake.drafts import intake

CASE = Path(__file__).parent / "cases" / "intake" / "attention-answers.md"


def take(tmp_path, text, **options):
    file = tmp_path / "source.md"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return intake(file, tmp_path, "drafts", **{"force": False, **options})


def part(number=1, question="What is a head?", answer="A head is one softmax [1].", sources='1. A (2020). "T." *V*.'):
    return f"## Question {number}\n{question}\n\n### Answer\n\n{answer}\n\n### Sources\n{sources}\n\n"


def test_the_real_document_gives_two_drafts_and_four_reports(tmp_path):
    """Both answered questions become drafts with all eight sources; the placeholders are named with their lines."""
    report = intake(CASE, tmp_path, "drafts")

    assert (report.drafted, report.refused) == (2, 4)
    assert [mistake.where for mistake in report.mistakes] == ["26", "34", "64", "72"]
    assert len(list((tmp_path / "docs/sources").glob("*.bib"))) == 8
    questions, mistakes = content.read_questions(tmp_path)
    assert mistakes == []
    assert len(questions) == 2
    assert all(question.draft for question in questions)


def test_citations_become_marks_of_the_drafted_sources(tmp_path):
    """Every key that a draft cites has its file."""
    intake(CASE, tmp_path, "drafts")
    keys = {path.stem for path in (tmp_path / "docs/sources").glob("*.bib")}

    cited = {key for q in content.read_questions(tmp_path)[0] for m in content.marks(q.body) for key in m.keys}

    assert cited == keys


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no line"),
        (part(answer=""), "no answer"),
        ("## Question 1\nWhat is a head?\n", "no line ### Answer"),
        (part(question='"*Your Answer:**"'), "placeholder"),
        (part(question='"--"'), "placeholder"),
        (part(question=""), "no question"),
        (part(answer="So it is [9]."), "no source 9"),
        (part(sources=""), "no source 1"),
        (part(sources="1. A (2020).\n1. B (2021)."), "source 1 of Question 1 is there twice"),
        (part(question="頭は何ですか"), "Latin"),
    ],
)
def test_a_broken_part_is_reported_and_nothing_is_written(tmp_path, text, said):
    """Nothing is drafted, and the report says what was found."""
    report = take(tmp_path, text)

    assert report.drafted == 0
    assert said in str(report.mistakes[0])
    assert not (tmp_path / "docs").exists()


def test_a_number_given_twice_drafts_the_first_only(tmp_path):
    """The second part of the same number is reported with the line of the first."""
    report = take(tmp_path, part() + part(question="What is another head?"))

    assert (report.drafted, report.refused) == (1, 1)
    assert "line 1" in report.mistakes[0].what


def test_line_ends_do_not_matter(tmp_path):
    """A file from another system gives the same drafts."""
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir()
    two.mkdir()
    take(one, part())
    take(two, part().replace("\n", "\r\n"))

    assert {p.name: p.read_text() for p in one.rglob("docs/**/*.*")} == {
        p.name: p.read_text() for p in two.rglob("docs/**/*.*")
    }


def test_other_encodings_are_refused_with_the_place(tmp_path):
    """Bytes that are not UTF-8 give one line with the byte."""
    report = take(tmp_path, b"## Question 1\nWhat is caf\xe9?\n")

    assert report.mistakes[0].where == "byte 25"


def test_nothing_is_overwritten_without_force(tmp_path):
    """What stands in a file stays, sources too; with force the question is written again."""
    take(tmp_path, part())
    [path] = [p for p in (tmp_path / "docs/questions/drafts").glob("*.md") if p.stem != "index"]
    path.write_text("mine")

    report = take(tmp_path, part())
    assert "exists already" in report.mistakes[0].what
    assert path.read_text() == "mine"

    take(tmp_path, part(), force=True)
    assert path.read_text() != "mine"


def test_ten_megabytes_are_read_in_one_pass(tmp_path):
    """A huge document of one huge line and many parts ends, and its parts are all accounted for."""
    filler = "word " * 400_000
    many = "".join(part(number, f"What is head {number} for us?") for number in range(2, 2002))

    report = take(tmp_path, part(answer=filler * 4 + "[1]") + many)

    assert report.drafted + report.refused == 2001


def test_a_failure_in_the_middle_leaves_nothing_of_the_part(tmp_path, monkeypatch):
    """When a file cannot be written, none of its part is there."""
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "questions").write_text("a file in the way")

    report = take(tmp_path, part())

    assert report.drafted == 0
    assert [p for p in tmp_path.rglob("*") if p.is_file() and p.name not in ("source.md", "questions")] == []


TEXTS = st.lists(
    st.one_of(
        st.sampled_from(["## Question 1", "## Question 2", "### Answer", "### Sources", '1. A (2020). "T." *V*.',
                         "[1]", "[@x]", "[=a.b]", "---", "```", "What is it?", '"--"', "[9]", "[1, 2-5]",
                         "\r", "\x00", "{"]),
        st.text(max_size=40),
    ),
    max_size=30,
).map("\n".join)  # fmt: skip


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None)
@given(text=TEXTS)
def test_any_text_is_drafted_or_reported(tmp_path_factory, text):
    """Whatever a document says: each part is drafted or reported, only files under docs/ appear, a rerun adds none."""
    folder = tmp_path_factory.mktemp("any")
    report = take(folder, text)
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()} - {"source.md"}

    assert report.drafted + report.refused == len(document.parts(text))
    assert all(name.startswith(("docs/questions/drafts/", "docs/sources/")) for name in files)
    assert content.read_questions(folder)[1] == []
    again = take(folder, text)
    assert again.drafted == 0
    assert {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()} - {"source.md"} == files


@settings(deadline=None)
@given(st.text(max_size=300))
def test_any_reference_gives_bibtex_that_can_be_read_back(line):
    """A line of a bibliography never breaks the entry that is made of it."""
    from pybtex.database import parse_string

    entries = parse_string(reference_line.read(line).bibtex("key"), "bibtex").entries

    assert list(entries) == ["key"]


def drafted(tmp_path, text, name="a.md"):
    """The report of a document, and the drafted questions' texts by file."""
    (tmp_path / name).write_text(text, encoding="utf-8")
    report = intake(tmp_path / name, tmp_path, "drafts")
    return report, {
        p.stem: p.read_text(encoding="utf-8") for p in (tmp_path / "docs/questions/drafts").glob("[!i]*.md")
    }


PART = "## Question {n}\nWhat is {what}?\n\n### Answer\n{answer}\n\n### Sources\n1. {source}\n"
DAO = 'Dao, T. (2022). "FlashAttention." *NeurIPS*. https://arxiv.org/abs/2205.14135'


def test_headings_of_an_answer_and_of_its_code_belong_to_it(tmp_path):
    """A comment in a fence is no heading, nor a question of another document; nothing behind them is lost."""
    answer = "Run this [1].\n\n```bash\n### build\n## Question 2\nmake\n```\n\n### Caveats\nThis is kept [1]."
    report, texts = drafted(tmp_path, PART.format(n=1, what="built", answer=answer, source=DAO))

    assert (report.drafted, report.refused) == (1, 0), report.mistakes
    [text] = texts.values()
    assert "### build\n## Question 2\nmake\n```\n\n### Caveats\nThis is kept [@dao2022flashattention]." in text


def test_a_block_of_code_that_never_ends_is_reported_with_its_line(tmp_path):
    """And takes no other question with it."""
    text = PART.format(n=1, what="a", answer="Run [1].\n\n```\nmake", source=DAO) + "\n" + PART.format(
        n=2, what="b", answer="Yes [1].", source=DAO)  # fmt: skip
    report, texts = drafted(tmp_path, text)

    assert (report.drafted, report.refused) == (1, 1)
    assert [str(m.where) for m in report.mistakes] == ["7"]
    assert list(texts) == ["what_is_b"]


def test_an_index_is_no_citation(tmp_path):
    """Not in code, a formula, a link or its definition, and no interval from zero."""
    answer = ("See [1]: `k.shape[1]`, $x[1]$, [the paper][1], [0, 1] and [1](https://a.example).\n\n"
              "```python\nx[1] = y[@z]\n```\n\n[1]: https://b.example")  # fmt: skip
    report, texts = drafted(tmp_path, PART.format(n=1, what="a", answer=answer, source=DAO))

    assert report.mistakes == []
    assert next(iter(texts.values())).count("[@dao2022flashattention]") == 1
    for kept in ("`k.shape[1]`", "$x[1]$", "[the paper][1]", "[0, 1]", "[1](https", "x[1] = y[@z]", "\n[1]: https"):
        assert kept in next(iter(texts.values())), kept


def test_two_works_never_share_a_key(tmp_path):
    """Of two parts, or of a source that is there; the same work keeps its key, and a note names the other."""
    works = ['Zhang, A. (2021). "Attention in vision." *A*. https://a.example',
             'Zhang, B. (2021). "Attention in speech." *B*. https://b.example',
             "https://c.example", "https://d.example"]  # fmt: skip
    text = "\n".join(PART.format(n=n, what=f"w{n}", answer="A row [1].", source=works[n % 4]) for n in range(5))
    report, texts = drafted(tmp_path, text)
    keys = {name: re.search(r"\[@(\w+)\]", text)[1] for name, text in texts.items()}

    assert report.mistakes == []
    assert keys["what_is_w0"] == keys["what_is_w4"] == "zhang2021attention"
    assert keys["what_is_w1"] == "zhang2021attentionb"
    assert keys["what_is_w2"] != keys["what_is_w3"]
    assert "speech" in (tmp_path / "docs/sources/zhang2021attentionb.bib").read_text()
    assert any("zhang2021attention is another work" in note for note in report.notes)
    again, texts = drafted(tmp_path, PART.format(n=1, what="new", answer="A row [1].", source=works[1]), "b.md")
    assert "[@zhang2021attentionb]" in texts["what_is_new"]
    assert again.mistakes == []


def test_other_forms_of_headings_and_sources_are_read(tmp_path):
    """The question in its heading, closing #, `[1]` in the list, References; what is not used is told with its line."""
    text = ("## Question 1: What is a head? ##\n\n### Answer\nOne softmax [1].\n\n### References\n"
            "[1] Dao, T. (2022). \"A (b).\" *N*. https://en.example/wiki/Attention_(machine_learning).\n\n"
            "### Remarks\nno")  # fmt: skip
    report, texts = drafted(tmp_path, text)

    assert (report.drafted, report.mistakes) == (1, [])
    assert 'title: "What is a head?"' in texts["what_is_a_head"]
    [source] = (tmp_path / "docs/sources").glob("*.bib")
    assert "url = {https://en.example/wiki/Attention_(machine_learning)}" in source.read_text()
    assert [note for note in report.notes if note.endswith("a.md:9: nothing is made of “Remarks”")]


def test_a_link_keeps_its_address_and_what_stands_before_all_is_told(tmp_path):
    """A citation is no part of an address, and nothing is dropped without a line."""
    answer = "[text](http://e.org/[1]) and <https://e.org/[1]> and [a](b_(c).md) are so [1]."
    assert document.cite(answer, {1: "doe"}) == answer[:-4] + "[@doe]."
    made = document.parts("Dear all,\n\nhere they are.\n\n## Question 1: Why?\n\n### Answer\n\nSo.\n")
    assert document.before_all("Dear all,\n\nhere they are.\n\n## Question 1: Why?\n", made) == 2


@pytest.mark.parametrize(
    ("line", "key", "author"),
    [("NVIDIA Corporation (2022). \"H100\". https://e.org/", "nvidia2022h100", "{NVIDIA Corporation}"),
     ("{NVIDIA Corporation} (2022). \"H100\". https://e.org/", "nvidia2022h100", "{NVIDIA Corporation}"),
     ("The Linux Foundation (2022). \"A\". https://e.org/", "linux2022", "{The Linux Foundation}"),
     ("Doe, J. (2022). \"On B\". https://e.org/", "doe2022b", "Doe, J.")],
)  # fmt: skip
def test_a_body_is_an_author_by_its_whole_name(line, key, author):
    """And its source is read as one name again."""
    made = reference_line.read(line)
    written = made.bibtex(made.key)

    assert made.key == key
    assert f"author = {{{author}}}" in written


def test_an_address_is_read_without_the_escapes_of_bibtex():
    assert reference_line.read(r"A (2022). https://e.org/a\_b\%20c").url == "https://e.org/a_b%20c"
