"""The architecture, as a test: what each room may import. The longest matching room wins."""

import ast
import sys
from pathlib import Path

import pytest
from attnsite.digest import imported

from tests.conftest import LONGEST

PACKAGE = Path(__file__).parents[1] / "attnsite"
STDLIB = "stdlib"
ROOMS = {
    "__init__": set(),
    "errors": {STDLIB},
    "discover": {STDLIB},
    "digest": {STDLIB},
    "quantity": {STDLIB},
    "quota": {STDLIB},
    "participant": {STDLIB},
    "repository": {STDLIB},
    "accounting": {STDLIB},
    "ledger": {STDLIB, "attnsite.accounting"},
    "experiment": {STDLIB, "numpy"},
    "kernels": {"math", "collections", "concurrent", "functools", "importlib", "itertools", "threading", "typing",
                "numpy", "numba", "threadpoolctl", "attnsite.kernels"},
    **{f"kernels.{name}": {"os", "collections", "functools", "importlib", "typing", "numpy", "numba", "llvmlite",
                              "attnsite.kernels"}
       for name in ("_simd", "_simd_memory", "_tile", "_rows", "_storage", "_threads", "_ptx")},
    "kernels._cuda": {STDLIB, "numpy", "numba"},
    "kernels._assembler": {STDLIB, "cuda", "attnsite.kernels"},
    "peers": {"math", "re", "os", "collections", "functools", "typing", "numpy", "torch", "jax", "onnx", "onnxruntime",
              "attnsite.peers"},
    "models": {STDLIB, "numpy", "numba", "threadpoolctl", "attnsite.kernels", "attnsite.models"},
    "experiments": {"math", "csv", "pathlib", "typing", "numpy", "attnsite.experiment", "attnsite.accounting",
                    "attnsite.ledger", "attnsite.kernels", "attnsite.models", "attnsite.experiments"},
    "experiments.training_speed": {"collections", "typing", "attnsite.experiment", "attnsite.models", "attnsite.peers"},
    "experiments.depth_with_one_head": {"math", "collections", "numpy", "attnsite.experiment", "attnsite.models"},
    "experiments.cuda_compiled": {"attnsite.experiment", "attnsite.kernels", "attnsite.discover"},
    "measure": {STDLIB, "numpy", "numba", "threadpoolctl", "attnsite.measure", "attnsite.kernels",
                "attnsite.experiment", "attnsite.results", "attnsite.discover", "attnsite.errors",
                "attnsite.digest", "attnsite.nearest", "attnsite.sweeps", "attnsite.quota",
                "attnsite.repository", "attnsite.participant"},
    "here": {STDLIB, "attnsite.measure.machine", "attnsite.measure", "attnsite.results"},
    "sweeps": {STDLIB, "attnsite.discover", "attnsite.errors", "attnsite.experiment"},
    "results": {STDLIB, "attnsite.experiment", "attnsite.digest", "attnsite.discover", "attnsite.errors",
                "attnsite.quantity", "attnsite.shape", "attnsite.ordinary", "attnsite.participant"},
    "shape": {STDLIB, "attnsite.errors", "attnsite.participant"},
    "signs": {STDLIB},
    "limits": {STDLIB},
    "ordinary": {STDLIB, "attnsite.errors"},
    "status": {STDLIB, "attnsite.results", "attnsite.discover", "attnsite.errors", "attnsite.participant"},
    "figures": {"math", "re", "contextlib", "functools", "statistics", "collections", "dataclasses", "itertools",
                "typing", "numpy", "plotly", "attnsite.results", "attnsite.accounting", "attnsite.quantity",
                "attnsite.participant", "attnsite.figures"},
    "figures._depth": {"functools", "math", "statistics", "typing", "attnsite.results", "attnsite.quantity",
                       "attnsite.figures", "attnsite.models"},
    "figures.heads_removed": {"math", "statistics", "collections", "typing", "plotly", "attnsite.results",
                              "attnsite.quantity", "attnsite.figures", "attnsite.models"},
    "marks": {STDLIB},
    "bibliography": {STDLIB, "pybtex", "attnsite.errors", "attnsite.ordinary", "attnsite.signs"},
    "content": {STDLIB, "yaml", "attnsite.errors", "attnsite.marks", "attnsite.bibliography", "attnsite.limits",
                "attnsite.ordinary", "attnsite.signs"},
    "document": {STDLIB, "attnsite.errors", "attnsite.marks"},
    "reference": {STDLIB},
    "glossary": {STDLIB, "attnsite.ordinary"},
    "intake": {STDLIB, "attnsite.errors", "attnsite.document", "attnsite.limits", "attnsite.reference"},
    "new": {STDLIB, "attnsite.errors", "attnsite.discover"},
    "evidence": {STDLIB, "attnsite.results", "attnsite.discover", "attnsite.errors", "attnsite.content",
                 "attnsite.quantity", "attnsite.nearest", "attnsite.figure_faults"},
    "figure_faults": {STDLIB, "attnsite.discover", "attnsite.errors"},
    "nearest": {STDLIB},
    "asked": {STDLIB, "attnsite.discover", "attnsite.experiment", "attnsite.sweeps"},
    "parsed_html": {STDLIB, "selectolax"},
    "naked": {STDLIB, "selectolax", "attnsite.parsed_html"},
    "harmless": {STDLIB, "attnsite.parsed_html"},
    "judging": {STDLIB, "attnsite.naked", "attnsite.harmless", "attnsite.marks", "attnsite.errors",
                "attnsite.limits", "attnsite.signs"},
    "texts": {STDLIB, "attnsite.content", "attnsite.discover", "attnsite.judging", "attnsite.ordinary"},
    "doctor": {STDLIB, "attnsite.quota", "attnsite.repository", "attnsite.kernels"},
    "links": {STDLIB, "attnsite.content"},
    "snapshot": {STDLIB, "attnsite.content", "attnsite.discover", "attnsite.errors", "attnsite.evidence",
                 "attnsite.quantity", "attnsite.results"},
    "difference": {STDLIB, "attnsite.errors", "attnsite.repository", "attnsite.difference_page",
                   "attnsite.difference_words"},
    "difference_page": {STDLIB, "attnsite.difference", "attnsite.difference_words"},
    "difference_words": {"attnsite.difference"},
    "vetting": {STDLIB, "attnsite.errors", "attnsite.results", "attnsite.accounting", "attnsite.asked",
                "attnsite.experiment", "attnsite.participant", "attnsite.signs"},
    "check": {STDLIB, "yaml", "attnsite.asked", "attnsite.harmless", "attnsite.naked", "attnsite.judging",
              "attnsite.texts", "attnsite.nearest", "attnsite.vetting", "attnsite.results", "attnsite.discover",
              "attnsite.digest", "attnsite.errors", "attnsite.csv_tables", "attnsite.content", "attnsite.evidence",
              "attnsite.figure_faults", "attnsite.sweeps", "attnsite.ordinary", "attnsite.signs", "attnsite.site"},
    "site": {STDLIB, "markdown", "plotly", "latex2mathml", "pybtex", "attnsite.results", "attnsite.discover",
             "attnsite.errors", "attnsite.content", "attnsite.evidence", "attnsite.quantity", "attnsite.harmless",
             "attnsite.parsed_html", "attnsite.nearest", "attnsite.figure_faults", "attnsite.digest",
             "attnsite.glossary", "attnsite.here", "attnsite.ordinary", "attnsite.sweeps", "attnsite.texts",
             "attnsite.site"},
    "site.calculator": {STDLIB, "attnsite.ledger", "attnsite.quantity", "attnsite.results", "attnsite.site"},
    "site.drawing": {STDLIB, "kaleido", "psutil"},
    "site.picture": {STDLIB, "plotly", "attnsite.errors", "attnsite.quantity", "attnsite.site",
                     "attnsite.figures"},
    "site.about": {STDLIB, "yaml"},
    "site.successor": {STDLIB, "yaml", "attnsite.site"},
    "site.notebook_pages": {STDLIB, "jupytext", "nbclient", "attnsite.errors", "attnsite.site"},
    "site.hooks": {STDLIB, "mkdocs", "jinja2", "attnsite.csv_tables", "attnsite.site", "attnsite.digest",
                   "attnsite.errors"},
    "site.preview": {STDLIB, "mkdocs", "jinja2", "watchdog", "attnsite.check", "attnsite.glossary",
                     "attnsite.site", "attnsite.errors"},
    "site.highlighting": {STDLIB, "pygments", "pymdownx", "attnsite.site"},
    "site.templates": {STDLIB, "jinja2"},
    "build": {STDLIB, "filelock", "attnsite"},
    "serve": {STDLIB, "attnsite"},
    "csv_tables": {STDLIB, "attnsite.discover", "attnsite.errors", "attnsite.ordinary", "attnsite.signs"},
    "cli": {STDLIB, "attnsite.csv_tables", "attnsite.errors"},
}  # fmt: skip
FILES = sorted(path for path in PACKAGE.rglob("*.py") if path.name != "__init__.py")


