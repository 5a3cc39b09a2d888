"""Key parts of pages look as they did: pictures of them are kept under `looks/`, in both themes.

    scripts/test.sh tests/test_looks.py --renew-looks     # after a change that was meant; look at what git shows

Compared are the mean colours of squares of 4 × 4 pixels. A square differs where one of its three colours does by more
than 24 of 255; of those that are not plain ground in both pictures 2 % may. The same browser draws without any
difference; edges of letters that another version draws a little otherwise are within. A colour, a block that moved or
another size of type are above it; one thin line that went, or a word, are not. What authors write or machines measure
is replaced by words of the test or left out, so that new texts and results change no look.
"""

import re
import shutil
import subprocess
from dataclasses import dataclass

import numpy as np
import pytest

from tests import pixels
from tests.conftest import ROOT

pytestmark = pytest.mark.browser
KEPT = ROOT / "tests" / "looks"
SQUARE, COLOUR, GROUND, SHARE = 4, 24, 8, 0.02
THEMES = ("light", "dark")
PINNED = """
body { --md-text-font-family: "DejaVu Sans" !important; --md-code-font-family: "DejaVu Sans Mono" !important; }
*, ::before, ::after { animation: none !important; transition: none !important; caret-color: transparent !important; }
"""
SAY = "([where, words]) => document.querySelectorAll(where).forEach(e => { e.textContent = words; })"
STILL = """async () => {
  const near = i => i.loading !== "lazy" || i.getBoundingClientRect().top < 2 * innerHeight;
  await document.fonts.ready;
  await Promise.all([...document.images].filter(i => i.checkVisibility() && near(i)).map(i => i.decode()));
  await new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)));
}"""
TITLE = "How do heads share the width of a layer?"
TEXT = "Every column of a matrix belongs to exactly one head, so that more heads are narrower and no weight more."


PINNED_WORDS = {"article h1": TITLE, ".lead": TEXT, ".answer": TEXT, ".checked": "Measured some day (so many runs).",
                ".exhibit-made": "Counted, the same on every machine",
    ".exhibit-title span": TITLE, "[data-text=caption]": TEXT, "[data-text=reading]": "",
                ".calc-from": TEXT}  # fmt: skip
HIDDEN = (
    ".md-sidebar, .md-tabs, .headerlink { opacity: 0 !important; }"  # lists of pages, which grow; their place stays
)


@dataclass(frozen=True)
class Look:
    """A part of a page: from the top left of an element, so wide and so high, in a window of a width."""

    path: str
    start: str
    size: tuple[int, int]
    window: int = 1280


LOOKS = {
    "home": Look("", "body", (1040, 640)),
    "head": Look("", "body", (360, 400), window=360),
    "question": Look("questions/cost/heads_and_parameters/", "body", (1040, 640)),
    "figure": Look("questions/cost/heads_and_parameters/", "#figure-growth_in_heads", (344, 560), window=360),
    "calculator": Look("calculator/", ".calculator", (640, 480)),
    "by_hand": Look("by_hand/", ".by-hand", (640, 460)),
}


@pytest.fixture(scope="module")
def lettered():
    """The letters of the kept pictures."""
    known = ""
    if shutil.which("fc-list"):
        known = subprocess.run(["fc-list", ":", "family"], capture_output=True, text=True).stdout
    if not {"DejaVu Sans", "DejaVu Sans Mono"} <= set(known.splitlines()):
        pytest.skip("the pictures are kept in DejaVu's letters, which are not installed: fonts-dejavu-core")


@pytest.fixture
def take(site, site_folder, open_page, lettered):
    """Take a look: a page in a theme, pinned, and the picture of it as a PNG; `change` is done to the page before."""

    def fulfil(route):
        file = site_folder / route.request.url.removeprefix(site)
        route.fulfill(content_type="image/svg+xml", body=lettered_picture(file))

    def taken(look, theme, change=""):
        page = open_page("about:blank", viewport={"width": look.window, "height": 900}, color_scheme=theme,
                         reduced_motion="reduce", locale="en-GB", timezone_id="UTC")  # fmt: skip
        page.route("**/figures/**/*.svg", fulfil)
        page.goto(site + look.path, wait_until="networkidle")
        page.add_style_tag(content=PINNED + HIDDEN + change)
        for where, words in PINNED_WORDS.items():
            page.evaluate(SAY, [where, words])
        page.locator(look.start).scroll_into_view_if_needed()  # a picture comes when it is near
        page.evaluate(STILL)
        page.evaluate("scrollTo(0, 0)")  # the head of the page stays there
        box = page.locator(look.start).bounding_box()
        clip = {"x": box["x"], "y": box["y"], "width": look.size[0], "height": look.size[1]}
        png = page.screenshot(clip=clip, full_page=True)
        page.unroute_all(behavior="ignoreErrors")  # a picture further below may just be asked for
        return png

    return taken


