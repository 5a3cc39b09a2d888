"""Notebooks as pages: made light, and executed again when the code they import has changed."""

import hashlib
import re
from collections.abc import Callable
from html import escape
from pathlib import Path, PurePosixPath

from attnsite.records import fingerprint, registry
from attnsite.records.mistakes import Mistake

CACHE = Path(".cache/mkdocs-jupyter")
_START = '<div class="jupyter-wrapper">'
_CUT = (
    re.compile(r"<style\b.*?</style>|<script\b.*?</script>", re.DOTALL),
    re.compile(r'<div class="zeroclipboard-container">.*?</clipboard-copy>\s*</div>', re.DOTALL),
    re.compile(r'<div\b[^>]*\bclass="clipboard-copy-txt"[^>]*>.*?</div>', re.DOTALL),
    re.compile(r'<div class="jp-(?:Input|Output)Prompt[^"]*">.*?</div>', re.DOTALL),
    re.compile(r'<div class="jp-(?:Collapser|InputCollapser|OutputCollapser)[^"]*"[^>]*>\s*</div>', re.DOTALL),
)


def slim(html: str, path: str) -> str:
    """A notebook's page without the 600 kB of styles and scripts that come with it; the site's own style dresses it.

    `path` is the notebook's own, below `docs/`; the page offers it for download.
    """
    at = html.find(_START)
    body = html[at:] if at >= 0 else html
    for pattern in _CUT:
        body = pattern.sub("", body)
    body = re.sub(r'class="highlight-ipynb hl-(\w+)\s*"', r'class="highlight language-\1"', body)
    body = body.replace('class="anchor-link"', 'class="headerlink" title="Link to this section"')
    body = re.sub(r' tabindex="0"| data-mime-type="[^"]*"', "", body)
    body = body.replace("<pre>", '<pre tabindex="0">')  # wide code scrolls, also from the keyboard
    name = PurePosixPath(path).name
    offer = (
        f'<p class="notebook-offer">This page is a notebook that was executed while the site was built. '
        f'<a href="{escape(name)}" download>Download {escape(name)}</a> and run it, with <code>jupytext</code> or cell '
        "by cell in an editor.</p>"
    )
    return body.replace("</h1>", f"</h1>{offer}", 1)


def telling(render: Callable[..., None], path: Path, shown: str) -> Callable[..., None]:
    """The rendering of a notebook's page, in which a cell that fails is a `Mistake` of the file, not a traceback."""

    def rendered(*given: object) -> None:
        try:
            render(*given)
        except Exception as error:
            if type(error).__module__.partition(".")[0] not in _RUNNERS:
                raise
            raise fault(error, path, shown) from None

    return rendered


_RUNNERS = ("nbclient", "jupyter_client", "jupyter_core")  # what raises where a notebook cannot be executed
_CELL = re.compile(r"-{18}\n(.*?)\n-{18}", re.DOTALL)


def fault(error: Exception, path: Path, shown: str) -> Mistake:
    """What an error of executing a notebook is told as, with the line where it came about if that can be found."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", str(error))
    at, told = "", next((line for line in reversed(text.strip().splitlines()) if line.strip()), type(error).__name__)
    cell = _CELL.search(text)
    begins = path.read_text(encoding="utf-8").find(cell[1].strip()) if cell and cell[1].strip() else -1
    if cell and begins >= 0:
        within = re.search(r"(?:Cell In\[\d+\]|<ipython-input[^>]*>), line (\d+)", text)
        at = str(path.read_text(encoding="utf-8").count("\n", 0, begins) + int(within[1] if within else 1))
    return Mistake(shown, at, f"a cell fails: {told.strip()[:160]}", "fix the cell; it is Python that runs by itself")


def forget_outdated(root: Path) -> None:
    """Clear the cache of executed notebooks when anything they import has changed: it looks at their own text alone."""
    cache = root / CACHE
    stamp = cache / "imports.txt"
    now = imports_of(root)
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == now:
        return
    for kept in cache.glob("*.json"):
        kept.unlink()
    cache.mkdir(parents=True, exist_ok=True)
    stamp.write_text(now, encoding="utf-8")


def imports_of(root: Path) -> str:
    """The hash of every module of the project that the notebooks reach, and of all kernels, which are found by name."""
    notebooks = sorted((root / "docs" / "notebooks").glob("*.py"))
    files = {file for notebook in notebooks for file in fingerprint.reached(notebook)}
    files |= {registry.path_of("kernels", name) for name in registry.names("kernels")}
    total = hashlib.sha256()
    for file in sorted(files):
        total.update(fingerprint.of_code(file.read_text(encoding="utf-8")).encode())
    return total.hexdigest()
