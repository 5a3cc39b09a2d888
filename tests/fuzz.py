"""Any text, given to whatever reads a text of ours: the intake, the marks, BibTeX, questions and results.

    python -m tests.fuzz --cases 1000000             # shared among the readers, about twenty minutes of one processor
    python -m tests.fuzz results --cases 50000 --seed 7
    python -m tests.fuzz --browser --cases 50000             # HTML, read by us and by Chromium: no difference
    python -m tests.fuzz marks --atheris --cases 500000      # guided by coverage; needs `pip install atheris`

Texts are made from real ones by cutting, doubling, swapping and by words that mean something to a reader. A text that
a reader cannot stand is written to `tests/cases/fuzz/READER/`, where `tests/test_fuzz.py` finds it, and the command
ends with status 1.

Run so far, on CPython 3.11: 1,000,000 texts with seed 2 in 23 minutes found eight faults, some of them mended by now
when they came up; about 80,000 before them had found ten. With all of it mended 150,000 texts with seed 3 found
none, nor did 34,825 guided by Atheris (14,825 for BibTeX, 20,000 for results). Beside Chromium 20,000 texts of HTML
found one fault of the parser, which is refused by name since; 50,000 more with seed 3 found none that matters.
"""

import argparse
import copy
import hashlib
import json
import math
import random
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path

from attnsite.content import questions as content
from attnsite.content import sources
from attnsite.content.judging import Text, judge
from attnsite.content.marks import Malformed, blank, fences, marks, spots
from attnsite.intake import document, drafts
from attnsite.records import run_file
from attnsite.records.mistakes import flatten
from attnsite.site import about
from attnsite.site.markdown.rendering import Renderer

ROOT = Path(__file__).parents[1]
CASES = ROOT / "tests" / "cases" / "fuzz"


def one_line(mistakes) -> None:
    """A mistake is shown as a line; none of them is empty."""
    for mistake in mistakes:
        assert len(str(mistake).splitlines()) == 1, repr(str(mistake))
        assert mistake.what, mistake
        assert mistake.remedy, mistake


# --- the readers -----------------------------------------------------------------------------------------------


def read_marks(text: str) -> None:
    """Marks lie where they say; what is blanked keeps its length and its lines."""
    hidden = blank(text)
    assert len(hidden) == len(text)
    assert hidden.count("\n") == text.count("\n")
    end = 0
    for spot in spots(text):
        assert text[spot.start : spot.end] == spot.source
        assert spot.start >= end
        assert spot.line == text.count("\n", 0, spot.start) + 1
        end = spot.end
        if not isinstance(spot, Malformed):
            assert marks(spot.source) == [] or type(marks(spot.source)[0]) is type(spot)
    assert all(1 <= fence.line <= text.count("\n") + 1 for fence in fences(text))


RENDERER = Renderer(about.configuration(ROOT))


def read_page(text: str) -> None:
    """What may not stand in a text is told in a line, with a line of the text; what may is let through."""
    for plain in (True, False):
        found, unseen = judge(RENDERER, Text(plain=plain).add(text, 1))
        for each in found:
            assert 1 <= each.line <= text.count("\n") + 1
            assert each.what
            assert each.remedy
        assert all(1 <= line <= text.count("\n") + 1 for line, _ in unseen)


def read_question(text: str) -> None:
    """A question or what is wrong with it, and its lines are those of the file."""
    question, mistakes = content.parse_question(text, Path("docs/questions/theme/slug.md"))
    one_line(mistakes)
    assert question or mistakes
    content.parse_theme(text, Path("docs/questions/theme/index.md"))
    last = text.count("\n") + text.count("\r") + 1
    if question:
        assert all(1 <= claim.line <= last for claim in question.claims)
        assert question.title
        assert question.answer