def lettered_picture(file):
    """A still picture in the letters of the kept ones, without the day and the commit of its run."""
    text = re.sub(r"font-family:[^;}]+", "font-family:'DejaVu Sans'", file.read_text(encoding="utf-8"))
    return re.sub(r" · [\d-]{10} · commit [^<]*", " · day · commit", text)


def squares(png):
    """The mean colours of the squares of a picture, (rows, columns, 3)."""
    picture = pixels.read(png).astype(np.float32)
    rows, columns = picture.shape[0] // SQUARE, picture.shape[1] // SQUARE
    cut = picture[: rows * SQUARE, : columns * SQUARE]
    return cut.reshape(rows, SQUARE, columns, SQUARE, 3).mean(axis=(1, 3))


def differing(kept, now):
    """Which squares differ, (rows, columns), and their share of those that either picture draws upon."""
    before, after = squares(kept), squares(now)
    ground = np.median(before.reshape(-1, 3), axis=0)
    drawn = (np.abs(np.stack([before, after]) - ground) > GROUND).any(axis=(0, 3))
    found = (np.abs(before - after) > COLOUR).any(axis=2)
    return found, found.sum() / drawn.sum()


def shown(kept, now):
    """The kept picture, the new one, and the new one with what differs in red, side by side."""
    marks = np.kron(differing(kept, now)[0], np.ones((SQUARE, SQUARE), bool))
    height, width = marks.shape
    before, after = (pixels.read(png)[:height, :width] for png in (kept, now))
    marked = np.where(marks[:, :, None], np.uint8([230, 0, 40]), after)
    return pixels.write(np.hstack([before, after, marked]))


CHANGES = {  # what shall not pass: a colour of letters, of a drawing, of edges; a moved block, another size
    "letters": ("question", ".answer, h1 { color: #567 !important; }"),
    "drawing": ("by_hand", ".hand-picture line { stroke: #2a2 !important; }"),
    "edges": ("calculator", ":is(input, select) { border-color: transparent !important; }"),
    "moved": ("calculator", ".calculator { padding-top: 5px; }"),
    "size": ("head", ".lead { font-size: 0.9rem !important; }"),
}


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
    _, share = differing(kept, now)
    if share > SHARE:
        beside = ROOT / ".cache/attnsite/looks" / file.name
        beside.parent.mkdir(parents=True, exist_ok=True)
        beside.write_bytes(shown(kept, now))
        pytest.fail(f"{name} ({theme}): {share:.1%} of its drawn squares differ, {SHARE:.0%} may; see {beside}. "
                    "If this is meant: scripts/test.sh tests/test_looks.py --renew-looks")  # fmt: skip


def test_the_kept_pictures_are_small_and_all_looked_at():
    """A repository is no place for many pictures."""
    files = sorted(KEPT.iterdir())

    assert [file.name for file in files] == sorted(f"{name}-{theme}.png" for name in LOOKS for theme in THEMES)
    assert sum(file.stat().st_size for file in files) < 820_000


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_is_seen(take, request, name):
    """Each is more than the tolerance."""
    if request.config.getoption("--renew-looks"):
        pytest.skip("the pictures are being renewed")
    look, change = CHANGES[name]

    _, share = differing((KEPT / f"{look}-light.png").read_bytes(), take(LOOKS[look], "light", change))

    assert share > SHARE


def test_edges_of_letters_may_differ_a_little_and_blocks_may_not():
    """A picture of thin lines whose edges are lighter by a quarter is the same; moved by a pixel it is not."""
    lines = np.full((400, 400, 3), 255, np.uint8)
    lines[10:390:12, 10:390] = (40, 40, 40)
    lighter, moved = lines.copy(), np.roll(lines, 4, axis=0)
    lighter[10:390:12, 10:390] = (90, 90, 90)
    same, other = (differing(pixels.write(lines), pixels.write(picture))[1] for picture in (lighter, moved))

    assert same == 0
    assert other > SHARE
