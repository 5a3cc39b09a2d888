"""Where a number in the text leads: to its entry, with run, rows and code; and that folders of addresses have pages."""

import re
from dataclasses import replace
from html import unescape
from urllib.parse import unquote, urljoin

import pytest

from attnsite.records import registry, run_file
from attnsite.records.run_file import EVERY_MACHINE, Row
from attnsite.site import grounds
from attnsite.site.answers import Answers
from attnsite.site.disk_cache import Cache
from tests import checkouts
from tests.conftest import ROOT

NUMBER = re.compile(r'<a class="quantity [^"]*" href="([^"]*)"([^>]*)>([^<]*)</a>')


@pytest.fixture(scope="module")
def numbers(site_folder):
    """Every number of every page: its page's address, its link, what else the link says, its text."""
    return [
        (page.parent.relative_to(site_folder).as_posix() + "/", unescape(link), more, unescape(text))
        for page in sorted(site_folder.rglob("index.html"))
        for link, more, text in NUMBER.findall(page.read_text(encoding="utf-8"))
    ]


def test_every_number_leads_to_its_entry_and_no_raw_file(site_folder, numbers):
    """Through real addresses, to a heading that says the same number."""
    assert len(numbers) > 300
    texts = {}
    for page, link, _, text in numbers:
        path, _, place = unquote(urljoin(f"https://site/{page}", link)).removeprefix("https://site/").partition("#")
        file = site_folder / path / "index.html"
        assert file.is_file(), (page, link)
        texts.setdefault(path, file.read_text(encoding="utf-8"))
        heading = re.search(rf'<h2[^>]* id="{re.escape(place)}"[^>]*>(.*?)<small>', texts[path], re.DOTALL)
        assert heading, (page, link)
        assert heading[1].strip() == text, (page, link)


def test_every_number_names_the_file_of_its_run_and_its_figure_where_it_stands_beside_it(site_folder, numbers):
    """For the card that a script makes of it."""
    beside = 0
    for page, link, more, _ in numbers:
        run = urljoin(f"https://site/{page}", re.search(r'data-run="([^"]*)"', more)[1]).removeprefix("https://site/")
        assert (site_folder / run).is_file(), (page, link)
        if figure := re.search(r'data-figure="#([^"]*)"', more):
            beside += 1
            assert f'id="{figure[1]}"' in (site_folder / page / "index.html").read_text(encoding="utf-8")
    assert beside > len(numbers) / 2


def test_an_entry_says_machine_day_code_rows_and_file(site_folder):
    """Of a quotient: the two rows that it is made of, and no others."""
    text = (site_folder / "figures/heads_at_fixed_width/index.html").read_text(encoding="utf-8")
    entry = re.search(r'<h2[^>]* id="cpu_simd_growth-epyc_2core".*?(?=<h2|</article)', text, re.DOTALL)[0]

    assert "measured on" in entry or "timing on" in entry
    assert re.search(r"\d+ November 2026", entry)
    assert "attnsite/figures/heads_at_fixed_width.py" in entry
    assert 'href="../../results/epyc_2core/heads_at_fixed_width.json"' in entry
    assert entry.count("<tr>") == 3
    assert "#figure-heads_at_fixed_width" in text


@pytest.mark.parametrize(
    ("path", "place", "name"),
    [("kv_cache", "deepseek_v3", "DeepSeek-V3"), ("kv_cache", "falcon_7b", "Falcon-7B"),
     ("sparse_block_size", "at_64-", ">64<"), ("score_memory", "materialised_peak-", "cpu_blas"),
     ("attention_share", "llama2_7b_at_128k", "Llama 2 7B"), ("balance_by_machine", "h100", "H100")],
)  # fmt: skip
def test_an_entry_shows_the_row_that_its_number_is_in(site_folder, path, place, name):
    """And no row of another case: the rows of a figure are shown in another order than they are made in."""
    text = (site_folder / "figures" / path / "index.html").read_text(encoding="utf-8")
    entry = re.search(rf'<h2[^>]* id="{place}.*?(?=<h2|</article)', text, re.DOTALL)[0]
    rows = re.findall(r"<tr.*?</tr>", entry, re.DOTALL)[1:]

    assert len(rows) == 1
    assert name in rows[0]


def test_rows_behind_a_number_are_those_it_moves_with():
    """Each row is moved by hand: the number moves with the rows that are found and with no other."""
    known = Answers.load(ROOT)
    shown = known.exhibits("decode_by_context")[0]
    module, run = known.figure("decode_by_context"), shown.run
    found = known.rows_behind("decode_by_context", run, ["mha_time", "mqa_speedup", "context"])
    before, rows = module.values(run), module.tabulate([run])

    assert [len(found[name]) for name in ("mha_time", "mqa_speedup", "context")] == [1, 2, 0]
    [behind] = found["mha_time"]
    assert str(before["mha_time"]) in {str(value) for value in behind.values()}
    halved = [replace(row, samples=tuple(s / 2 for s in row.samples)) if row.kernel and row.skipped is None else row
              for row in run.rows]  # fmt: skip
    times = [row for row in halved if row.kernel and not row.kernel.startswith("ceiling:")]
    shown_at = times[rows.index(behind)]
    only = replace(
        run, rows=tuple(h if h.key == shown_at.key else row for h, row in zip(halved, run.rows, strict=True))
    )
    assert module.values(only)["mha_time"].value == pytest.approx(before["mha_time"].value / 2)


def test_a_number_of_a_sum_says_no_rows_where_it_rests_on_many():
    """A mean of everything names no single row."""
    module = checkouts.squares()
    of_all = checkouts.run("laptop")
    of_all = replace(of_all, rows=tuple(Row(case={"side": n}, values={"area": float(n)}) for n in range(40)))
    module.values = lambda run: {"sum": checkouts.Quantity(sum(row.values["area"] for row in run.rows))}

    assert grounds.rows_behind(Cache(ROOT), module, of_all, ROOT / "none.json", ["sum"]) == {"sum": []}


@pytest.mark.parametrize(
    ("figure", "value", "said"),
    [
        ("heads_at_fixed_width", "cpu_naive_growth", "ratio(ends[0][0], ends[1][0])"),
        ("kv_cache", "llama3_8b_heads", "query_heads"),
    ],
)
def test_the_expression_of_a_number_is_found_in_the_code(tmp_path, figure, value, said):
    """Also where the name is put together."""
    module = registry.module("figures", figure)
    assert said in grounds.computed(Cache(tmp_path), module, [value])[value]


def test_every_folder_that_an_address_may_be_shortened_to_has_a_page(site_folder):
    """Runs, figures and their numbers, libraries, kernels, notebooks: no list of files and no refusal."""
    for folder in ("results", "peers", "kernels", "figures", "questions", "sources", "machines"):
        assert (site_folder / folder / "index.html").is_file(), folder
    for machine in {path.parent for path in (site_folder / "results").glob("*/*.json")}:
        text = (machine / "index.html").read_text(encoding="utf-8")
        files = {path.name for path in machine.glob("*.json")}
        assert {name for name in files if f'/{name}"' not in text and f'"{name}"' not in text} == set(), machine
    quoting = {path.parent for path in (site_folder / "figures").glob("*/*.json")}
    assert len([folder for folder in quoting if (folder / "index.html").is_file()]) > 50


def test_a_count_belongs_to_no_machine(numbers):
    """Its place is its name alone, however the mark was written."""
    assert not [link for _, link, _, _ in numbers if link.endswith(EVERY_MACHINE)]
    assert run_file.EVERY_MACHINE == EVERY_MACHINE
