"""A small checkout with one figure, `squares`, counted and measured: what tests of the site's pages are built from."""

import re
from pathlib import Path
from types import ModuleType

import plotly.graph_objects as go

from attnsite.figures.toolkit import style
from attnsite.records import registry, run_file
from attnsite.records.quantity import Quantity
from attnsite.records.run_file import EVERY_MACHINE, Provenance, Row, Run

ROOT = Path(__file__).parents[1]
FIGURE = """The square of {largest_side} is {largest}

Compare `side` with area.

Areas grow faster than sides.

A line from 1 to {largest}.
"""
QUESTION = """---
title: {title}
order: {order}
answer: {answer}
claims:
  - counted: The largest is the square of its side. [=squares.largest in 900..901]
{more}---

## A section

{body}
"""
THEME = "---\ntitle: {title}\norder: 1\nsummary: What is square.\n---\n"
SOURCE = """@misc{{{key},
  author = {{{author}}},
  title = {{{title}}},
  year = {{{year}}},
  howpublished = {{{venue}}},
  url = {{https://example.org/{key}}},
  annote = {{{annote}}},
  checked = {{text read}}
}}
"""


def squares():
    """The figure's module."""
    module = ModuleType("attnsite.figures.squares", FIGURE)

    def values(run):
        last = run.rows[-1]
        spread = (last.values["area"] - 1, last.values["area"] + 1) if run.kind == "timing" else ()
        return {"largest": Quantity(last.values["area"], "count", *spread),
                "largest_side": Quantity(last.case["side"], "count")}  # fmt: skip

    def tabulate(runs):
        return [{"side": row.case["side"], "area": row.values["area"]} for row in runs[0].rows]

    def draw(runs):
        rows = runs[0].rows
        line = go.Scatter(x=[r.case["side"] for r in rows], y=[r.values["area"] for r in rows],
                          line={"color": style.OURS})  # fmt: skip
        return go.Figure(line, {"font": {"color": style.INK}, "title": {"text": runs[0].machine}})

    module.EXPERIMENT, module.TITLE_COLUMNS = "squares", ("area",)
    module.values, module.tabulate, module.draw = values, tabulate, draw
    return module


def run(machine, kind="timing", **known):
    """A run of `squares`; what is known of the machine is in its provenance."""
    software = {"commit": "abc1234", "clean": True}
    provenance = Provenance(known, software, "2026-01-02T03:04:05Z", 1.0, {"verdict": "steady"})
    rows = tuple(Row(case={"side": side}, values={"area": side * side + 1 / 3}) for side in (1, 2, 30))
    return Run("squares", kind, machine, "full", "0" * 12, (), provenance, rows)


def register(monkeypatch):
    """Make `squares` the one figure that there is; runs of the machine `old` are stale."""
    only = {"figures": ["squares"], "experiments": ["squares"]}
    names, module = registry.names, registry.module
    monkeypatch.setattr(registry, "names", lambda room: only.get(room) or names(room))
    monkeypatch.setattr(
        registry, "module", lambda room, name, *need: made if name == "squares" else module(room, name, *need)
    )
    monkeypatch.setattr(run_file, "state", lambda run: "stale" if run.machine == "old" else "fresh")
    made = squares()


def put(root, path, text):
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text, encoding="utf-8")


def put_run(root, machine, kind="timing", **known):
    run_file.write(run(machine, kind, **known), run_file.path_of(root, machine, "squares"))


def question(title="How large is a square?", order=1, answer="As its side, twice, to [=squares.largest].", body="Text.",
             more=""):  # fmt: skip
    return QUESTION.format(title=title, order=order, answer=answer, body=body, more=more)


def source(key, author="Doe, Jane", title="On squares", annote="That squares exist.", venue="A Journal"):
    year = "".join(filter(str.isdigit, key))
    return SOURCE.format(key=key, year=year, author=author, title=title, annote=annote, venue=venue)


def fill(root):
    """Two sources, a count, two machines' runs, a theme with a question, a page written by hand."""
    put(root, "mkdocs.yml", "site_name: squares\n")
    put(root, "docs/index.md", "# Home\n\n[A question](questions/shapes/area.md)\n")
    put(root, "docs/questions/shapes/index.md", THEME.format(title="Shapes"))
    put(root, "docs/questions/shapes/area.md", question())
    put(root, "docs/sources/doe2020squares.bib", source("doe2020squares"))
    put(root, "docs/sources/roe2021cubes.bib", source("roe2021cubes", "Roe, R. and Doe, J.", "On cubes", "Cubes."))
    put_run(root, EVERY_MACHINE, "count")
    put_run(root, "laptop", cpu="A processor", cores=2)
    put_run(root, "old", cpu="An older one", cores=1)
    return root


def put_builder(root):
    """The site's own configuration, hooks, theme and scripts; without notebooks, and warnings do not end a build."""
    (root / "docs" / "assets").symlink_to(ROOT / "docs" / "assets")
    ours = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    ours = re.sub(r"  - mkdocs-jupyter:\n(?:      .*\n)+", "", ours)
    ours = re.sub(
        r"^hooks:\n.*\n", f"hooks: ['{ROOT / 'attnsite/site/builders/mkdocs_hooks.py'}']\n", ours, flags=re.MULTILINE
    )
    ours = ours.replace("custom_dir: overrides", f"custom_dir: {ROOT / 'overrides'}").replace("strict: true", "")
    put(root, "mkdocs.yml", re.sub(r"^watch:\n(?:  - .*\n)+", "", ours, flags=re.MULTILINE))
