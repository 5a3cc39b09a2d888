"""The architecture, as a test: what each room may import. The longest matching room wins."""

import ast
import graphlib
import sys
from pathlib import Path

import pytest

from attnsite.records.fingerprint import imported
from tests.conftest import LONGEST

PACKAGE = Path(__file__).parents[1] / "attnsite"
STDLIB = "stdlib"
PLAIN = {"collections", "contextlib", "dataclasses", "functools", "itertools", "math", "statistics", "typing"}
COMPILED = {"collections", "functools", "itertools", "math", "threading", "typing", "numpy", "numba"}
RUNS = {"attnsite.records.run_file", "attnsite.records.quantity"}
# A room is a folder, or a file that stands in none; it may import itself, these rooms, these modules of another room,
# and these libraries. `attnsite.kernels` is the ladder alone, without the folders in it, and so is `attnsite.site`.
ROOMS = {
    "formulas": {STDLIB},
    "records": {STDLIB, "numpy", "attnsite.formulas"},
    "kernels.plain": COMPILED | {"concurrent", "contextlib", "threadpoolctl"},
    "kernels.simd": COMPILED | {"os", "llvmlite", "attnsite.kernels.plain"},
    "kernels.cuda": {STDLIB, "numpy", "numba", "llvmlite", "cuda"},
    "kernels": COMPILED | {"attnsite.kernels.plain", "attnsite.kernels.simd", "attnsite.kernels.cuda"},
    "kernels.controls": COMPILED | {"attnsite.kernels", "attnsite.kernels.plain", "attnsite.kernels.simd"},
    "peers": PLAIN | {"os", "re", "numpy", "torch", "jax", "onnx", "onnxruntime"},
    "calculators": {STDLIB},
    "models": {STDLIB, "numpy", "numba", "attnsite.kernels", "attnsite.kernels.plain", "attnsite.kernels.simd"},
    "experiments": {"collections", "csv", "dataclasses", "functools", "math", "pathlib", "typing", "numpy",
                    "attnsite.records.workload",
                    "attnsite.records.registry", "attnsite.formulas", "attnsite.models", "attnsite.kernels",
                    "attnsite.kernels.plain", "attnsite.kernels.cuda", "attnsite.peers._torch_model",
                    "attnsite.calculators"},
    "measure": {STDLIB, "numpy", "numba", "threadpoolctl", "attnsite.records", "attnsite.kernels",
                "attnsite.kernels.plain", "attnsite.kernels.simd", "attnsite.kernels.cuda"},
    "diagrams": PLAIN | {"html", "attnsite.formulas", "attnsite.records.quantity", "attnsite.figures.toolkit"},
    "figures.toolkit": PLAIN | RUNS | {"re", "plotly", "attnsite.records.participant", "attnsite.formulas",
                                       "attnsite.models.baselines"},
    "figures": PLAIN | RUNS | {"plotly", "attnsite.records.participant", "attnsite.formulas",
                               "attnsite.figures.toolkit", "attnsite.models.baselines"},
    "wasm": {STDLIB, "numpy", "numba", "llvmlite", "attnsite.formulas", "attnsite.records", "attnsite.kernels.simd"},
    "doubts": PLAIN | {"json", "types", "attnsite.records.run_file", "attnsite.records.registry", "attnsite.formulas"},
    "content": {STDLIB, "yaml", "pybtex", "selectolax", "attnsite.records", "attnsite.doubts"},
    "intake": {STDLIB, "attnsite.records", "attnsite.content"},
    "diff": {STDLIB, "attnsite.records", "attnsite.content"},
    "site": {STDLIB, "yaml", "attnsite.records", "attnsite.content", "attnsite.measure.here"},
    "site.figures": {STDLIB, "markdown", "plotly", "kaleido", "psutil", "attnsite.records", "attnsite.content",
                     "attnsite.figures.toolkit", "attnsite.site"},
    "site.markdown": {STDLIB, "markdown", "latex2mathml", "attnsite.records", "attnsite.content", "attnsite.site"},
    "site.widgets": {STDLIB, *RUNS, "attnsite.formulas", "attnsite.site"},
    "site.exports": {STDLIB, "attnsite.records", "attnsite.content", "attnsite.site", "attnsite.site.figures",
                     "attnsite.site.markdown", "attnsite.formulas"},
    "site.pages": {STDLIB, "attnsite.records", "attnsite.content", "attnsite.site", "attnsite.site.figures",
                   "attnsite.site.markdown", "attnsite.site.widgets", "attnsite.site.exports", "attnsite.formulas"},
    "site.builders": {STDLIB, "yaml", "mkdocs", "jinja2", "watchdog", "pygments", "pymdownx", "jupytext", "nbclient",
                      "attnsite.records", "attnsite.content", "attnsite.site", "attnsite.site.figures",
                      "attnsite.site.markdown", "attnsite.site.exports", "attnsite.site.pages"},
    "commands": {STDLIB, "filelock", "attnsite.records", "attnsite.formulas", "attnsite.kernels", "attnsite.measure",
                 "attnsite.content", "attnsite.intake", "attnsite.diff", "attnsite.wasm", "attnsite.site",
                 "attnsite.site.builders"},
    "cli": {STDLIB, "attnsite.records"},
}  # fmt: skip
FILES = sorted(path for path in PACKAGE.rglob("*.py") if path.name != "__init__.py")


