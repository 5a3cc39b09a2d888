"""A figure's picture as a sheet that can be passed on: its title above it, and below it what is drawn, the machine, day
and commit of the run, and the address where it stands. `acts.js` makes the same of a chart for a PNG."""

import re
from collections.abc import Sequence
from html import escape
from pathlib import Path

from attnsite.site import disk_cache, exhibits
from attnsite.site.answers import Answers
from attnsite.site.exhibits import Exhibit
from attnsite.site.figures import svg as picture

WIDE = 760
SIDE, GAP = 12, 8
TITLE, CAPTION, MADE = 16, 12, 11  # sizes of the type
_LETTER = 0.53  # the mean width of a letter, in units of its size; bold ones are wider
_BOLD = 1.08
_SHEET = re.compile(r"<svg [^>]*>")


def alone(answers: Answers, shown: Exhibit, address: str) -> str:
    """The SVG file of a figure for documents and slides, of light colours, on white.

    `address` is where the figure stands, with the site's own address if there is one. Kept for the next build.
    """
    assert shown.chart is not None

    def make() -> str:
        assert shown.chart is not None
        wide = picture.Pictures(answers.checkout.root).path(shown.chart, "wide").read_text(encoding="utf-8")
        made = exhibits.provenance(shown.run, shown.state)
        return picture.light(sheet(wide, shown.title, shown.caption, [made, address]))

    made_from = ("sheet", shown.made_from, picture.key(shown.chart), address, disk_cache.code_of(Path(__file__)))
    return str(answers.checkout.cache.kept(made_from, make)) if shown.made_from else make()


def sheet(svg: str, title: str, caption: str, made: Sequence[str]) -> str:
    """The picture with its texts around it, each wrapped to the sheet's width; colours are still its variables."""
    above = [(line, TITLE, "ink", "bold") for line in wrapped(title, TITLE * _BOLD)]
    below = [(line, CAPTION, "ink", "normal") for line in wrapped(caption, CAPTION)]
    below += [(line, MADE, "mute", "normal") for text in made if text for line in wrapped(text, MADE)]
    start = _SHEET.search(svg)
    assert start
    style, _, inner = svg[start.end() :].partition("</style>")
    view = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', start[0])
    size = [float(number) for number in view.groups()] if view else [760.0, 420.0]
    y, texts = float(GAP), ""
    for lines, after in ((above, size[1]), (below, 0.0)):
        for line, letters, colour, weight in lines:
            y += 1.35 * letters
            texts += (
                f'<text x="{SIDE}" y="{y:.1f}" style="font-size:{letters}px;font-weight:{weight};fill:var(--{colour})">'
                f"{escape(line, quote=False)}</text>"
            )
        if after:
            top = y + GAP
            y = top + after
    height = round(y + 2 * GAP)
    whole = f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="{WIDE}" '
    picture_ = re.sub(r'^<svg (?:class="[^"]*" )?', f'<svg y="{top:.1f}" ', start[0])
    return f'{whole}height="{height}" viewBox="0 0 {WIDE} {height}">{style}</style>{texts}{picture_}{inner}</svg>'


def wrapped(text: str, letter: float) -> list[str]:
    """The lines of a text whose letters are so large, none longer than the sheet is wide."""
    most = int((WIDE - 2 * SIDE) / (letter * _LETTER))
    lines: list[str] = []
    for word in text.replace("`", "").split(" "):
        if lines and len(lines[-1]) + 1 + len(word) <= most:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines
