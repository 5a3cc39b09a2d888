"""Every still picture of the site, in both sizes: its words stand free, can be read, and nothing lies hidden."""

import json

import pytest

from tests import drawn

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def page(browser):
    opened = browser.new_page(viewport={"width": 800, "height": 500})
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def pictures(site_folder, page):
    """By name, what each picture holds."""
    files = sorted(site_folder.glob("figures/*/*-*.svg"))
    files = [file for file in files if file.stem.endswith(("-wide", "-narrow"))]
    files = [file for file in files if not file.stem.startswith("this_build")]  # other numbers with each build
    assert len(files) > 100
    return {f"{file.parent.name}/{file.stem}": drawn.read(page, file.read_text(encoding="utf-8")) for file in files}


@pytest.mark.parametrize("fault", drawn.FAULTS, ids=lambda fault: fault.__name__)
def test_no_picture_has_the_fault(pictures, fault):
    """Each kind is asked of every picture."""
    found = {name: said for name, seen in pictures.items() if (said := list(dict.fromkeys(fault(seen))))}

    assert found == {}


def test_every_point_lies_between_the_ends_of_the_axes(site_folder):
    """What lies outside is not seen; a figure that leaves some out on purpose says that it is above the chart."""
    found = []
    for file in sorted(site_folder.glob("figures/*/*.json")):
        spec = json.loads(file.read_text(encoding="utf-8"))
        if "above the chart" not in f"{spec.get('caption')} {spec.get('reading')}":
            for size, layout in (spec.get("layouts") or {}).items():
                name = f"{file.parent.name}/{file.stem} {size}"
                found += [f"{name}: {said}" for said in drawn.beyond(spec["data"], layout)]

    assert found == []


def test_a_point_outside_the_axes_is_seen():
    layout = {"xaxis": {"type": "log", "range": [0, 2]}, "yaxis": {"range": [0, 1]}}
    dots = {"type": "scatter", "mode": "markers", "name": "dots"}

    assert list(drawn.beyond([dots | {"x": [1, 100], "y": [0, 1]}], layout)) == []
    assert list(drawn.beyond([dots | {"x": [1, 101], "y": [0, 1]}], layout)) == ["dots at 101, 1"]
    assert list(drawn.beyond([dots | {"x": [10, None], "y": [1.1, 4]}], layout)) == ["dots at 10, 1.1"]


SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="200" height="100" viewBox="0 0 200 100">{}</svg>'
TEXT = '<g class="annotation"><text x="{}" y="50" style="font-size: 13px; fill: var(--{})">a label</text></g>'
BAR = '<g class="bars"><g class="point"><path d="M{},30H{}V60H{}Z" style="fill: var(--{}); stroke-width: 0"/></g></g>'
LINE = '<path class="js-line" d="M0,46H200" style="fill: none; stroke: var(--{}); stroke-width: {}px"/>'
RIM = '<path class="xerror" d="M60,46H90" style="fill: none; stroke: var(--{}); stroke-width: {}px"/>'
TICK = '<g class="xtick"><text x="{}" y="90" style="font-size: 11px; fill: var(--ink)">128</text></g>'
FAULTY = {
    drawn.outside: TEXT.format(170, "ink"),
    drawn.crossed_words: TEXT.format(50, "ink") + TEXT.format(60, "ink"),
    drawn.struck: LINE.format("ink", 1) + TEXT.format(50, "ink"),
    drawn.faint_words: TEXT.format(50, "ours-2"),
    drawn.lost_lines: BAR.format(20, 150, 20, "ours") + RIM.format("ink", 1),
    drawn.hidden_lines: LINE.format("mute", 1) + LINE.format("ours", 2),
    drawn.small_words: TEXT.format(50, "ink").replace("13px", "9px"),
    drawn.twins: BAR.format(20, 80, 20, "ours") + BAR.format(80, 140, 80, "other"),
    drawn.covered: '<path class="point" d="M60,40H66V46H60Z" style="fill: var(--ours)"/>'
    + TEXT.format(50, "ink").replace(
        "<text",
        '<rect class="bg" x="48" y="36" width="50" height="20" style="fill: var(--paper); fill-opacity: 1"/><text',
    ),
}
FREE = TEXT.format(50, "ink") + BAR.format(120, 190, 120, "ours")


@pytest.mark.parametrize("fault", drawn.FAULTS, ids=lambda fault: fault.__name__)
def test_each_fault_is_seen_where_it_is_and_not_elsewhere(page, fault):
    """In a picture that has it, and not in one that has none."""
    assert list(fault(drawn.read(page, SVG.format(FAULTY[fault]))))
    assert list(fault(drawn.read(page, SVG.format(FREE)))) == []


@pytest.mark.parametrize("kind", ["ticks", "edge", "mark"])
def test_other_forms_of_a_fault_are_seen_too(page, kind):
    """Ticks that run together, a word on a bar's edge, a word on a mark."""
    fault, svg = {
        "ticks": (drawn.crossed_words, TICK.format(50) + TICK.format(69)),
        "edge": (drawn.struck, BAR.format(20, 70, 20, "ours") + TEXT.format(50, "ink")),
        "mark": (
            drawn.struck,
            '<path class="point" d="M60,40H70V50H60Z" style="fill: var(--ours)"/>' + TEXT.format(50, "ink"),
        ),
    }[kind]

    assert list(fault(drawn.read(page, SVG.format(svg))))


def test_a_ground_in_a_cell_is_seen(page):
    """A word in a cell of a map needs no ground of its own."""
    ground = '<rect class="bg" x="48" y="36" width="50" height="20" style="fill: var(--paper); fill-opacity: 1"/><text'
    cell = '<path class="js-fill" d="M40,30H110V64H40Z" style="fill: var(--ours); fill-opacity: 0.2"/>'
    word = TEXT.format(50, "ink")
    assert list(drawn.covered(drawn.read(page, SVG.format(cell + word.replace("<text", ground)))))
    assert list(drawn.covered(drawn.read(page, SVG.format(cell + word)))) == []


def test_a_rim_saves_a_line_and_a_hatch_a_bar(page):
    """What the figures do against both faults is seen as done."""
    bar = BAR.format(20, 150, 20, "ours")
    assert (
        list(drawn.lost_lines(drawn.read(page, SVG.format(bar + RIM.format("paper", 4) + RIM.format("ink", 1))))) == []
    )
    hatch = '<defs><pattern id="h"><rect style="fill: var(--other)"/></pattern></defs>'
    hatched = BAR.format(80, 140, 80, "other").replace("var(--other)", "url(#h)")
    seen = drawn.read(page, SVG.format(hatch + BAR.format(20, 80, 20, "ours") + hatched))
    assert [bar["fill"][0] for bar in seen["bars"]] == ["ours", "other"]
    assert list(drawn.twins(seen)) == []
