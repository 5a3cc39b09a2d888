"""The `new` command: write the first file of a question, source, kernel, experiment or figure, which passes already."""

import argparse
import datetime
import re
from pathlib import Path

from attnsite.records import registry
from attnsite.records.mistakes import Mistake

QUESTION = """\
---
title: {title}?
order: {order}
asked: {today}
answer: To be written, in at most 30 words, with the number that settles it.
claims: []
aliases: []
draft: true
---

Begin with the figure that settles it, then write, a sentence a line.
A number is a mark that names a figure and its value, or stands beside a citation.
"""
THEME = "---\ntitle: {title}\norder: {order}\nsummary: To be written, in one sentence.\n---\n"
SOURCE = """\
@misc{{{name},
  author = {{Family, Given}},
  title = {{To be written}},
  year = {{2020}},
  url = {{https://example.org/}},
  annote = {{What we take from it, with page, section or table.}},
  checked = {{not re-read}}
}}
"""
KERNEL = '''\
"""{title}: the idea in a sentence.

Bytes: what it reads and writes.

Look at what is new here compared with the rung before.
Source: the paper or code that it follows.
"""

from attnsite.kernels import reference

DEVICE = "cpu"
FOLLOWS = "cpu_naive"  # the rung before


def attention(q, k, v, out, *, causal):
    """q, out (batch, heads, queries, dim); k, v (batch, kv_heads, keys, dim); all float32."""
    reference.attention(q, k, v, out, causal=causal)  # replace it by your own
'''
EXPERIMENT = '''\
"""{title}: what is asked?"""

from attnsite.records.workload import Timing, Workload


def call(heads: int, tokens: int) -> Workload:
    return Workload(heads=heads, queries=tokens, keys=tokens, dim=64)


experiment = Timing(
    kernels=("cpu_*",),
    quick=tuple(call(heads, 128) for heads in (1, 4)),  # some of the full ones, so that runs compare
    full=tuple(call(heads, tokens) for tokens in (128, 1024) for heads in (1, 2, 4, 8)),
)
'''
FIGURE = '''\
"""{title}: the finding, as a sentence

What to look at in this table.

How to read its columns.

The finding for readers who cannot see it.
"""

from typing import Any

from attnsite.records.quantity import Quantity
from attnsite.records.run_file import Run

EXPERIMENT = "{experiment}"
TITLE_COLUMNS = ("median time",)  # the columns that title and caption speak of: a page shows them first


def values(run: Run) -> dict[str, Quantity]:
    """The numbers that text may quote."""
    return {{"rows": Quantity(len(run.rows), "count")}}


def tabulate(runs: list[Run]) -> list[dict[str, Any]]:
    """A row for each row of the run."""
    return [{{"kernel": row.kernel, "median time": row.quantity()}} for row in runs[0].where()]
'''


def arguments(parser: argparse.ArgumentParser) -> None:
    kinds = parser.add_subparsers(dest="kind", required=True, metavar="KIND")
    question = kinds.add_parser("question", help="docs/questions/THEME/NAME.md, as a draft")
    question.add_argument("theme", help="the folder; a new one gets its index.md")
    places = {"source": "docs/sources/NAME.bib"}
    places |= {kind: f"attnsite/{kind}s/NAME.py" for kind in ("kernel", "experiment", "figure")}
    for kind, place in places.items():
        made = kinds.add_parser(kind, help=place)
        made.add_argument("name")
        if kind == "figure":
            made.add_argument("experiment", nargs="?", help="whose run it shows (default: the one of its name)")
    question.add_argument("name")


def run(options: argparse.Namespace) -> int:
    files = plan(options.root, options.kind, options.name, getattr(options, "theme", ""),
                 getattr(options, "experiment", None))  # fmt: skip
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
        print(f"wrote {path.relative_to(options.root).as_posix()}")
    return 0


def plan(root: Path, kind: str, name: str, theme: str = "", experiment: str | None = None) -> dict[Path, str]:
    """The files to write, by path. Raises `Mistake` for a bad name or a file that is there."""
    shape = r"[a-z][a-z0-9]*" if kind == "source" else r"[a-z][a-z0-9]*(_[a-z0-9]+)*"
    for word in filter(None, (name, theme)):
        if not re.fullmatch(shape, word):
            raise Mistake(f"attnsite new {kind}", word, "is not a valid file name", "use lower-case words joined by _")
    if kind == "kernel" and not name.startswith(("cpu_", "cuda_")):
        raise Mistake("attnsite new kernel", name, "names no device", "begin it with cpu_ or cuda_")
    title = name.replace("_", " ").capitalize()
    if kind == "question":
        folder = root / "docs" / "questions" / theme
        order, today = 1 + len(list(folder.glob("[!i]*.md"))), datetime.date.today().isoformat()
        files = {folder / f"{name}.md": QUESTION.format(title=title, order=order, today=today)}
        if not (folder / "index.md").exists():
            order = 1 + len(list(folder.parent.glob("*/index.md")))
            files[folder / "index.md"] = THEME.format(title=theme.replace("_", " ").capitalize(), order=order)
    elif kind == "source":
        files = {root / "docs" / "sources" / f"{name}.bib": SOURCE.format(name=name)}
    else:
        text = {"kernel": KERNEL, "experiment": EXPERIMENT, "figure": FIGURE}[kind]
        asked = experiment or name
        if kind == "figure" and asked not in registry.names("experiments"):
            known = ", ".join(registry.names("experiments"))
            raise Mistake("attnsite new figure", asked, "is not an experiment", f"name one of {known}")
        folder = root / "attnsite" / f"{kind}s"
        files = {folder / f"{name}.py": text.format(title=title, experiment=asked)}
    for path in files:
        if path.exists():
            raise Mistake(path.relative_to(root), "", "exists already", "choose another name")
    return files
