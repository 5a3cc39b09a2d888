"""Where things lie on the site, and the relative address of one from another: right under any sub-path."""

import posixpath
from dataclasses import dataclass


@dataclass(frozen=True)
class Page:
    """A page by its source path, such as `questions/cost/kv_cache.md`, built with directory addresses."""

    path: str

    @property
    def folder(self) -> str:
        """The folder that the page is served from: `questions/cost/kv_cache`; empty for the home page."""
        return address(self.path).rstrip("/")

    def to(self, target: str) -> str:
        """The relative address of another page (its `.md` path) or of any other file of the site, from this page."""
        path, mark, fragment = target.partition("#")
        if not path:
            return target
        goal = address(path) if path.endswith(".md") else path
        relative = posixpath.relpath(goal or ".", self.folder or ".")
        if goal.endswith("/") or not goal:
            relative += "/"
        return relative + mark + fragment


def address(path: str) -> str:
    """The address of a page below the site's root: `method.md` is `method/`, `questions/index.md` is `questions/`."""
    folder, name = posixpath.split(path.removesuffix(".md"))
    parts = [folder] if name == "index" else [folder, name]
    joined = "/".join(part for part in parts if part)
    return joined + "/" if joined else ""


def result(machine: str, experiment: str) -> str:
    """Where a run's file is published."""
    return f"results/{machine}/{experiment}.json"


def figure(name: str, machine: str, ending: str) -> str:
    """Where a figure's file is published; `ending` is `.json`, `.csv`, `-wide.svg` or `-narrow.svg`."""
    return f"figures/{name}/{machine}{ending}"