def read_document(text: str) -> None:
    """Each part is drafted or reported; a draft is a question that can be read, with sources that can."""
    seen: dict[str, int] = {}
    works = drafts.Works(Path(_folder.name))
    for part in document.parts(text):
        mistakes = list(document.faults(part, Path("document.md"), seen))
        one_line(mistakes)
        if mistakes:
            continue
        notes: list[str] = []
        files = drafts.drafts(part, "drafts", works, notes)
        assert all(len(note.splitlines()) == 1 for note in notes)
        for path, made in files.items():
            assert len(path.name) < 200
            made.encode("utf-8")
            if path.suffix == ".md":
                question, wrong = content.parse_question(made, path)
                assert wrong == [], wrong
                assert question
                assert question.draft
                assert {key for mark in marks(question.body) for key in mark.keys} <= {p.stem for p in files}
            else:
                assert sources.KEY.fullmatch(path.stem), path
                wrong = str(read_bibtex(made, path.stem))  # what the reference did not say may be missing
                assert not any(told in wrong for told in ("not BibTeX", "entries", "its key", "TeX that")), wrong


def read_bibtex(text: str, stem: str = "doe2020squares") -> tuple[object, ...]:
    """A source or what is wrong with it; what is shown of a source is plain text in one line."""
    source, mistakes = sources.parse(text, Path(f"docs/sources/{stem}.bib"))
    one_line(mistakes)
    assert (source is None) == bool(mistakes)
    if source:
        assert source.families
        for shown in (source.title, source.short, source.venue, source.annote, *source.authors):
            assert len(shown.splitlines()) <= 1
        assert source.title
        assert source.annote
        assert source.links
    return mistakes


_folder = tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None)


def read_result(text: str) -> None:
    """A run or what is wrong with it; a run can be asked for its rows, and is the same after it was written anew."""
    path = Path(_folder.name) / "laptop" / "squares.json"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    try:
        run = run_file.read(path)
    except Exception as error:
        if not (mistakes := flatten(error)):
            raise
        one_line(mistakes)
        return
    for row in run.rows:
        assert row.key
        row.quantity()
    run.kernel_names()
    run.where("cpu_a", heads=1)
    for name in ("read", "fma"):
        run.ceiling(name)
        run.ceiling(name, run.rows[0] if run.rows else None)
    run_file.write(run, path)
    again = run_file.read(path)
    assert run_file._json(again.rows[0].case) == run_file._json(run.rows[0].case) if run.rows else not again.rows
    assert len(again.rows) == len(run.rows)


# --- what they are given -----------------------------------------------------------------------------------------

