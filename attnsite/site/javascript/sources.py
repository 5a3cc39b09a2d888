"""The Python that is translated: modules, what each defines and imports, and which definitions are reached."""

import ast
import graphlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from attnsite.site.javascript.refusal import refuse

LIBRARY = {  # module: the names of it that the runtime has
    "dataclasses": {"dataclass", "field", "replace"},
    "fractions": {"Fraction"},
    "functools": {"cached_property"},
    "collections.abc": {"Callable", "Iterable", "Mapping", "Sequence"},
    "typing": {"Any"},
    "math": {"log2"},
    "html": {"escape"},
}


@dataclass
class Definition:
    """A function, a class or a constant of a module. A statement that assigns two names defines twice."""

    module: "Module"
    name: str
    node: ast.stmt


@dataclass
class Module:
    """`names` are those of the whole module: its own definitions, those of others, modules, library names as text."""

    dotted: str
    file: str
    tree: ast.Module
    names: dict[str, "Definition | Module | str"] = field(default_factory=dict)
    own: list[Definition] = field(default_factory=list)


def read(package: Path, paths: Iterable[Path], provided: Mapping[str, Mapping[str, str]]) -> dict[str, Module]:
    """The modules of files below `attnsite`, in the order of their imports. What reads files or belongs to another room
    is `provided` by the runtime: module -> name in it -> what the runtime calls it."""
    found: dict[str, Module] = {}
    for path in paths:
        inner = path.relative_to(package).with_suffix("").parts
        if inner[-1] != "__init__":
            file = "/".join(("attnsite", *inner)) + ".py"
            dotted = ".".join(("attnsite", *inner))
            found[dotted] = Module(dotted, file, ast.parse(path.read_text(encoding="utf-8"), file))
    order = graphlib.TopologicalSorter({name: set(_imported(module) & found.keys()) for name, module in found.items()})
    ordered = {name: found[name] for name in order.static_order()}
    for module in ordered.values():
        _define(module, provided.get(module.dotted, {}))
    for module in ordered.values():
        _import(module, ordered, provided)
    return ordered


def _imported(module: Module) -> set[str]:
    found = [node for node in module.tree.body if isinstance(node, ast.ImportFrom)]
    inside = {f"{node.module}.{alias.name}" for node in found for alias in node.names}
    return inside | {str(node.module) for node in found}


def _define(module: Module, provided: Mapping[str, str]) -> None:
    for node in module.tree.body:
        for name in _targets(node):
            if name in provided:
                module.names[name] = provided[name]
            else:
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


def _import(module: Module, found: Mapping[str, Module], provided: Mapping[str, Mapping[str, str]]) -> None:
    for node in module.tree.body:
        if isinstance(node, ast.Import):
            for alias in node.names:
                module.names[alias.asname or alias.name] = alias.name
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                module.names[alias.asname or alias.name] = _named(str(node.module), alias.name, found, provided)


def _named(
    source: str, name: str, found: Mapping[str, Module], provided: Mapping[str, Mapping[str, str]]
) -> "Definition | Module | str":
    if name in provided.get(source, {}):
        return provided[source][name]
    if f"{source}.{name}" in found:
        return found[f"{source}.{name}"]
    if source in found and name in found[source].names:
        return found[source].names[name]
    return name if name in LIBRARY.get(source, ()) else f"!{source}.{name}"  # that is refused where it is used


def values(module: Module, node: ast.AST) -> Iterator["Definition | Module | str | None"]:
    """What the names mean that code uses as values: not those of annotations."""
    for inner in _evaluated(node):
        if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Load):
            yield module.names.get(inner.id)
        elif isinstance(inner, ast.Attribute) and isinstance(inner.value, ast.Name):
            of = module.names.get(inner.value.id)
            yield of.names.get(inner.attr) if isinstance(of, Module) else None


def _evaluated(node: ast.AST) -> Iterator[ast.AST]:
    yield node
    for part, child in ast.iter_fields(node):
        if part not in ("annotation", "returns", "decorator_list"):
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
        waiting += [one for one in values(definition.module, definition.node) if isinstance(one, Definition)]
    return [d for module in modules.values() for d in module.own if id(d.node) in kept]
