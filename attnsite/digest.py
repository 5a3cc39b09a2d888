"""What a file computes, as a short hash: the same after an edit to its prose, and on every Python."""

import ast
import hashlib
import io
import itertools
import os
import tokenize
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).resolve().parent
_PLACE = ast.dump(ast.Name("FOLLOWS", ast.Store()))  # a kernel's place on the ladder: read, not computed
Keep = Callable[[object, Callable[[], Any]], Any]
_keep: Keep = lambda made_from, make: make()  # noqa: E731


def keep(by: Keep) -> None:
    """From now on take what was found in a text from `by`, which gets what it was made from and how to make it."""
    global _keep
    _keep = by


@cache  # kernels share most of what they reach
def of_code(text: str) -> str:
    """Hash `text` without its comments, docstrings, blank lines and what it says that it follows."""
    return str(_keep(("code", _own(), text), lambda: _of_code(text)))


@cache
def imported(text: str) -> list[str]:
    """The full names of all modules and members that the code imports, wherever in the file."""
    return list(_keep(("imports", _own(), text), lambda: _imported(text)))


@cache
def _own() -> bytes:
    """What decides how a text is read: this file."""
    return Path(__file__).read_bytes()


def _of_code(text: str) -> str:
    lines = text.splitlines()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = lines[row - 1][:column]
    tree = ast.parse(text)
    for stated in tree.body:
        if isinstance(stated, ast.Assign) and [ast.dump(name) for name in stated.targets] == [_PLACE]:
            for row in range(stated.lineno - 1, stated.end_lineno or stated.lineno):
                lines[row] = ""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if ast.get_docstring(node, clean=False) is not None:
            docstring = node.body[0]
            for row in range(docstring.lineno - 1, docstring.end_lineno or docstring.lineno):
                lines[row] = ""
    code = "\n".join(line.rstrip() for line in lines if line.strip())
    return hashlib.sha256(code.encode()).hexdigest()[:12]


def _imported(text: str) -> list[str]:
    found = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            found += [f"{node.module}.{alias.name}" for alias in node.names]
    return found


def cut(text: str, argument: str) -> str:
    """Code without an argument of the call whose value is named `experiment`; as it is where there is none of them."""
    if not argument or f"{argument}=" not in text:
        return text
    return str(_keep(("cut", _own(), argument, text), lambda: _cut(text, argument)))


def _cut(text: str, argument: str) -> str:
    lines = text.encode().splitlines(keepends=True)  # ast counts bytes
    before = [0, *itertools.accumulate(map(len, lines))]

    def place(row: int | None, column: int | None) -> int:
        return before[(row or 1) - 1] + (column or 0)

    spans = []
    for node in ast.parse(text).body:
        if not isinstance(node, ast.Assign) or not isinstance(node.value, ast.Call):
            continue
        if not any(isinstance(name, ast.Name) and name.id == "experiment" for name in node.targets):
            continue
        call = node.value
        given: list[ast.expr | ast.keyword] = [*call.args, *call.keywords]
        parts = sorted((place(n.lineno, n.col_offset), place(n.end_lineno, n.end_col_offset), getattr(n, "arg", ""))
                       for n in given)  # fmt: skip
        for at, (start, end, name) in enumerate(parts):
            if name == argument:
                last = at + 1 == len(parts)
                first = parts[at - 1][1] if at else place(call.func.end_lineno, call.func.end_col_offset) + 1
                spans.append((first if last else start, end if last else parts[at + 1][0]))
    code = text.encode()
    for start, end in sorted(spans, reverse=True):
        code = code[:start] + code[end:]
    return code.decode()


def _file(dotted: str, package: Path) -> Path | None:
    """The file of `attnsite.x.y` or of the module that holds the member `y`; None for other people's modules."""
    parts = dotted.split(".")
    if parts[0] != "attnsite":
        return None
    for length in (len(parts), len(parts) - 1):
        path = os.path.join(package, *parts[1:length]) + ".py"  # as text: it is asked for thousands of times
        if length > 1 and os.path.isfile(path):
            return Path(path)
    return None


def reached(path: Path, package: Path = PACKAGE) -> list[Path]:
    """The file itself and every module of the project that it reaches by imports."""
    seen: dict[Path, None] = {}
    waiting = [path]
    while waiting:
        here = waiting.pop()
        if here in seen:
            continue
        seen[here] = None
        waiting += _next(here, here.stat().st_mtime_ns, package)
    return sorted(seen)


@cache  # most modules are reached from many others
def _next(path: Path, modified: int, package: Path) -> list[Path]:
    """The modules of the project that a file imports itself."""
    files = (_file(name, package) for name in imported(_text(path, modified)))
    return list(dict.fromkeys(file for file in files if file))


def of_module(path: Path, package: Path = PACKAGE, without: str = "") -> str:
    """Hash what a module computes: itself, all it reaches in the project, and the `.csv` of its name beside each.

    `without` names an argument of the calls that make each module's `experiment`; it is left out, wherever in what is
    reached it stands: what a full sweep computes does not depend on which of its cases are the quick ones.
    """
    files = reached(path, package)
    texts = ((file, _text(file, file.stat().st_mtime_ns)) for file in files)
    parts = [(file.relative_to(package).as_posix(), of_code(cut(text, without))) for file, text in texts]
    for data in (file.with_suffix(".csv") for file in files):
        if data.is_file():
            parts.append((data.name, hashlib.sha256(data.read_bytes().replace(b"\r\n", b"\n")).hexdigest()))
    return hashlib.sha256(repr(sorted(parts)).encode()).hexdigest()[:12]


@cache
def _text(path: Path, _modified: int) -> str:
    return path.read_text(encoding="utf-8")