PAGE = """---
title: What is a head?
order: 1
answer: One softmax over the keys. [@doe2020squares §3]
related: [other_question]
claims:
  - counted: Twice as many. [=squares.largest laptop in 0.9..1.1]
  - cited: It is said so. [@doe2020squares; @roe2021cubes Table 2]
---

## A section

A step takes 3.5 ms here. [=squares.largest] It is $a^2$, `[=code]` and \\[@no].

```figure
squares
```

    [=indented.code]

- a list [@doe2020squares, §3.1]

??? question "A problem"

    The answer is [=squares.largest_side].
"""
DOCUMENT = """## Question 1
What is a head, and how many of them are there?

### Answer

A head is *one* softmax [1], [2, 3] and [1-3]. See [a link](https://example.org) and $5.

### Sources
1. Vaswani, A., Shazeer, N., & others (2017). "Attention Is All You Need." *NeurIPS*. https://arxiv.org/abs/1706.03762
2. Dao, T. et al. (2022). "FlashAttention." *NeurIPS*, 35. doi:10.48550/arXiv.2205.14135
3) Zhang, A. & Li, M. "Dive into Deep Learning." 2021.

## Question 2
"*Your Answer:**"

### Answer

_No response_
"""
BIBTEX = """@inproceedings{doe2020squares,
  author = {Doe, Jane and M{\\"u}ller, J{\\'o}zef and others},
  title = {On {S}quares of $n^2$ and \\'Etale \\& Other Things},
  booktitle = "A {J}ournal" # { of Things},
  year = {2020},
  doi = {10.1000/182},
  eprint = {2001.00001},
  url = {https://example.org/a_b%20c},
  annote = {That squares exist (Table 1).},
  checked = {text read}
}
"""
RESULT = """{
"format": 3,
"experiment": "squares",
"kind": "timing",
"machine": "laptop",
"sweep": "quick",
"digest": "0123456789ab",
"kernels": ["cpu_*"],
"provenance": {"machine": {"cpu": "A", "cores": 2}, "software": {"commit": "abc1234", "clean": true}, "started": \
"2026-01-02T03:04:05Z", "seconds": 1.5, "steadiness": {"verdict": "steady", "median_spread": 0.01}},
"complete": true,
"rows": [
{"case": {"heads": 1}, "kernel": "cpu_a", "kernel_digest": "0123456789ab", "samples": [0.1, 0.2, 3], "warmups": [1], \
"max_error": 1e-07, "bound": "inf"},
{"case": {"heads": 1}, "kernel": "ceiling:read", "samples": [0.5, 1.0], "values": {"bytes": 100}},
{"case": {"heads": 2}, "kernel": "cuda_a", "skipped": "no CUDA here", "skip_code": "no_device"},
{"case": {"side": 3}, "seed": 1, "stage": "softmax", "values": {"area": 9, "share": "nan"}}
]
}
"""
READERS: dict[str, tuple[Callable[[str], object], str, list[str]]] = {
    "marks": (read_marks, PAGE, [
        "[@", "[=", "]", "](", "[@doe2020squares]", "[=a.b in 1..2]", "[=a.b c in −1e3..2]", "`", "```", "```figure\n",
        "~~~", "<!--", "-->", "$", "$$", "\\", "    ", "\t", "\n\n", "- ", "??? ", ";", "3.5 ms", "§", "٣", "\r",
        "\x0b",
        "twice", "1e999", "in 9..1", "%", "\u2028", "\x85", "²",
    ]),
    "pages": (read_page, PAGE, [
        "<!-->", "<!--->", "-->", "--!>", "<form>", "<b onclick=a>", "</div>", "<", "{: onclick=a }", "![a](//b)",
        "`", "\n\n",
        "    ", "\t", "<textarea>", "| a | b |\n|---|---|\n", ":   ", "3.5 ms", "- ", "!!! note\n", "<div markdown>",
        "[a]: b:c",
        "$x$", "\x00", "\u2028", "\r", "<![CDATA[", "&lt;", "***", "=== \"a\"\n", "> ", "~~~\n",
        "<p", "<kbd>", "[=a.b]",
    ]),
    "questions": (read_question, PAGE, [
        "---", "...", "title:", "order: ", "claims:\n", "  - counted: ", "&a ", "*a", "!!python/object:os.system ",
        "? ",
        "!!int ", "1_0", "0o9", "2020-13-45", "<<: ", "[", "{", "}", "null", "~", "|", ">-", "'", '"', "#", "\x00",
        "\ufeff", "\r", ": ", "!!binary x", "!!timestamp x", "=", "[=", "[@", "draft: yes", "\x85", "\u2028", "1:60:60",
        "!!set {a}", "!!omap [a]", "0b2", ".inf", "!", "&", "%YAML 9.9",
    ]),
    "intake": (read_document, DOCUMENT, [
        "## Question 3\n", "### Answer\n", "### Sources\n", "### Question\n", "[1]", "[1, 2-5]", "[9]", "[@x]",
        "[=a.b]",
        "[=", "[@", "1. ", "2) ", "(2020)", '"', "*", "https://", "doi:10.1/x", "arXiv:2001.00001", "and", "&",
        "et al.",
        "{", "}", "\\", "%", "$", "---", "\x00", "\r", "\u2028", "\ufeff", "“", "”", "頭", "é", "٣", "²", "\x85", "`",
        "#",
        "999999", "[1](", "@", "\xa0", "\t",
    ]),
    "bibtex": (read_bibtex, BIBTEX, [
        "@", "{", "}", "=", ",", '"', "#", "@string{a = {b}}", "@comment", "@preamble{x}", "\\", "\\'", '\\"{',
        "{\\", "$",
        "%", "~", " and ", " and others", ",,", "and and", "\\alpha", "\\cite{x}", "\\\\", "\\url{", "\\textbf{",
        "year =",
        "\x00", "\r", "é", "\u2028", "{{", "}}", "\\ss", "\\begin{a}", "\\c c", "\\char", "--", "title = {}",
        "\\verb|x|",
        "\x85", "author = {}", "author = {,}", "\\u", "\\i", "\\H{", "\\newcommand{\\a}{b}", "\\input{a}",
    ]),
    "results": (read_result, RESULT, [
        "null", "true", "NaN", "Infinity", "-1", "1e999", "9" * 5000, "[" * 3000, "{", "}", "[", "]", '"nan"',
        '"inf"', "0",
        '""', '"\\ud800"', '"\\u0000"', "-0.0", "1e-400", '"format": 0,', '"format": true,', '"format": 1e0,', ",", ":",
        '"', "{}", "[]", '"\\u2028"', '"-inf"', "\x00", "\ufeff", '"case": {},', '"samples": [true],', '"\\n"', "[[1]]",
        '"kind": "memory",', '"format": 1,', '"values": {"bytes": "x"},', '"values": {"flops": 0},', '"seed": 1e400,',
        '{"a": {"b": []}}',
    ]),
}  # fmt: skip
VALUES = [None, True, False, 0, -1, 1, 1e308, -0.0, 10**400, "", "nan", "inf", "x\ny", "\ud800", [], {}, [[]], [None],
          {"a": 1}, {"": {}}, "laptop", [0.5, "nan"], [True], {"flops": 0}, {"bytes": "x"}, {"bytes": None},
          ]  # fmt: skip


