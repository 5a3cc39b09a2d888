"""The difference of two states of the site as one HTML file: its tables, and pictures before and after."""

import base64
import json
import os
import subprocess
import sys
from html import escape
from pathlib import Path

from attnsite.diff.compare import Change, Difference
from attnsite.diff.text import groups, lists, summary

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; color: #1f2733; background: #fff; max-width: 74rem; margin: 2rem auto;
  padding: 0 1rem; }
h1 { font-size: 1.5rem; }
h2 { font-size: 1.15rem; margin-top: 2.2rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: 0.3rem 0.8rem 0.3rem 0; border-bottom: 1px solid #e3e6ea; }
td.n { font-variant-numeric: tabular-nums; white-space: nowrap; }
tr.noise, figcaption { color: #5f6b7a; }
.pair { display: grid; grid-template-columns: 1fr 1fr; gap: 1rem; }
.pair img { width: 100%; }
@media (prefers-color-scheme: dark) { body { color: #d9dde4; background: #16181d; } th, td { border-color: #2c313a; } }
"""
# Prints, for the figures named, each machine's wide picture as the file it was drawn to. It runs in another
# checkout, whose modules may lie where they lay before.
PICTURES = """
import json, sys
from pathlib import Path
root, names = Path(sys.argv[1]), sys.argv[2:]
try:
    from attnsite.records.mistakes import Mistake
    from attnsite.site.answers import Answers
    from attnsite.site.figures.svg import Pictures
    known, pictures = Answers.load(root), Pictures(root)
    draw, path_of = pictures.draw, pictures.path
except ImportError:
    try:
        from attnsite.records.mistakes import Mistake
        from attnsite.site import records
        from attnsite.site.figures import svg as picture
    except ImportError:
        from attnsite.errors import Mistake
        from attnsite.site import picture, records
    known = records.read(root)
    draw = lambda charts: picture.draw(root, charts)
    path_of = lambda chart, size: picture.path(root, chart, size)
found = {}
shown = []
for name in names:
    try:
        shown += known.exhibits(name)
    except (Mistake, ExceptionGroup):
        pass
shown = [e for e in shown if e.chart is not None and e.machine != "this_build"]
draw([e.chart for e in shown])
for e in shown:
    path = path_of(e.chart, "wide")
    if path.is_file():
        found[f"{e.name} {e.machine}"] = str(path)
print("\\n" + json.dumps(found))
"""


def page(found: Difference, before: Path, after: Path) -> str:
    """The whole file; pictures are drawn where a Chromium is, and are inside of it."""
    parts = ["<!doctype html>", '<html lang="en"><meta charset="utf-8"><title>What changed</title>',
             f"<style>{STYLE}</style>", "<h1>What this change does to the site</h1>"]  # fmt: skip
    if not found:
        parts.append("<p>Nothing: pages, texts, numbers, claims, figures, runs and sources are as before.</p>")
    else:
        parts.append(f"<p>{escape(summary(found))}.</p>")
    for title, names in lists(found):
        items = "".join(f"<li>{escape(name)}</li>" for name in names)
        parts.append(f"<h2>{escape(title.rstrip(':'))}</h2><ul>{items}</ul>")
    for title, by_place in groups(found):
        parts.append(f"<h2>{escape(title)}</h2>" + table(by_place))
    pairs = pictures(found, before, after)
    if pairs:
        parts += ["<h2>Pictures</h2>", *pairs]
    return "\n".join(parts) + "\n"


def table(by_place: dict[str, list[Change]]) -> str:
    rows = "".join(
        f"<tr{' class=noise' if change.noise else ''}><td>{escape(name)}</td><td>{escape(change.name)}</td>"
        f'<td class="n">{escape(change.before)}</td><td class="n">{escape(change.after)}</td>'
        f"<td>{'within the spread' if change.noise else ''}</td></tr>"
        for name, changes in by_place.items()
        for change in changes
    )
    return f"<table><tr><th>where</th><th>what</th><th>before</th><th>after</th><th></th></tr>{rows}</table>"


def pictures(found: Difference, before: Path, after: Path) -> list[str]:
    """Each figure whose numbers moved, before and after; and those that are new."""
    names = sorted({name.split()[0] for name in found.figures} | set(found.figures_added))
    if not names:
        return []
    old, new = drawn(before, names), drawn(after, names)
    made = []
    for name in sorted(set(old) | set(new)):
        if old.get(name) == new.get(name):
            continue
        images = "".join(
            f'<img alt="{escape(name)}, {when}" src="{side[name]}">' if name in side else "<p>–</p>"
            for when, side in (("before", old), ("after", new))
        )
        made.append(
            f"<figure><figcaption>{escape(name)}: before and after</figcaption>"
            f'<div class="pair">{images}</div></figure>'
        )
    return made


def drawn(root: Path, names: list[str]) -> dict[str, str]:
    """The figures' pictures as data addresses, drawn through the checkout's own code; none where that fails."""
    path = os.pathsep.join([str(root), *filter(None, [os.environ.get("PYTHONPATH")])])
    done = subprocess.run(
        [sys.executable, "-c", PICTURES, str(root), *names], capture_output=True, text=True, encoding="utf-8", cwd=root,
        env=os.environ | {"PYTHONPATH": path},
    )  # fmt: skip
    if done.returncode or not done.stdout.strip():
        return {}
    files: dict[str, str] = json.loads(done.stdout.strip().splitlines()[-1])
    return {
        name: "data:image/svg+xml;base64," + base64.b64encode(Path(file).read_bytes()).decode()
        for name, file in files.items()
    }
