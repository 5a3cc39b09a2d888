"""Notebooks as Markdown, executed: for a site builder that has no plugin for notebooks."""

import hashlib
import json
import re
from pathlib import Path
from typing import Any

from attnsite.site import addresses
from attnsite.site.addresses import Page
from attnsite.site.builders import mkdocs_notebooks as notebooks
from attnsite.site.pages.front_matter import head

CACHE = Path(".cache/attnsite/notebooks")
SECONDS = 300  # that a cell may take


def render(root: Path) -> dict[str, str]:
    """Every notebook by the path of its page, `notebooks/NAME.md`; executed anew when anything of it has changed."""
    imports = notebooks.imports_of(root)
    return {f"notebooks/{path.stem}.md": page(root, path, imports) for path in paths(root)}


def paths(root: Path) -> list[Path]:
    return sorted((root / "docs" / "notebooks").glob("*.py"))


def page(root: Path, path: Path, imports: str) -> str:
    """The page of one notebook, from the cache where that is of the same text and the same imports."""
    key = hashlib.sha256((imports + path.read_text(encoding="utf-8")).encode()).hexdigest()[:24]
    kept = root / CACHE / f"{path.stem}.{key}.json"
    if kept.is_file():
        cells = json.loads(kept.read_text(encoding="utf-8"))
    else:
        cells = executed(path)
        kept.parent.mkdir(parents=True, exist_ok=True)
        for old in kept.parent.glob(f"{path.stem}.*.json"):
            old.unlink()
        kept.write_text(json.dumps(cells, ensure_ascii=False), encoding="utf-8")
    return written(path, cells)


def executed(path: Path) -> list[dict[str, Any]]:
    """The notebook's cells with what each put out. Raises `Mistake` where one fails."""
    import jupytext
    import nbclient

    notebook = jupytext.read(path, fmt="py:percent")
    try:
        nbclient.NotebookClient(
            notebook, timeout=SECONDS, kernel_name="python3", resources={"metadata": {"path": str(path.parent)}}
        ).execute()
    except nbclient.exceptions.CellExecutionError as error:
        raise notebooks.fault(error, path, f"docs/notebooks/{path.name}") from None
    return [
        {"kind": cell.cell_type, "source": cell.source, "outputs": [dict(o) for o in cell.get("outputs", [])]}
        for cell in notebook.cells
    ]


def written(path: Path, cells: list[dict[str, Any]]) -> str:
    """Cells as Markdown: text as it is, code in fences, outputs behind their code."""
    title = next((found[1] for c in cells if (found := re.match(r"#\s+(.+)", c["source"]))), path.stem)
    parts = [head(f"notebooks/{path.stem}.md", title)]
    offered = False
    for cell in cells:
        if cell["kind"] == "markdown":
            parts.append(cell["source"])
            if not offered and cell["source"].startswith("# "):
                offered = True
                first, _, rest = cell["source"].partition("\n")
                parts[-1] = f"{first}\n\n{offer(path)}\n\n{rest.strip()}"
        elif cell["source"].strip():
            parts.append(fenced(cell["source"], "python"))
            parts += [shown for output in cell["outputs"] if (shown := output_of(output))]
    return "\n\n".join(parts) + "\n"


def linked(text: str) -> str:
    """Text whose links to notebooks lead to the pages that stand in their place."""
    return re.sub(r"(\]\([^)\s]*\bnotebooks/\w+)\.py\)", r"\1.md)", text)


def offer(path: Path) -> str:
    name = path.name
    address = Page(f"notebooks/{path.stem}.md").to(f"notebooks/{name}")
    return (
        f'<p class="notebook-offer">This page is a notebook that was executed while the site was built. '
        f'<a href="{address}" download>Download {name}</a> and run it, with <code>jupytext</code> or cell '
        "by cell in an editor.</p>"
    )


def output_of(output: dict[str, Any]) -> str:
    """What a cell put out: HTML of ours as it is, anything else as text."""
    data = output.get("data", {})
    if "text/html" in data:
        return addresses.within("".join(data["text/html"]))
    text = "".join(data.get("text/plain", "")) or "".join(output.get("text", ""))
    return fenced(text.rstrip("\n"), "text") if text.strip() else ""


def fenced(text: str, language: str) -> str:
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall(r"`+", text)), default=0))
    return f"{fence}{language}\n{text}\n{fence}"