def mutate(rng: random.Random, seed: str, words: list[str], reader: str) -> str:
    """A text that is like the seed, changed in a few places."""
    text = seed
    if reader == "results" and rng.random() < 0.6:
        return restructured(rng, seed)
    for _ in range(rng.choice((1, 1, 2, 2, 3, 4, 6, 12))):
        at = rng.randrange(len(text) + 1)
        to = min(len(text), at + rng.choice((0, 1, 1, 2, 5, 20, 100)))
        kind = rng.random()
        if kind < 0.45:
            text = text[:at] + rng.choice(words) + text[to:]
        elif kind < 0.6:
            text = text[:at] + text[to:]
        elif kind < 0.7:
            text = text[:at] + text[at:to] * rng.choice((2, 3, 30)) + text[to:]
        elif kind < 0.8:
            other = rng.randrange(len(text) + 1)
            text = text[:at] + text[other : other + 40] + text[to:]
        elif kind < 0.9:
            text = text[:at] + chr(rng.choice((rng.randrange(128), rng.randrange(0x3000)))) + text[at + 1 :]
        elif kind < 0.95:
            lines = text.split("\n")
            rng.shuffle(lines)
            text = "\n".join(lines)
        else:
            text = text[at:] if rng.random() < 0.5 else text[:at]
    return text[:20_000].encode("utf-8", "replace").decode()  # as a file that was decoded may be


def restructured(rng: random.Random, seed: str) -> str:
    """JSON with other values in some places, fields lost, doubled or renamed."""
    data = json.loads(seed)
    for _ in range(rng.choice((1, 1, 2, 4))):
        holder, node = None, data
        while isinstance(node, dict | list) and node and (holder is None or rng.random() < 0.75):
            place = rng.choice(list(node)) if isinstance(node, dict) else rng.randrange(len(node))
            holder, node = node, node[place]
        if holder is None:
            continue
        kind = rng.random()
        if kind < 0.7:
            holder[place] = copy.deepcopy(rng.choice(VALUES))
        elif kind < 0.85:
            del holder[place]
        elif isinstance(holder, dict):
            holder[str(rng.choice(VALUES))] = holder.pop(place)
        else:
            holder.append(copy.deepcopy(rng.choice(VALUES)))
    text = json.dumps(data)
    return text.replace("1e+308", rng.choice(("1e999", "1e308", "-1e999")))


