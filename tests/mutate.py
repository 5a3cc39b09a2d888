"""Would a mistake in a formula be noticed? Formulas are altered one at a time, and what should notice is asked.

    python -m tests.mutate                      # a sample of 60 over all that is altered, some minutes
    python -m tests.mutate --count 10 --seed 3
    python -m tests.mutate attnsite/formulas/attention.py --count 1000     # all of a file
    python -m tests.mutate --list               # what would be altered, without doing it

Altered are operators, comparisons, numbers, `min` and `max`, `and` and `or`: in the figures between a row and a number
that is shown, in what counts, in the check of a kernel, in the ceilings, and in the bounds of what a run may say. Each
is made in a copy of the checkout. What survives is printed with its line and told by the exit status 1; those of which
we know why nobody can notice stand in `EXPLAINED`.
"""

import argparse
import ast
import copy
import functools
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from attnsite.records import fingerprint, registry

ROOT = Path(__file__).parents[1]
GOLDEN = ("-m", "tests.golden")
PYTEST = ("-m", "pytest", "-x", "-q", "-p", "no:xdist", "-p", "no:cacheprovider")
WATCHED: dict[str, tuple[tuple[str, ...], ...]] = {  # who should notice, the quick ones first
    "attnsite/figures/*.py": (GOLDEN,),
    "attnsite/figures/toolkit/*.py": (GOLDEN,),
    "attnsite/records/quantity.py": (GOLDEN, (*PYTEST, "tests/test_core.py")),
    "attnsite/formulas/attention.py": (
        (*PYTEST, "tests/test_accounting.py", "tests/test_counts.py", "tests/test_balance.py"),
        (*PYTEST, "tests/test_core.py"),
    ),
    "attnsite/formulas/parts.py": ((*PYTEST, "tests/test_ledger.py"),),
    **{
        f"attnsite/formulas/{name}.py": ((*PYTEST, "tests/test_layouts.py", "tests/test_config_json.py"),)
        for name in ("blocks", "counts", "decoder", "dtypes", "layouts", "mixers", "mlps", "patterns")
    },
    "attnsite/measure/correctness.py": ((*PYTEST, "tests/test_measure.py"),),
    "attnsite/measure/ceilings.py": ((*PYTEST, "tests/test_measure.py"),),
    "attnsite/records/vetting.py": ((*PYTEST, "tests/test_vetting.py", "tests/test_attacks.py"),),
}
DRAWS = ("draw", "hover", "place", "whiskers", "mark_", "label")  # functions whose names begin so, and these constants
PLACES = ("LABELS", "KEY", "LOOKS", "ENDS", "ON_THE_WAY", "SERIES", "SHAPES", "COLUMNS")  # say where things are drawn
DRAWING = ("style", "axes", "labels")  # and these files of the figures' room: all of it is looked at
PAIRS = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult,
         ast.Mod: ast.FloorDiv, ast.Pow: ast.Mult, ast.Lt: ast.GtE, ast.GtE: ast.Lt, ast.Gt: ast.LtE,
         ast.LtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.And: ast.Or, ast.Or: ast.And}  # fmt: skip
CALLS = {"min": "max", "max": "min", "median": "fmean", "fmean": "median"}
EXPLAINED: dict[tuple[str, str], str] = {  # by file and what stood there
    ("attnsite/figures/heads_of_one_matrix.py", "max((row.values[name] for row in rows))"): "all rows have the same",
    ("attnsite/figures/time_by_sharing.py", "not read or not fma"): "a run has both ceilings or neither",
    ("attnsite/measure/ceilings.py", "0.001"): "which numbers are multiplied makes no difference to the time",
    ("attnsite/records/vetting.py", "1e+30"): "nothing that is counted comes near either",
}


@dataclass(frozen=True)
class Mutant:
    """One alteration: of the node at that place among those of its file that can be altered."""

    path: str
    place: int
    line: int
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.before} → {self.after}"


def altered(node: ast.AST) -> ast.AST | None:
    """The node with one thing changed; None where there is nothing to change."""
    made = copy.deepcopy(node)
    sums = isinstance(made, ast.BinOp) and type(made.op) in PAIRS and not words(made.left)
    if isinstance(made, ast.BoolOp) or (isinstance(made, ast.BinOp) and sums):
        made.op = PAIRS[type(made.op)]()
    elif isinstance(made, ast.Compare) and type(made.ops[0]) in PAIRS:
        made.ops[0] = PAIRS[type(made.ops[0])]()
    elif isinstance(made, ast.Constant) and type(made.value) in (int, float) and made.value not in (0, 1):
        made.value = made.value * 2
    elif isinstance(made, ast.Call) and (name := called(made)) in CALLS:
        if isinstance(made.func, ast.Name):
            made.func.id = CALLS[name]
        else:
            made.func.attr = CALLS[name]
    else:
        return None
    return made


def words(node: ast.AST) -> bool:
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


def called(node: ast.Call) -> str:
    return node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")


