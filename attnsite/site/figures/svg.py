"""Charts as still pictures: one SVG for wide pages and one for narrow, in colours that follow the reader's theme."""

import hashlib
import json
import os
import re
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import plotly.graph_objects as go

from attnsite.figures.toolkit import style
from attnsite.site.figures import chromium, renderer

SIZES = {name: (width, height) for name, (width, height, _) in style.SIZES.items()}
CACHE = Path(".cache/attnsite/pictures")
BUNDLE = Path("docs/assets/plotly-attnsite.min.js")
_VERSION = 3  # of what is done to a picture here: raise it when pictures must be drawn anew

# sentinel: (CSS variable, light, dark); the palette has the reasons
PALETTE = {
    style.INK: ("ink", "#1f2733", "#d9dde4"),
    style.GRID: ("grid", "#e3e6ea", "#2c313a"),
    style.MUTE: ("mute", "#5f6b7a", "#98a2b0"),
    style.PAPER: ("paper", "#ffffff", "#16181d"),
    style.OURS: ("ours", "#232ea0", "#59d6fa"),
    style.OURS_2: ("ours-2", "#0f92f7", "#5872d2"),
    style.OTHER: ("other", "#800902", "#eabf3a"),
    style.OTHER_2: ("other-2", "#c97847", "#ad6723"),
    style.OURS_2_INK: ("ours-2-ink", "#0b74c9", "#7b91e6"),
    style.OTHER_2_INK: ("other-2-ink", "#a85a2b", "#c67f38"),
}
_FONTS = "system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',sans-serif"


def _style_sheet() -> str:
    """The colours of both themes: the reader's, or the one that the picture's address names, `#light` or `#dark`."""
    light = ";".join(f"--{name}:{value}" for name, value, _ in PALETTE.values())
    dark = ";".join(f"--{name}:{value}" for name, _, value in PALETTE.values())
    return (
        f"<style>:root,#light:target~*{{{light}}}@media screen and (prefers-color-scheme:dark){{:root{{{dark}}}}}"
        f"#dark:target~*{{{dark}}}text{{font-family:{_FONTS}!important;font-variant-numeric:tabular-nums}}</style>"
        '<g id="light"/><g id="dark"/>'
    )


def layouts(chart: dict[str, Any]) -> dict[str, Any]:
    """The chart's layout at each size, as JSON values."""
    figure = go.Figure(layout=chart["layout"])  # without its data, which are many: they only tell labels where to stand
    if not (chart["layout"].get("meta") or {}).get("sizes"):
        return dict.fromkeys(SIZES, chart["layout"])
    fitted = {size: json.loads(style.fit(figure, size, chart["data"]).to_json())["layout"] for size in SIZES}
    for layout in fitted.values():
        layout.pop("meta", None)
        layout.pop("template", None)
    return fitted


def key(chart: dict[str, Any]) -> str:
    """The hash of what a picture is made from."""
    made_from = [_VERSION, chart, sorted(PALETTE.items()), SIZES]
    return hashlib.sha256(json.dumps(made_from, sort_keys=True).encode()).hexdigest()[:20]


def whole(file: Path) -> bool:
    """Whether a kept picture is there, to its last tag: a full disk or a broken copy may have left half of one."""
    return tail(file, 8).rstrip().endswith(b"</svg>")


def tail(file: Path, count: int) -> bytes:
    """The last bytes of a file; none where it is not there, or shorter."""
    try:
        with file.open("rb") as opened:
            opened.seek(-count, os.SEEK_END)
            return opened.read()
    except OSError:
        return b""


def themable(svg: str) -> str:
    """Replace sentinels by CSS variables that follow light and dark (paper is always light), and round the pixels."""
    for sentinel, (name, _, _) in PALETTE.items():
        channels = r",\s*".join(re.findall(r"\d+", sentinel))
        svg = re.sub(rf"(?:rgb\({channels}\)|rgba\({channels},\s*1\))", f"var(--{name})", svg)
        faint = rf"color-mix(in srgb,var(--{name}) calc(100% * \1),transparent)"
        svg = re.sub(rf"rgba\({channels},\s*([\d.]+)\)", faint, svg)
    svg = re.sub(r"<[^>]+>", lambda tag: re.sub(r"(\d+\.\d\d)\d+", r"\1", tag[0]), svg)  # not what a reader reads
    return re.sub(r"<svg ([^>]*)>", lambda m: f"<svg {m[1]}>{_style_sheet()}", svg, count=1)


