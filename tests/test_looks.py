"""Key parts of pages look as they did: pictures of them are kept under `looks/`, in both themes.

    scripts/test.sh tests/test_looks.py --renew-looks     # after a change that was meant; look at what git shows

Compared are the mean colours of squares of 4 × 4 pixels. A square differs where one of its three colours does by more
than 24 of 255, and a look may have 1 % of such squares. Edges of letters that another version of the browser draws
otherwise stay below that; a colour, a block that moved, a line that went are above it. What authors write or machines
measure is replaced by words of the test or left out, so that new texts and results change no look.
"""

import re
import shutil
import subprocess
from dataclasses import dataclass, field

import numpy as np
import pytest

from tests import pixels
from tests.conftest import ROOT

pytestmark = pytest.mark.browser
KEPT = ROOT / "tests" / "looks"
SQUARE, COLOUR, SHARE = 4, 24, 0.01
THEMES = ("light", "dark")
PINNED = """
body { --md-text-font-family: "DejaVu Sans" !important; --md-code-font-family: "DejaVu Sans Mono" !important; }
*, ::before, ::after { animation: none !important; transition: none !important; caret-color: transparent !important; }
"""
SAY = "([where, words]) => document.querySelectorAll(where).forEach(e => { e.textContent = words; })"
STILL = """async () => {
  await document.fonts.ready;
  await Promise.all([...document.images].filter(i => i.checkVisibility() && i.loading !== "lazy").map(i => i.decode()));
  await new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)));
}"""
TITLE = "How do heads share the width of a layer?"
TEXT = "Every column of a matrix belongs to exactly one head, so that more heads are narrower heads and no weight more. "


@dataclass(frozen=True)
class Look:
    """A part of a page: from the top left of `start`, so wide and high; with these words; without what is hidden."""

    path: str
    start: str
    size: tuple[int, int]
    window: int = 1280
    words: dict[str, str] = field(default_factory=dict)  # by selector
    hidden: str = ".md-sidebar, .md-tabs"  # lists of pages, which grow; their place stays


LOOKS = {
    "home": Look("", "body", (1280, 720), words={"h1": TITLE, ".lead": TEXT, ".exhibit-title span": TITLE}),
    "head": Look("", "body", (360, 400), window=360, words={"h1": TITLE, ".lead": TEXT}),
    "question": Look("questions/cost/heads_and_parameters/", "body", (1280, 720)),
    "figure": Look("questions/cost/heads_and_parameters/", "#figure-growth_in_heads", (360, 600), window=360),
    "calculator": Look("calculator/", ".calculator", (640, 600)),
    "by_hand": Look("by_hand/", ".by-hand", (640, 700)),
}


@pytest.fixture(scope="module")
def lettered():
    """The letters of the kept pictures."""
    known = shutil.which("fc-list") and subprocess.run(["fc-list", ":", "family"], capture_output=True, text=True).stdout
    if not known or not {"DejaVu Sans", "DejaVu Sans Mono"} <= set(known.splitlines()):
        pytest.skip("the pictures are kept in DejaVu's letters, which are not installed: fonts-dejavu-core")


@pytest.fixture
def take(site, open_page, lettered):
    """Take a look: a page in a theme, pinned, and the picture of it as a PNG; `change` is done to the page before."""

    def taken(look, theme, change=""):
        page = open_page("about:blank", viewport={"width": look.window, "height": 900}, color_scheme=theme,
                         reduced_motion="reduce", locale="en-GB", timezone_id="UTC")  # fmt: skip
        page.route("**/figures/*.svg", lettered_picture)
        page.goto(site + look.path, wait_until="networkidle")
        page.add_style_tag(content=PINNED + f"{look.hidden} {{ visibility: hidden !important; }}" + change)
        for where, words in look.words.items():
            page.evaluate(SAY, [where, words])
        page.locator(look.start).scroll_into_view_if_needed()
        page.evaluate(STILL)
        box = page.locator(look.start).bounding_box()
        top = page.evaluate("scrollY") + box["y"]
        clip = {"x": box["x"], "y": top, "width": look.size[0], "height": look.size[1]}
        return page.screenshot(clip=clip, full_page=True)

    return taken


def lettered_picture(route):
    """A still picture names fonts of its own, for which every machine has others."""
    answer = route.fetch()
    text = re.sub(r"font-family:[^;}]+", 'font-family:"DejaVu Sans"', answer.text())
    route.fulfill(response=answer, body=text)


def squares(png):
    """The mean colours of the squares of a picture, (rows, columns, 3)."""
    picture = pixels.read(png).astype(np.float32)
    rows, columns = picture.shape[0] // SQUARE, picture.shape[1] // SQUARE
    cut = picture[: rows * SQUARE, : columns * SQUARE]
    return cut.reshape(rows, SQUARE, columns, SQUARE, 3).mean(axis=(1, 3))


def differing(kept, now):
    """Which squares differ, (rows, columns)."""
    return (np.abs(squares(kept) - squares(now)) > COLOUR).any(axis=2)


def shown(kept, now):
    """The kept picture, the new one, and the new one with what differs in red, side by side."""
    marks = np.kron(differing(kept, now), np.ones((SQUARE, SQUARE), bool))
    marked = pixels.read(now)[: marks.shape[0], : marks.shape[1]].copy()
    marked[marks] = (230, 0, 40)
    return pixels.write(np.hstack([*(pixels.read(png)[: marks.shape[0], : marks.shape[1]] for png in (kept, now)), marked]))


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("name", LOOKS)
def test_it_looks_as_it_did(take, request, name, theme):
    """Within the tolerance; where not, the pictures lie side by side in `.cache/attnsite/looks/`."""
    now, file = take(LOOKS[name], theme), KEPT / f"{name}-{theme}.png"
    if request.config.getoption("--renew-looks"):
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(now)
        return
    kept = file.read_bytes()
    share = differing(kept, now).mean()
    if share > SHARE:
        beside = ROOT / ".cache/attnsite/looks" / file.name
        beside.parent.mkdir(parents=True, exist_ok=True)
        beside.write_bytes(shown(kept, now))
        pytest.fail(f"{name} ({theme}): {share:.1%} of its squares differ, {SHARE:.0%} may; see {beside}. "
                    "If this is meant: scripts/test.sh tests/test_looks.py --renew-looks")  # fmt: skip


def test_the_kept_pictures_are_small_and_all_looked_at():
    """A repository is no place for many pictures."""
    files = sorted(KEPT.iterdir())

    assert [file.name for file in files] == sorted(f"{name}-{theme}.png" for name in LOOKS for theme in THEMES)
    assert sum(file.stat().st_size for file in files) < 600_000