# --- beside a browser ----------------------------------------------------------------------------------------------

PIECES = [
    "<!-->", "<!--->", "-->", "--!>", "<!--", "<!", "<?", "</", "<", ">", "/>", "<p>", "</p>", "<div>", "</div>",
    "<form action=//evil.example>", "</form>", "<input name=a>", "<img src=x onerror=a>", "<svg>", "</svg>", "<math>",
    "<mtext>", "<mglyph>", "<style>", "</style>", "<script>", "</script>", "<table>", "<tr>", "<td>", "</table>",
    "<select>", "<option>", "<textarea>", "</textarea>", "<title>", "<template>", "</template>", "<noscript>",
    "</noscript>", "<a href=b>", "</a>", "<b>", "</b>", "<i>", "<li>", "<plaintext>", "<frameset>", "<body onload=a>",
    "<html class=a>", "<head>", "<meta http-equiv=refresh content=0>", "<base href=a>", "<iframe>", "</iframe>",
    "<button>", "<foreignObject>", "<desc>", "<![CDATA[", "]]>", "&lt;", "&#60;", "&amp", "&colon;", "a", " ", "\n",
    "\t", "\f", '"', "'", "=", "`", "\u0000", "é", 'title="', "class='", "onclick=", "xlink:href=", "<br/>", "</br>",
     "<isindex>", "<nobr>", "<h1>", "<dd>", "<ruby><rt>", "<marquee>", "<object>", "<search>", "<hr>",
]  # fmt: skip
IN_BROWSER = """texts => texts.map(text => {
  const found = [];
  const read = new DOMParser().parseFromString(text, "text/html");
  for (const each of read.querySelectorAll("*"))
    found.push([each.localName.toLowerCase(), [...each.attributes].map(a => [a.name.toLowerCase(), a.value]).sort()]);
  return JSON.stringify(found);
})"""


def beside_a_browser(cases: int, seed: int, batch: int = 5000) -> int:
    """What our parser takes for live in any HTML beside what Chromium does; returns how many texts they differ in.

    Which elements with which attributes: what is live. `<image>`, which the parser loses in tables, is refused by name.
    """
    from playwright.sync_api import sync_playwright

    from attnsite.content.parsed_html import elements
    from attnsite.site.figures.chromium import find
    from tests.conftest import FLAGS

    rng, found, begun = random.Random(f"html {seed}"), 0, time.monotonic()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(find()), args=FLAGS)
        page = browser.new_page()
        for first in range(0, cases, batch):
            texts = ["".join(rng.choices(PIECES, k=rng.randrange(1, 24))) for _ in range(min(batch, cases - first))]
            texts = [
                f"<body>{text}" if "\x00" in text else text for text in texts
            ]  # one before it begins it for us alone
            for text, theirs in zip(texts, page.evaluate(IN_BROWSER, texts), strict=True):
                ours = {(each.name, *sorted(each.attributes.items())) for each in elements(text)}
                told = {(name, *map(tuple, attributes)) for name, attributes in json.loads(theirs)}
                if ours != told:
                    found += 1
                    if found <= 20:
                        print(f"html: {text!r}\n  ours   {ours - told}\n  theirs {told - ours}"[:2000])
        browser.close()
    print(
        f"html: {cases} cases in {time.monotonic() - begun:.0f} s, {found} read otherwise than by the browser",
        flush=True,
    )
    return found


# --- the command ---------------------------------------------------------------------------------------------------


def keep(reader: str, text: str) -> Path:
    """Write a finding as a case."""
    path = CASES / reader / f"{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()[:10]}.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    return path