def room_of(module: str) -> str:
    """The room of a module, dotted and without the package's name; empty where it stands in none."""
    return max((room for room in ROOMS if module == room or module.startswith(room + ".")), key=len, default="")


def allows(room: str, name: str) -> bool:
    package, _, module = name.partition(".")
    if package != "attnsite":
        return package in ROOMS[room] or (STDLIB in ROOMS[room] and package in sys.stdlib_module_names)
    if (target := room_of(module)) == room or f"attnsite.{target}" in ROOMS[room]:
        return True
    modules = {each for each in ROOMS[room] if each.removeprefix("attnsite.") not in ROOMS}
    return any(name == each or name.startswith(each + ".") for each in modules)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_room_imports_only_what_its_rule_allows(path):
    """A file stands in a room and imports only what the rule of its room names."""
    module = ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
    room = room_of(module)
    assert room, f"{path.relative_to(PACKAGE)} stands in no room of ROOMS"
    alien = {name for name in imported(path.read_text(encoding="utf-8")) if not allows(room, name)}

    assert not alien, f"{room} may import only {sorted(ROOMS[room])}, not {sorted(alien)}"


def test_rooms_have_an_order():
    """What the rules allow has no circle; and each allows what is there: no room, module or library in vain."""
    arrows = {
        room: {room_of(each.removeprefix("attnsite.")) for each in rule if each.startswith("attnsite.")}
        for room, rule in ROOMS.items()
    }
    assert all(target and target != room for room, targets in arrows.items() for target in targets)
    graphlib.TopologicalSorter(arrows).prepare()  # raises where rooms may import each other in a circle

    vain: list[str] = []
    used: dict[str, set[str]] = {room: set() for room in ROOMS}
    for path in FILES:
        module = ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
        used[room_of(module)] |= set(imported(path.read_text(encoding="utf-8")))
    for room, rule in ROOMS.items():
        for each in rule - {STDLIB} - PLAIN - COMPILED:
            there = [name for name in used[room] if name == each or name.startswith(each + ".")]
            if each.removeprefix("attnsite.") in ROOMS:
                there = [name for name in there if f"attnsite.{room_of(name.removeprefix('attnsite.'))}" == each]
            vain += [f"{room} imports nothing of {each}"] * (not there)
    assert vain == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_are_absolute_and_the_first_line_says_what_the_file_is(path):
    """Imports name their room; a module opens with a docstring."""
    tree = ast.parse(path.read_text(encoding="utf-8"))

    assert ast.get_docstring(tree)
    assert not [node.lineno for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.level]


def parameters(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> int:
    """How many a function has, `*args` and `**kwargs` one each."""
    given = node.args
    rest = [each for each in (given.vararg, given.kwarg) if each]
    return len([*given.posonlyargs, *given.args, *given.kwonlyargs, *rest])


def test_no_function_has_more_than_twelve_parameters():
    """What belongs together is a record: a place in an array, a panel, the sizes of a call."""
    many = [
        f"{path.relative_to(PACKAGE)}:{node.lineno} has {parameters(node)}"
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) and parameters(node) > 12
    ]

    assert many == []


def test_parameters_of_every_kind_are_counted():
    """Positional ones, those by name alone, and both that take the rest."""
    tree = ast.parse("def one(a, /, b, *c, d, e=1, **f): ...\nasync def two(a): ...\nthree = lambda: 0")
    kinds = ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda

    assert sorted(parameters(node) for node in ast.walk(tree) if isinstance(node, kinds)) == [0, 1, 6]


def test_only_the_measuring_room_reads_a_clock():
    """`time` and `timeit` are imported nowhere but in measure/ and its command; building, serving and drawing wait."""
    allowed = ("measure/", "commands/measure.py", "commands/build.py", "commands/serve.py", "site/figures/svg.py")
    readers = [
        str(path.relative_to(PACKAGE))
        for path in FILES
        if {"time", "timeit"} & set(imported(path.read_text(encoding="utf-8")))
        and not path.relative_to(PACKAGE).as_posix().startswith(allowed)
    ]

    assert readers == []


def test_the_files_of_tests_that_come_first_are_there():
    """A file that is renamed keeps its place in the order."""
    assert [name for name in LONGEST if not (PACKAGE.parent / "tests" / f"{name}.py").is_file()] == []