def light(svg: str) -> str:
    """A themable picture with its light colours written out: few drawing programs know CSS variables."""
    svg = re.sub(
        r"<style>:root.*?</style>(<g[^>]*/>)*",
        f"<style>text{{font-family:{_FONTS}}}</style>",
        svg,
        count=1,
        flags=re.DOTALL,
    )
    for name, value, _ in PALETTE.values():
        channels = ",".join(str(int(value[at : at + 2], 16)) for at in (1, 3, 5))
        mixed = rf"color-mix\(in srgb,var\(--{name}\) calc\(100% \* ([\d.]+)\),transparent\)"
        svg = re.sub(mixed, rf"rgba({channels},\1)", svg).replace(f"var(--{name})", value)
    return re.sub(
        r"(<svg [^>]*><style>.*?</style>)", r'\1<rect width="100%" height="100%" fill="#ffffff"/>', svg, count=1
    )


def named_colours(text: str) -> str:
    """JSON of a chart with `{{ours}}` and `{{ours 0.2}}` in the place of sentinels, for the page's script to fill."""
    for sentinel, (name, _, _) in PALETTE.items():
        channels = r",\s*".join(re.findall(r"\d+", sentinel))
        text = re.sub(rf"rgb\({channels}\)", f"{{{{{name}}}}}", text)
        text = re.sub(rf"rgba\({channels},\s*([\d.]+)\)", rf"{{{{{name} \1}}}}", text)
    return text


@dataclass(frozen=True)
class Still:
    """A picture that is drawn in the same visit and kept as it comes: its place, and what the browser is told."""

    path: Path
    order: dict[str, Any]


_said = False


@dataclass(frozen=True)
class Pictures:
    """The pictures of a checkout, whose folder is `root`: where each is kept once drawn, and how they are drawn."""

    root: Path

    @property
    def folder(self) -> Path:
        return self.root / CACHE

    def path(self, chart: dict[str, Any], size: str) -> Path:
        """Where the picture of a chart is kept once drawn."""
        return self.paths(chart)[size]

    def paths(self, chart: dict[str, Any]) -> dict[str, Path]:
        """The same for all sizes of a page."""
        name = key(chart)
        return {size: self.folder / f"{name}-{size}.svg" for size in SIZES}

    def drawn(self, chart: dict[str, Any]) -> bool:
        return all(map(whole, self.paths(chart).values()))

    def draw(self, charts: Iterable[dict[str, Any]], stills: Sequence[Still] = ()) -> None:
        """Draw all pictures that are missing, in one visit of the browser, of which nearly the whole cost is the start.

        Without a browser, or when it fails, it says so once and returns: those figures are drawn by the reader's.
        """
        global _said
        waiting = {key(chart): chart for chart in charts if not self.drawn(chart)}
        if not waiting and not stills:
            return
        browser = chromium.find()
        problem = "no Chromium was found"
        if browser:
            problem = self._draw(waiting, stills, browser)
            waiting = {name: chart for name, chart in waiting.items() if not self.drawn(chart)}
        if problem and waiting and not _said:
            _said = True
            print(
                f"pictures: {problem}; {len(waiting)} figures have no still picture and will be drawn in the reader's "
                "browser (install chromium, or name one in CHROMIUM)",
                file=sys.stderr,
            )

    def _draw(self, waiting: dict[str, dict[str, Any]], stills: Sequence[Still], browser: str) -> str:
        """Draw them all; returns what went wrong, or nothing. Pictures that were finished before it are kept."""
        folder = self.folder
        folder.mkdir(parents=True, exist_ok=True)
        # MathJax would be fetched from another host; choreographer starts Chromium without its sandbox by itself
        options: dict[str, Any] = {"mathjax": False, "path": browser, "timeout": renderer.STALL_S}
        bundle = (self.root / BUNDLE).resolve()
        if bundle.is_file():  # the very script that draws the live chart
            options["plotlyjs"] = str(bundle)
        with tempfile.TemporaryDirectory(dir=folder) as temporary:
            orders: list[dict[str, Any]] = []
            for name, chart in waiting.items():
                for size, layout in layouts(chart).items():
                    width, height = SIZES[size]
                    sized = {**layout, "width": width, "height": height, "autosize": False}
                    orders.append({
                        "fig": {"data": chart["data"], "layout": sized},
                        "path": Path(temporary) / f"{name}-{size}.svg",
                        "opts": {"format": "svg", "width": width, "height": height, "scale": 1},
                    })  # fmt: skip
            more = [{**still.order, "path": Path(temporary) / still.path.name} for still in stills]
            problem = renderer.write(orders + more, options, Path(temporary))
            for order in more:
                if order["path"].is_file() and order["path"].stat().st_size:
                    order["path"].replace(folder / order["path"].name)
            made = [order["path"] for order in orders if whole(order["path"])]
            for path in made:
                finished = path.with_suffix(".done")
                finished.write_text(themable(path.read_text(encoding="utf-8")), encoding="utf-8", newline="\n")
                finished.replace(folder / path.name)
        if problem or len(made) < len(orders):
            return f"the browser {browser} could not draw ({problem or 'without saying why'})"
        return ""