def smaller(read: Callable[[str], object], text: str, error: BaseException) -> str:
    """The text without whatever the same error does not need."""

    def same(candidate: str) -> bool:
        try:
            read(candidate)
        except RecursionError:
            return isinstance(error, RecursionError)
        except Exception as other:
            return type(other) is type(error)
        return False

    size, until = max(1, len(text) // 2), time.monotonic() + 20
    while size and time.monotonic() < until:
        at = 0
        while at < len(text):
            candidate = text[:at] + text[at + size :]
            if same(candidate):
                text = candidate
            else:
                at += size
        size //= 2
    return text


def fuzz(reader: str, cases: int, seed: int, most: int = 20) -> int:
    """Give a reader that many texts; returns how many different findings there were."""
    read, start, words = READERS[reader]
    rng, found, begun, slowest = random.Random(f"{reader} {seed}"), {}, time.monotonic(), 0.0
    for number in range(cases):
        text = mutate(rng, start, words, reader)
        before = time.perf_counter()
        try:
            read(text)
        except Exception as error:
            last = traceback.extract_tb(error.__traceback__)[-1]
            at = (type(error).__name__, last.filename, last.lineno)
            if at not in found and len(found) < most:
                path = keep(reader, smaller(read, text, error))
                found[at] = path
                print(
                    f"{reader}: case {number}: {at[0]} in {Path(at[1]).name}:{at[2]}, kept as {path.name}: {error}"[
                        :300
                    ]
                )
        slowest = max(slowest, time.perf_counter() - before)
    seconds = time.monotonic() - begun
    print(
        f"{reader}: {cases} cases in {seconds:.0f} s, slowest {slowest * 1e3:.0f} ms, {len(found)} findings", flush=True
    )
    return len(found)


def guided(reader: str, cases: int, seed: int) -> None:
    """The same by Atheris, which looks for texts that reach further code; never returns."""
    import atheris

    read, start, words = READERS[reader]
    atheris.instrument_all()  # the libraries too: much of a reader is PyYAML and pybtex

    def once(data: bytes) -> None:
        text = data.decode("utf-8", "replace")
        try:
            read(text)
        except Exception as error:
            print(f"{reader}: {error!r}, kept as {keep(reader, smaller(read, text, error))}"[:300])
            raise

    corpus = Path(_folder.name) / "corpus"
    corpus.mkdir()
    rng = random.Random(seed)
    for number in range(50):
        (corpus / str(number)).write_bytes(mutate(rng, start, words, reader).encode("utf-8", "replace"))
    (corpus / "whole").write_text(start, encoding="utf-8")
    atheris.Setup([sys.argv[0], str(corpus), f"-runs={cases}", f"-seed={seed + 1}", "-max_len=4000", "-verbosity=1",
                   "-print_final_stats=1"], once)  # fmt: skip
    atheris.Fuzz()


SHARES = {
    "marks": 0.33,
    "pages": 0.01,
    "questions": 0.30,
    "results": 0.24,
    "bibtex": 0.07,
    "intake": 0.05,
}  # the last are slow


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("readers", nargs="*", choices=[*READERS, []], metavar="READER", help=f"of {', '.join(READERS)}")
    parser.add_argument("--cases", type=int, default=10_000, help="in all (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--atheris", action="store_true", help="guided by coverage, one reader")
    parser.add_argument("--browser", action="store_true", help="any HTML, read by us and by Chromium")
    options = parser.parse_args()
    if options.browser:
        return 1 if beside_a_browser(options.cases, options.seed) else 0
    readers = options.readers or list(READERS)
    if options.atheris:
        guided(readers[0], options.cases, options.seed)
    each = {reader: SHARES[reader] / sum(SHARES[name] for name in readers) for reader in readers}
    found = [fuzz(reader, math.ceil(options.cases * share), options.seed) for reader, share in each.items()]
    return 1 if sum(found) else 0


if __name__ == "__main__":
    sys.exit(main())
