"""What a change does: numbers that moved, by more than their spread or not, claims, pages, and who may read it."""

import copy
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from attnsite.diff import compare
from attnsite.diff import html as difference_page
from attnsite.diff import text as difference_words
from attnsite.diff.compare import Change

ROOT = Path(__file__).parents[1]


def quantity(value, spread=None):
    low, high = (value - spread, value + spread) if spread is not None else (None, None)
    return {"value": value, "text": f"{value:g} ×", "low": low, "high": high}


BEFORE = {
    "format": 1,
    "pages": {
        "docs/questions/a/one.md": {
            "title": "One?", "answer": "Yes.", "figures": ["f"],
            "numbers": {"[=f.x m]": quantity(2.0, 0.2), "[=f.y m]": quantity(3.0)},
            "claims": {"It is so.": {"kind": "measured", "state": "fresh"}},
        },
        "docs/questions/a/gone.md": {"title": "Gone?", "answer": "", "figures": [], "numbers": {}, "claims": {}},
    },
    "figures": {"f": {"m": {"x": quantity(2.0, 0.2), "y": quantity(3.0)}}, "old": {}},
    "runs": {"m/e": {"state": "fresh", "started": "2026-01-02T00:00:00Z"}},
    "sources": ["doe2020squares"],
}  # fmt: skip


@pytest.fixture
def after():
    return copy.deepcopy(BEFORE)


def test_nothing_changed(after):
    """Says so in one line of text, one of Markdown, one of HTML."""
    found = compare.compare(BEFORE, after)

    assert not found
    assert len(difference_words.plain(found)) == 1
    assert difference_words.markdown(found)[-1].startswith("Nothing")
    assert "Nothing:" in difference_page.page(found, ROOT, ROOT)


def test_a_number_moves_by_more_than_its_spread_or_not(after):
    """Middle halves that meet may be noise; exact numbers that differ never are; what is sure comes first."""
    page = after["pages"]["docs/questions/a/one.md"]
    page["numbers"] = {"[=f.x m]": quantity(2.3, 0.2), "[=f.y m]": quantity(4.0)}
    after["figures"]["f"]["m"] = {"x": quantity(9.0, 0.2), "y": quantity(3.0), "z": quantity(1.0)}

    found = compare.compare(BEFORE, after)

    assert found.prose == {"docs/questions/a/one.md": [
        Change("[=f.y m]", "3 ×", "4 ×", False), Change("[=f.x m]", "2 ×", "2.3 ×", True)
    ]}  # fmt: skip
    assert found.figures == {"f m": [Change("x", "2 ×", "9 ×", False), Change("z", "–", "1 ×", False)]}


def test_pages_figures_sources_claims_and_runs_that_came_went_or_changed(after):
    """Each in its own list; a claim by its sentence, with kind and state."""
    after["pages"]["docs/questions/a/new.md"] = after["pages"].pop("docs/questions/a/gone.md") | {"title": "New?"}
    after["pages"]["docs/questions/a/one.md"]["claims"] = {"It is so.": {"kind": "measured", "state": "stale"}}
    after["figures"]["new"] = after["figures"].pop("old")
    after["sources"] = ["roe2021cubes"]
    after["runs"] = {"m/e": {"state": "stale", "started": "2026-01-02T00:00:00Z"},
                     "n/e": {"state": "fresh", "started": "2026-02-03T00:00:00Z"}}  # fmt: skip

    found = compare.compare(BEFORE, after)
    told = "\n".join(difference_words.plain(found))

    assert [found.pages_added, found.pages_removed] == [["docs/questions/a/new.md"], ["docs/questions/a/gone.md"]]
    assert found.claims == {"docs/questions/a/one.md": [Change("It is so.", "measured fresh", "measured stale", False)]}
    assert [run.name for run in found.runs] == ["m/e", "n/e"]
    for line in (
        "Pages added:\n  New?",
        "Pages removed:\n  Gone?",
        "Figures added:\n  new",
        "Sources added:\n  roe2021cubes",
    ):
        assert line in told
    assert told.splitlines()[0] == (
        "pages added 1; pages removed 1; figures added 1; figures removed 1; sources added 1; sources removed 1; "
        "claims 1; runs 2"
    )


