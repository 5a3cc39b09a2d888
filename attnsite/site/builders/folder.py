"""Every page as Markdown in a folder, with all that it shows: for other site builders."""

import shutil
from pathlib import Path

from attnsite.records.run_file import COMMITTED
from attnsite.site.answers import Answers
from attnsite.site.builders import zensical_notebooks
from attnsite.site.pages.render import published, render


def write(answers: Answers, folder: Path) -> int:
    """Write the pages and everything else of `docs/` into a folder, for other site builders; returns how many pages."""
    root = answers.checkout.root
    docs = root / "docs"
    for name in ("assets", "notebooks"):
        if (docs / name).is_dir():
            shutil.copytree(docs / name, folder / name, dirs_exist_ok=True)
    if (root / COMMITTED).is_dir():
        shutil.copytree(root / COMMITTED, folder / "results", dirs_exist_ok=True)
    pages = render(answers) | zensical_notebooks.render(root)
    for path, held in {**pages, **published(answers)}.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(held, Path):
            shutil.copyfile(held, target)
        else:
            target.write_text(zensical_notebooks.linked(held), encoding="utf-8", newline="\n")
    return len(pages)
