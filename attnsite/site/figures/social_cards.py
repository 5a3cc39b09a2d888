"""Social cards: what a shared link to a question shows, 1200 × 630, its title and its answer set in the site's type.

A card is a chart without data, so that the browser which draws the figures draws it in the same visit.
"""

import hashlib
import json
import re
import struct
import textwrap
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from attnsite.site.figures.svg import PALETTE, Pictures, Still, tail

WIDTH, HEIGHT = 1200, 630
DEFAULT = "assets/card.png"  # of pages that have none of their own, and of a build without a browser
_MARGIN = 84
_EM = 0.6  # of its size: how wide a character may be, so that no line of a wide font leaves the card
_VERSION = 1  # of how a card is drawn: raise it when all must be drawn anew
_END = b"IEND\xaeB`\x82"
_FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'DejaVu Sans', sans-serif"
LIGHT = {name: light for name, light, _ in PALETTE.values()}


def card(title: str, answer: str, site: str) -> dict[str, Any]:
    """The card as a chart: the question large, its answer below, the site's name at the foot."""
    size = next((s for s in (58, 50, 44) if len(lines(title, s)) <= 3), 38)
    asked = lines(title, size)[:4]
    below = 100 + len(asked) * size * 1.22 + 34
    room = int((HEIGHT - 120 - below) // (29 * 1.4))
    said = lines(beginning(answer, room), 29)
    if len(said) > room:
        said = [*said[: room - 1], said[room - 1].rstrip(",;:") + " …"]
    notes = [
        _words("<br>".join(f"<b>{_plain(line)}</b>" for line in asked), 92, size, LIGHT["ink"]),
        _words("<br>".join(map(_plain, said)), below, 29, LIGHT["mute"]),
        _words(_plain(site), HEIGHT - 84, 25, LIGHT["ours"]),
    ]
    return {"data": [], "layout": {
        "width": WIDTH, "height": HEIGHT, "paper_bgcolor": LIGHT["paper"], "plot_bgcolor": LIGHT["paper"],
        "margin": dict.fromkeys("ltrb", 0), "font": {"family": _FONT}, "annotations": notes,
        "shapes": [_bar(n) for n in range(8)] + [_block(0, 0, 14, HEIGHT, LIGHT["other-2"])],
        "xaxis": {"visible": False, "range": [0, WIDTH]}, "yaxis": {"visible": False, "range": [HEIGHT, 0]},
    }}  # fmt: skip


def beginning(answer: str, room: int) -> str:
    """As many whole sentences as fit into so many lines; all of it where not even one does."""
    sentences = re.split(r"(?<=[.!?])\s+(?=[A-Z])", answer)
    fitting = (" ".join(sentences[:count]) for count in range(len(sentences), 0, -1))
    return next((part for part in fitting if len(lines(part, 29)) <= room), answer)


def lines(text: str, size: int) -> list[str]:
    """A text in lines that fit between the margins in letters of that size."""
    return textwrap.wrap(" ".join(text.split()), int((WIDTH - 2 * _MARGIN) / (size * _EM)))


def _plain(text: str) -> str:
    """Text that the chart shows as it is: it would take tags for its own."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _words(text: str, top: float, size: int, colour: str) -> dict[str, Any]:
    return {"text": text, "x": _MARGIN, "y": top, "xref": "x", "yref": "y", "xanchor": "left", "yanchor": "top",
            "align": "left", "showarrow": False, "font": {"size": size, "color": colour}}  # fmt: skip


def _bar(number: int) -> dict[str, Any]:
    """One of the heads that a width is cut into, at the foot of the card."""
    names = ("ours", "ours-2")
    left = WIDTH - _MARGIN - 8 * 26 + number * 26
    return _block(left, HEIGHT - 78, left + 20, HEIGHT - 56, LIGHT[names[number % 2]])


def _block(left: float, top: float, right: float, bottom: float, colour: str) -> dict[str, Any]:
    return {"type": "rect", "x0": left, "y0": top, "x1": right, "y1": bottom, "fillcolor": colour, "line": {"width": 0}}


def path(pictures: Pictures, drawn: dict[str, Any]) -> Path:
    """Where a card is kept once drawn, by what it holds."""
    key = hashlib.sha256(json.dumps([_VERSION, drawn], sort_keys=True).encode()).hexdigest()[:20]
    return pictures.folder / f"{key}-card.png"


def whole(file: Path) -> bool:
    """Whether a kept card is there to its end."""
    return tail(file, len(_END)) == _END


def packed(image: bytes) -> bytes:
    """The same picture in fewer bytes: browsers write a PNG fast, not small."""
    kept, data, at = [], b"", 8
    while at < len(image):
        (length,) = struct.unpack(">I", image[at : at + 4])
        kind, held = image[at + 4 : at + 8], image[at + 8 : at + 8 + length]
        data += held if kind == b"IDAT" else b""
        kept += [(kind, held)] if kind not in (b"IDAT", b"IEND") else []
        at += 12 + length
    parts = [*kept, (b"IDAT", zlib.compress(zlib.decompress(data), 9)), (b"IEND", b"")]
    written = (struct.pack(">I", len(h)) + k + h + struct.pack(">I", zlib.crc32(k + h)) for k, h in parts)
    return image[:8] + b"".join(written)


def pack(pictures: Pictures, drawn: Iterable[dict[str, Any]]) -> None:
    """Make the cards that the browser has just drawn small."""
    for each in drawn:
        file = path(pictures, each)
        if whole(file):
            smaller = packed(file.read_bytes())
            temporary = file.with_suffix(".part")
            temporary.write_bytes(smaller)
            temporary.replace(file)


def missing(pictures: Pictures, drawn: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The cards that are not kept yet."""
    return [each for each in drawn if not whole(path(pictures, each))]


def still(pictures: Pictures, drawn: dict[str, Any]) -> Still:
    """A card as an order for the browser."""
    options = {"format": "png", "width": WIDTH, "height": HEIGHT, "scale": 1}
    return Still(path(pictures, drawn), {"fig": drawn, "opts": options})
