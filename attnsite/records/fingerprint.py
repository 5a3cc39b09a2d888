"""What a file computes, as a short hash: the same after an edit to its prose, and on every Python."""

import ast
import hashlib
import itertools
import os
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).resolve().parents[1]
_WITH_DOCSTRING = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
_UNSAID = ("ctx", "kind", "type_comment", "type_params")  # said by the place in the tree, or not on every Python
Keep = Callable[[object, Callable[[], Any]], Any]
_keep: Keep = lambda made_from, make: make()  # noqa: E731


def keep(by: Keep) -> None:
    """From now on take what was found in a text from `by`, which gets what it was made from and how to make it."""
    global _keep
    _keep = by


def of_code(text: str, package: Path = PACKAGE) -> str:
    """Hash what `text` computes: its syntax, without comments, docstrings, layout and what it says that it follows.

    Nor does it matter where the project's own modules lie and what they are called: of an import the member's name
    counts, and not its module's.
    """
    return _hashed(text, tuple((local, "" if path else name) for local, name, path in _taken(text, package)))


@cache
def imported(text: str) -> list[str]:
    """The full names of all modules and members that the code imports, wherever in the file."""
    return list(_keep(("imports", _own(), text), lambda: _imported(text)))


@cache
def bound(text: str) -> list[list[str]]:
    """What names the code gives to members of the project, wherever it imports them: the name and what is imported."""
    return [list(pair) for pair in _keep(("bound", _own(), text), lambda: _bound(text))]


@cache
def _own() -> bytes:
    """What decides how a text is read: this file."""
    return Path(__file__).read_bytes()


def _taken(text: str, package: Path) -> list[tuple[str, str, Path | None]]:
    """What the code takes from the project: the name it has here, its own name, and its file if it is a module."""
    return [(local, dotted.rpartition(".")[2], _module(dotted, package)) for local, dotted in bound(text)]


@cache  # kernels share most of what they reach
def _hashed(text: str, words: tuple[tuple[str, str], ...]) -> str:
    return str(_keep(("code", _own(), text, words), lambda: _of_code(text, dict(words))))


def _of_code(text: str, words: Mapping[str, str]) -> str:
    return hashlib.sha256(repr(_form(ast.parse(text), words)).encode()).hexdigest()[:12]


def _form(node: object, words: Mapping[str, str]) -> object:
    """A tree of syntax as nested tuples, the same on every Python; `words` are said in the place of names."""
    if isinstance(node, list):
        return tuple(_form(part, words) for part in node if not _is_left_out(part))
    if isinstance(node, ast.Constant):
        return type(node.value).__name__, ascii(node.value)
    if isinstance(node, ast.Name):
        return ("imported", words[node.id]) if node.id in words else ("Name", node.id)
    if isinstance(node, ast.JoinedStr):
        return ("JoinedStr", *_pieces(node, words))
    if not isinstance(node, ast.AST):
        return node
    if isinstance(node, _WITH_DOCSTRING) and ast.get_docstring(node, clean=False) is not None:
        node = type(node)(**{**dict(ast.iter_fields(node)), "body": node.body[1:]})
    fields = ((name, value) for name, value in ast.iter_fields(node) if name not in _UNSAID and value not in (None, []))
    return (type(node).__name__, *((name, _form(value, words)) for name, value in fields))


def _pieces(node: ast.JoinedStr, words: Mapping[str, str]) -> list[object]:
    """The pieces of an f-string, which Pythons cut differently: neighbouring texts are one, and none is empty."""
    found: list[object] = []
    for part in node.values:
        if isinstance(part, ast.JoinedStr):
            pieces = _pieces(part, words)
        else:
            pieces = [part.value if isinstance(part, ast.Constant) else _form(part, words)]
        for piece in pieces:
            if isinstance(piece, str) and found and isinstance(found[-1], str):
                found[-1] += piece
            elif piece != "":
                found.append(piece)
    return [ascii(piece) if isinstance(piece, str) else piece for piece in found]


def _is_left_out(part: object) -> bool:
    """A kernel's place on the ladder, which is read and not computed, and imports of the project: their uses count."""
    if isinstance(part, ast.Assign):
        return [name.id for name in part.targets if isinstance(name, ast.Name)] == ["FOLLOWS"]
    return isinstance(part, ast.ImportFrom) and not part.level and (part.module or "").partition(".")[0] == "attnsite"


def _imported(text: str) -> list[str]:
    found = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            found += [f"{node.module}.{alias.name}" for alias in node.names]
    return found


def _bound(text: str) -> list[list[str]]:
    return [
        [alias.asname or alias.name, f"{node.module}.{alias.name}"]
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.ImportFrom) and _is_left_out(node)
        for alias in node.names
    ]


@cache
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


def _module(dotted: str, package: Path) -> Path | None:
    """The file of the module `attnsite.x.y`; None where that is no module, or somebody else's."""
    parts = dotted.split(".")
    if parts[0] != "attnsite" or len(parts) < 2:
        return None
    path = os.path.join(package, *parts[1:]) + ".py"  # as text: it is asked for thousands of times
    return Path(path) if os.path.isfile(path) else None


def _file(dotted: str, package: Path) -> Path | None:
    """The file of `attnsite.x.y` or of the module that holds the member `y`; None for other people's modules."""
    return _module(dotted, package) or _module(dotted.rpartition(".")[0], package)


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
    A module that moves or takes another name computes what it did. So what is imported is told by the code that it
    comes from, and the parts are put in order by what they are.
    """
    files = reached(path, package)
    at = {file: file.stat().st_mtime_ns for file in files}
    taken = {file: tuple(at[other] for other in _next(file, modified, package)) for file, modified in at.items()}
    parts = [_of_file(file, modified, taken[file], package, without) for file, modified in at.items()]
    for data in (file.with_suffix(".csv") for file in files):
        if data.is_file():
            parts.append(hashlib.sha256(data.read_bytes().replace(b"\r\n", b"\n")).hexdigest())
    return hashlib.sha256(repr(sorted(parts)).encode()).hexdigest()[:12]


@cache
def _of_file(path: Path, modified: int, _taken_modified: tuple[int, ...], package: Path, without: str) -> str:
    """The hash of a file's code, in which each name from the project says what code it comes from."""

    def said(local: str, name: str, module: Path | None, dotted: str) -> tuple[str, str]:
        file = module or _module(dotted.rpartition(".")[0], package)
        origin = of_code(cut(_text(file, file.stat().st_mtime_ns), without), package) if file else ""
        return local, f"{'' if module else name}@{origin}"

    text = cut(_text(path, modified), without)
    taken = zip(_taken(text, package), bound(text), strict=True)
    return _hashed(text, tuple(said(*one, dotted) for one, (_, dotted) in taken))


@cache
def _text(path: Path, _modified: int) -> str:
    return path.read_text(encoding="utf-8")