def test_a_comment_is_only_text_whatever_the_change_holds(after):
    """A stranger's title or claim can not bring markup, a mention or another cell into the comment."""
    after["pages"]["docs/questions/a/bad.md"] = copy.deepcopy(BEFORE["pages"]["docs/questions/a/gone.md"])
    after["pages"]["docs/questions/a/bad.md"]["title"] = "<img src=x onerror=1> @everyone `x` | [a](b)"
    after["pages"]["docs/questions/a/one.md"]["claims"] = {"<script>a</script>|b": {"kind": "cited", "state": ""}}

    comment = "\n".join(difference_words.markdown(compare.compare(BEFORE, after)))
    page = difference_page.page(compare.compare(BEFORE, after), ROOT, ROOT)

    assert not re.search(r"<(?!/?(?:details|summary)\b)", comment)
    assert "@" not in comment
    assert "`" not in comment
    assert all(line.count("|") == 6 for line in comment.splitlines() if line.startswith("|"))
    assert "<script" not in page
    assert "<img src=x" not in page


def test_long_lists_are_cut_in_a_comment(after):
    """GitHub refuses comments of more than 65 536 letters."""
    after["figures"]["f"]["m"] = {f"x{i}": quantity(float(i)) for i in range(3000)}

    comment = "\n".join(difference_words.markdown(compare.compare(BEFORE, after)))

    assert len(comment) < 40_000
    assert "more |" in comment


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A repository with this project's code and two commits, the second with another title and a changed run."""
    folder = tmp_path_factory.mktemp("checkout")

    def git(*words):
        who = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
        subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True)

    archive = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout.decode()
    for name in filter(None, archive.split("\0")):
        if name.startswith(("attnsite/", "docs/questions", "docs/sources", "docs/results", "mkdocs.yml")):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            if (ROOT / name).is_file():
                (folder / name).write_bytes((ROOT / name).read_bytes())
    git("init", "-q", "-b", "main")
    git("add", "-A")
    git("commit", "-q", "-m", "before")
    page = folder / "docs/questions/practice/multi_head_or_single_head.md"
    page.write_text(page.read_text(encoding="utf-8").replace("[=kv_cache.falcon_7b]", ""), encoding="utf-8")
    page.with_name("another.md").write_text(page.read_text(encoding="utf-8").replace("order: 1", "order: 77"), "utf-8")
    return folder


def ask(checkout, *words):
    command = [sys.executable, "-m", "attnsite.cli", "--root", str(checkout), "diff", *words]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=300)


def test_a_checkout_is_compared_with_a_commit(checkout):
    """The commit is looked at beside, in a folder that is gone afterwards; the change stands in the working tree."""
    done = ask(checkout, "main")

    assert done.returncode == 0, done.stderr
    assert "Pages added:\n  Multi-head or single-head attention?" in done.stdout
    left = subprocess.run(["git", "worktree", "list"], cwd=checkout, capture_output=True, text=True).stdout
    assert len(left.splitlines()) == 1


def test_what_is_no_commit_is_one_clear_line(checkout):
    """With the name that was given, and what could be given instead."""
    done = ask(checkout, "no_such_thing")

    assert done.returncode == 1
    assert len(done.stderr.strip().splitlines()) == 1
    assert "no_such_thing: is neither a commit nor a checkout" in done.stderr


def test_a_snapshot_is_json_with_every_page_and_figure():
    """Of this repository: each question with its claims, each figure with numbers where it has a run."""
    from attnsite.diff import snapshot

    taken = json.loads(json.dumps(snapshot.take(ROOT)))

    assert len(taken["pages"]) == len(list((ROOT / "docs/questions").glob("*/*.md"))) - len(
        list((ROOT / "docs/questions").glob("*/index.md"))
    )
    assert taken["figures"]["kv_cache"]["every_machine"]
    assert all(page["claims"] for page in taken["pages"].values())