def nodes(tree: ast.Module) -> Iterator[tuple[ast.AST, str, int | None]]:
    """What can be altered, as its parent, the name of the field, and the place in it where the field is a list."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        parent = waiting.pop(0)
        if isinstance(parent, ast.FunctionDef) and parent.name.lstrip("_").startswith(DRAWS):
            continue
        if (
            isinstance(parent, ast.Assign)
            and isinstance(parent.targets[0], ast.Name)
            and parent.targets[0].id in PLACES
        ):
            continue
        for name, value in ast.iter_fields(parent):
            if name in ("annotation", "returns", "decorator_list"):
                continue
            for at, child in enumerate(value) if isinstance(value, list) else [(None, value)]:
                if isinstance(child, ast.AST):
                    waiting.append(child)
                    if altered(child) is not None:
                        yield parent, name, at


def held(parent: ast.AST, name: str, at: int | None) -> ast.AST:
    """The node at a place that `nodes` says."""
    found = getattr(parent, name) if at is None else getattr(parent, name)[at]
    assert isinstance(found, ast.AST)
    return found


def mutants(path: Path) -> list[Mutant]:
    """Every alteration of a file, in order."""
    tree, found = ast.parse(path.read_text(encoding="utf-8")), []
    for place, (parent, name, at) in enumerate(nodes(tree)):
        node = held(parent, name, at)
        changed = altered(node)
        assert changed is not None
        line = getattr(node, "lineno", 0)
        found.append(Mutant(path.relative_to(ROOT).as_posix(), place, line, short(node), short(changed)))
    return found


def short(node: ast.AST) -> str:
    text = " ".join(ast.unparse(node).split())
    return text if len(text) <= 70 else f"{text[:69]}…"


def write(mutant: Mutant, folder: Path) -> str:
    """Make the alteration in a copy of the checkout; the text that stood there."""
    path = folder / mutant.path
    before = path.read_text(encoding="utf-8")
    tree = ast.parse(before)
    parent, name, at = list(nodes(tree))[mutant.place]
    changed = altered(held(parent, name, at))
    if at is None:
        setattr(parent, name, changed)
    else:
        getattr(parent, name)[at] = changed
    path.write_text(ast.unparse(ast.fix_missing_locations(tree)), encoding="utf-8")
    return before


def copied(folder: Path) -> None:
    """What a run of the watchers needs of the checkout; what it only reads is shared."""
    skipped = shutil.ignore_patterns("__pycache__")
    for name in ("attnsite", "docs"):  # no link: nothing is read behind one
        shutil.copytree(ROOT / name, folder / name, ignore=skipped)
    for name in ("tests", "scripts", "overrides", "mkdocs.yml", "pyproject.toml", "requirements.lock",
                 "README.md", "CONTRIBUTING.md"):  # fmt: skip
        (folder / name).symlink_to(ROOT / name)


def watchers(path: str) -> tuple[tuple[str, ...], ...]:
    return next(who for pattern, who in WATCHED.items() if Path(path).match(pattern))


@functools.cache
def drawn_with(path: str) -> tuple[str, ...]:
    """The figures that use the code of a file of the figures' room; none for another, which asks for all."""
    folder = ROOT / "attnsite" / "figures"
    if folder not in (ROOT / path).parents:
        return ()
    return tuple(
        name for name in registry.names("figures") if ROOT / path in fingerprint.reached(folder / f"{name}.py")
    )


def noticed(mutant: Mutant, folder: Path) -> bool:
    """Whether somebody ends with a status other than 0, or not at all."""
    before = write(mutant, folder)
    try:
        for words in watchers(mutant.path):
            names = drawn_with(mutant.path) if words == GOLDEN else ()
            try:
                done = subprocess.run([sys.executable, *words, *names], cwd=folder, capture_output=True, timeout=600)
            except subprocess.TimeoutExpired:
                return True
            if done.returncode:
                return True
        return False
    finally:
        (folder / mutant.path).write_text(before, encoding="utf-8")


def sample(paths: list[str], count: int, seed: int) -> list[Mutant]:
    """So many alterations, of every kind of file some; the same for the same seed."""
    rng, groups = random.Random(seed), []
    for pattern in WATCHED:
        files = sorted(path for path in ROOT.glob(pattern) if path.stem not in DRAWING)
        chosen = [path for path in files if not paths or path.relative_to(ROOT).as_posix() in paths]
        those = [mutant for path in chosen for mutant in mutants(path)]
        rng.shuffle(those)
        groups.append(those)
    share = max(1, count // (2 * max(1, sum(map(bool, groups)))))  # half of them evenly, half by what there is
    first = [mutant for those in groups for mutant in those[:share]]
    rest = [mutant for those in groups for mutant in those[share:]]
    rng.shuffle(rest)
    return (first + rest)[:count]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("paths", nargs="*", metavar="FILE", help="below the checkout (default: all that is altered)")
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--list", action="store_true", help="say what would be altered, and end")
    options = parser.parse_args()
    chosen, begun, survived = sample(options.paths, options.count, options.seed), time.monotonic(), []
    if options.list:
        print(*chosen, sep="\n")
        return 0
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        copied(folder)
        for number, mutant in enumerate(chosen, 1):
            seen = noticed(mutant, folder)
            why = EXPLAINED.get((mutant.path, mutant.before), "")
            if not seen and not why:
                survived.append(mutant)
            state = "noticed" if seen else f"explained: {why}" if why else "SURVIVED"
            print(f"{number} of {len(chosen)}: {mutant}: {state}", flush=True)
    print(f"{len(chosen)} alterations in {time.monotonic() - begun:.0f} s, {len(survived)} survived")
    print(*survived, sep="\n")
    return 1 if survived else 0


if __name__ == "__main__":
    sys.exit(main())
