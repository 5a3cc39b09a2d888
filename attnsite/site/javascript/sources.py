"""The Python that is translated: modules, what each defines and imports, and which definitions are reached."""

import ast
import graphlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from attnsite.site.javascript.refusal import refuse

PACKAGE = "attnsite.formulas"
LIBRARY = {  # module: the names of it that the runtime has
    "dataclasses": {"dataclass", "field", "replace"},
    "fractions": {"Fraction"},
    "functools": {"cached_property"},
    "collections.abc": {"Callable", "Iterable", "Mapping", "Sequence"},
    "typing": {"Any"},
    "math": {"ceil", "floor", "inf"},
}


@dataclass
class Definition:
    """A function, a class or a constant of a module. A statement that assigns two names defines twice."""

    module: "Module"
    name: str
    node: ast.stmt


@dataclass
class Module:
    """`names` are those of the whole module: its own definitions, those of other modules, library names as text."""

    dotted: str
    file: str
    tree: ast.Module
    names: dict[str, "Definition | str"] = field(default_factory=dict)
    own: list[Definition] = field(default_factory=list)


def read(folder: Path, skipped: Mapping[str, str]) -> dict[str, Module]:
    """All modules of `attnsite/formulas` in the order of their imports. Names of a `skipped` module, which reads files,
    are the runtime's own: module -> what the runtime calls it."""
    paths = [*sorted(folder.glob("*.py")), *sorted(folder.glob("families/*.py"))]
    found: dict[str, Module] = {}
    for path in paths:
        inner = path.relative_to(folder).with_suffix("").parts
        dotted = ".".join((PACKAGE, *inner)).removesuffix(".__init__")
        if inner[-1] != "__init__" and dotted not in skipped:
            text = path.read_text(encoding="utf-8")
            file = "/".join(("attnsite", "formulas", *inner)) + ".py"
            found[dotted] = Module(dotted, file, ast.parse(text, file))
    order = graphlib.TopologicalSorter({name: set(_imported(module) & found.keys()) for name, module in found.items()})
    sorted_names = list(order.static_order())
    for name in sorted_names:
        _define(found[name])
    for name in sorted_names:
        _import(found[name], found, skipped)
    return {name: found[name] for name in sorted_names}


def _imported(module: Module) -> set[str]:
    return {str(node.module) for node in module.tree.body if isinstance(node, ast.ImportFrom)}


def _define(module: Module) -> None:
    for node in module.tree.body:
        for name in _targets(node):
            module.own.append(Definition(module, name, node))
            module.names[name] = module.own[-1]


def _targets(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return [node.name]
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        return [node.target.id]
    if isinstance(node, ast.Assign):
        target = node.targets[0]
        names = target.elts if isinstance(target, ast.Tuple) else [target]
        return [name.id for name in names if isinstance(name, ast.Name)]
    return []


def _import(module: Module, found: Mapping[str, Module], skipped: Mapping[str, str]) -> None:
    for node in module.tree.body:
        if isinstance(node, ast.Import):
            for alias in node.names:
                module.names[alias.asname or alias.name] = alias.name
        elif isinstance(node, ast.ImportFrom):
            source = str(node.module)
            for alias in node.names:
                module.names[alias.asname or alias.name] = _named(module, node, source, alias.name, found, skipped)


def _named(module: Module, node: ast.stmt, source: str, name: str, found: Mapping[str, Module],
           skipped: Mapping[str, str]) -> Definition | str:  # fmt: skip
    if source in found:
        target = found[source].names.get(name)
        if target is not None:
            return target
    elif source in skipped or name in LIBRARY.get(source, ()):
        return name
    return f"!{source}.{name}"  # refused where it is used


def values(node: ast.AST) -> Iterator[ast.Name]:
    """Names that code uses as values: not those of annotations."""
    for inner in _evaluated(node):
        if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Load):
            yield inner


def _evaluated(node: ast.AST) -> Iterator[ast.AST]:
    yield node
    for name, child in ast.iter_fields(node):
        if name in ("annotation", "returns", "decorator_list"):
            continue
        for each in child if isinstance(child, list) else [child]:
            if isinstance(each, ast.AST):
                yield from _evaluated(each)


def reached(modules: Mapping[str, Module], wanted: Sequence[tuple[str, str]]) -> list[Definition]:
    """The definitions that the wanted ones (module, name) need, in an order in which they can be run."""
    kept: set[int] = set()
    waiting = []
    for dotted, name in wanted:
        definition = modules[dotted].names.get(name) if dotted in modules else None
        if not isinstance(definition, Definition):
            raise refuse(f"{dotted}.{name}", ast.Pass(), "is wanted and is not there")
        waiting.append(definition)
    while waiting:
        definition = waiting.pop()
        if id(definition.node) in kept:
            continue
        kept.add(id(definition.node))
        for name in values(definition.node):
            target = definition.module.names.get(name.id)
            if isinstance(target, Definition):
                waiting.append(target)
    return [d for module in modules.values() for d in module.own if id(d.node) in kept]
