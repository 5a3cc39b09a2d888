"""A site that opens from a disk, without a server: made from a built one, whoever built it.

A browser that shows `file://` addresses opens no folder's `index.html` by itself, and lets scripts read no other file.
So links name the page they lead to, and what scripts would fetch lies in scripts beside it, which a page may load:
`docs/assets/portable.js` hands it over. On a server such a copy works as well.
"""

import json
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

SCRIPT = "assets/portable.js"
INDEX = "search/search_index.json"


def convert(site: Path) -> None:
    """Change the pages of a built site, and put the files beside them that they then need."""
    for page in sorted(site.rglob("*.html")):
        text = page.read_text(encoding="utf-8")
        depth = "../" * (len(page.relative_to(site).parts) - 1)
        page.write_text(opened(linked(text, page, site), depth), encoding="utf-8", newline="\n")
    own = [file for file in site.glob("assets/*.js") if not file.name.endswith(".min.js") and file != site / SCRIPT]
    for file in own:  # a module of a `file://` address cannot be imported
        text = re.sub(r"\bimport\(", "attnsiteImport(", file.read_text(encoding="utf-8"))
        file.write_text(text, encoding="utf-8", newline="\n")
    fetched = [*site.glob("figures/**/*.json"), *site.glob("calculator/*.json")]
    for file in sorted([*fetched, *own, *site.glob("assets/javascripts/workers/*.js")]):
        address = file.relative_to(site).as_posix()
        words = f"attnsiteFile({json.dumps(address)}, {json.dumps(file.read_text(encoding='utf-8'))});\n"
        file.with_name(file.name + ".txt.js").write_text(words, encoding="utf-8", newline="\n")
    index = site / INDEX
    if index.is_file():
        known = json.loads(index.read_text(encoding="utf-8"))
        for entry in known.get("docs", ()):
            entry["location"] = re.sub(r"(^|/)(?=[#?]|$)", r"\1index.html", entry["location"], count=1)
        index.with_suffix(".js").write_text(f"var __index = {json.dumps(known)};\n", encoding="utf-8", newline="\n")


def linked(html: str, page: Path, site: Path) -> str:
    """The page with every link to a folder of the site naming the page in it."""

    def named(found: re.Match[str]) -> str:
        start, target, end = found.groups()
        address = urlsplit(target)
        if address.scheme or address.netloc or not address.path or address.path.startswith("/"):
            return found[0]
        folder = (page.parent / unquote(address.path)).resolve()
        if not folder.is_relative_to(site.resolve()) or not (folder / "index.html").is_file():
            return found[0]
        path = address.path.rstrip("/") + "/index.html"
        return start + address._replace(path=path).geturl() + end

    return re.sub(r'(\bhref=")([^"]*)(")', named, html)


def opened(html: str, up: str) -> str:
    """The page with the script that hands files over, before every other, and without the theme's instant loading.

    With that switched on, the theme's own scripts and ours would never be told that a page of a disk is there.
    """
    html = re.sub(r'"navigation\.instant(?:\.\w+)?", ?', "", html)
    for rule in ("script-src 'self'", "worker-src 'self'"):  # modules and the worker come from memory there
        html = html.replace(rule, f"{rule} blob:", 1)
    return html.replace("<head>", f'<head><script src="{up}{SCRIPT}"></script>', 1)