def allows(rule: set[str], name: str) -> bool:
    if STDLIB in rule and name.split(".")[0] in sys.stdlib_module_names:
        return True
    return any(name == allowed or name.startswith(allowed + ".") for allowed in rule)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_room_imports_only_what_its_rule_allows(path):
    """A file stands in a room and imports only what the rule of its room names."""
    module = ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
    room = max((r for r in ROOMS if module == r or module.startswith(r + ".")), key=len, default=None)
    assert room, f"{path.relative_to(PACKAGE)} stands in no room of ROOMS"
    alien = {name for name in imported(path.read_text(encoding="utf-8")) if not allows(ROOMS[room], name)}

    assert not alien, f"{room} may import only {sorted(ROOMS[room])}, not {sorted(alien)}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_are_absolute_and_the_first_line_says_what_the_file_is(path):
    """Imports name their room; a module opens with a docstring."""
    tree = ast.parse(path.read_text(encoding="utf-8"))

    assert ast.get_docstring(tree)
    assert not [node.lineno for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.level]


def test_only_the_measuring_room_reads_a_clock():
    """`time` and `timeit` are imported nowhere outside measure/ (building and serving may wait)."""
    allowed = ("measure", "build", "serve", "site/picture")
    readers = [
        str(path.relative_to(PACKAGE))
        for path in FILES
        if {"time", "timeit"} & set(imported(path.read_text(encoding="utf-8")))
        and not str(path.relative_to(PACKAGE)).startswith(allowed)
    ]

    assert readers == []


def test_the_files_of_tests_that_come_first_are_there():
    """A file that is renamed keeps its place in the order."""
    assert [name for name in LONGEST if not (PACKAGE.parent / "tests" / f"{name}.py").is_file()] == []
