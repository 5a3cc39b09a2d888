"""What a change does to the site: two states of it compared.

Numbers in prose and in figures, with whether they moved by more than their own spread; claims whose state changed;
pages, figures, runs and sources that came and went.
"""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from attnsite.records import repository
from attnsite.records.mistakes import Mistake


@contextlib.contextmanager
def other(root: Path, base: str) -> Iterator[Path]:
    """The checkout to compare with: the folder named, or the commit, checked out beside for as long as it is needed."""
    folder = Path(base)
    if (folder / "mkdocs.yml").is_file():
        yield folder.resolve()
        return
    with tempfile.TemporaryDirectory() as made:
        words = ["git", "-C", str(root), "worktree"]
        place = Path(made) / "base"
        done = subprocess.run(
            [*words, "add", "--detach", str(place), base], capture_output=True, text=True, encoding="utf-8"
        )
        if done.returncode:
            if remedy := repository.distrust(root):
                what = "is a clone that git does not trust, because it belongs to another user"
                raise Mistake("attnsite diff", root.name, what, remedy)
            why = (done.stderr.strip().splitlines() or ["git is not here"])[-1]
            raise Mistake("attnsite diff", base, f"is neither a commit nor a checkout ({why})", "name one of the two")
        try:
            yield place
        finally:
            subprocess.run([*words, "remove", "--force", str(place)], capture_output=True)


# Where a checkout has its snapshot, and where older ones have it.
_SNAPSHOTS = ("attnsite/diff/snapshot.py", "attnsite/snapshot.py")


def ask(root: Path) -> dict[str, Any]:
    """A checkout's snapshot, through its own code if it can give one, else through ours."""
    own = [path for path in _SNAPSHOTS if (root / path).is_file()]
    code = root if own else Path(__file__).parents[2]
    module = (own or _SNAPSHOTS)[0].removesuffix(".py").replace("/", ".")
    path = os.pathsep.join([str(code), *filter(None, [os.environ.get("PYTHONPATH")])])
    done = subprocess.run(
        [sys.executable, "-m", module, str(root)], capture_output=True, text=True, encoding="utf-8",
        cwd=code, env=os.environ | {"PYTHONPATH": path},
    )  # fmt: skip
    if done.returncode:
        why = (done.stderr.strip().splitlines() or [f"ended with {done.returncode}"])[-1]
        raise Mistake("attnsite diff", root.name, f"cannot be read ({why})", "see what `attnsite check` says of it")
    taken: dict[str, Any] = json.loads(done.stdout)
    return taken


@dataclass(frozen=True)
class Change:
    """A number before and after; `noise` where their spreads overlap, so that it may not have moved at all."""

    name: str
    before: str
    after: str
    noise: bool


@dataclass
class Difference:
    """Everything that differs. Lists of names are sorted; changes that may be noise come last."""

    pages_added: list[str] = field(default_factory=list)
    pages_removed: list[str] = field(default_factory=list)
    titles: dict[str, str] = field(default_factory=dict)
    prose: dict[str, list[Change]] = field(default_factory=dict)  # by page
    claims: dict[str, list[Change]] = field(default_factory=dict)  # by page: kind and state of a claim
    figures: dict[str, list[Change]] = field(default_factory=dict)  # by figure and machine
    figures_added: list[str] = field(default_factory=list)
    figures_removed: list[str] = field(default_factory=list)
    runs: list[Change] = field(default_factory=list)
    sources_added: list[str] = field(default_factory=list)
    sources_removed: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)  # files whose text is another, by their paths

    def __bool__(self) -> bool:
        return any(getattr(self, name) for name in self.__dataclass_fields__ if name != "titles")


def compare(before: Mapping[str, Any], after: Mapping[str, Any]) -> Difference:
    """What is different between two snapshots."""
    found = Difference()
    found.pages_added, found.pages_removed = _moved(before["pages"], after["pages"])
    found.figures_added, found.figures_removed = _moved(before["figures"], after["figures"])
    found.sources_added, found.sources_removed = _moved(before["sources"], after["sources"])
    found.titles = {path: page["title"] for side in (before, after) for path, page in side["pages"].items()}
    for path in sorted(set(before["pages"]) & set(after["pages"])):
        old, new = before["pages"][path], after["pages"][path]
        if changed := list(_numbers(old["numbers"], new["numbers"])):
            found.prose[path] = _sorted(changed)
        if changed := list(_claims(old["claims"], new["claims"])):
            found.claims[path] = changed
    for figure in sorted(set(before["figures"]) & set(after["figures"])):
        for machine in sorted(set(before["figures"][figure]) & set(after["figures"][figure])):
            old, new = before["figures"][figure][machine], after["figures"][figure][machine]
            if changed := list(_numbers(old, new)):
                found.figures[f"{figure} {machine}"] = _sorted(changed)
    found.runs = list(_runs(before["runs"], after["runs"]))
    old, new = (side.get("texts", {}) for side in (before, after))  # an older code told none
    found.texts = sorted(path for path in set(old) & set(new) if old[path] != new[path])
    return found


def _moved(before: Iterable[str], after: Iterable[str]) -> tuple[list[str], list[str]]:
    return sorted(set(after) - set(before)), sorted(set(before) - set(after))


def _sorted(changes: list[Change]) -> list[Change]:
    return sorted(changes, key=lambda change: (change.noise, change.name))


def _numbers(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
    for name in sorted(set(before) | set(after)):
        old, new = before.get(name), after.get(name)
        if old is None or new is None:
            yield Change(name, old["text"] if old else "–", new["text"] if new else "–", False)
        elif old["text"] != new["text"]:
            yield Change(name, old["text"], new["text"], overlap(old, new))


def overlap(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Whether two quantities with spread could be one: their middle halves meet. Exact ones that differ could not."""
    if old["low"] is None or new["low"] is None:
        return False
    return bool(old["low"] <= new["high"] and new["low"] <= old["high"])


def _claims(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
    for text in sorted(set(before) | set(after)):
        old, new = (
            " ".join(filter(None, (side[text]["kind"], side[text]["state"]))) if text in side else "–"
            for side in (before, after)
        )
        if old != new:
            yield Change(text, old, new, False)


def _runs(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
    for name in sorted(set(before) | set(after)):
        old, new = (f"{side[name]['state']}, {side[name]['started'][:10]}" if name in side else "–"
                    for side in (before, after))  # fmt: skip
        if old != new or (name in before and before[name]["started"] != after[name]["started"]):
            yield Change(name, old, new, False)
