"""What has to be known of the whole program: signatures, fields, methods, and a short name for everything."""

import ast
import itertools
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass, field

from attnsite.site.javascript.refusal import refuse
from attnsite.site.javascript.sources import Definition

ERRORS = {"ValueError", "Exception"}
LETTERS = "abcdefghijklmnopqrstuvwxyz"


def short(first: str = LETTERS) -> Iterator[str]:
    """a, b, … z, a1, b1, …: none is a word of the language or a name of the runtime."""
    for round_ in itertools.count():
        for letter in first:
            yield f"{letter}{round_ or ''}"


@dataclass
class Signature:
    """The parameters that a call may give, in their order in the translation."""

    names: list[str]
    where: str

    def places(self, call: ast.Call, file: str) -> list[ast.expr | None]:
        """The arguments of a call by place; None for one that has its default."""
        if any(isinstance(argument, ast.Starred) for argument in call.args):
            raise refuse(file, call, f"has keywords behind * in a call of {self.where}")
        found: list[ast.expr | None] = list(call.args)
        for keyword in call.keywords:
            if keyword.arg not in self.names:
                raise refuse(file, call, f"gives {keyword.arg} to {self.where}, which has no such parameter")
            place = self.names.index(keyword.arg)
            found += [None] * (place + 1 - len(found))
            found[place] = keyword.value
        return found


@dataclass
class Class:
    """A class of the program: its fields with those of its bases, and its methods."""

    definition: Definition
    node: ast.ClassDef
    fields: dict[str, ast.AnnAssign] = field(default_factory=dict)
    methods: dict[str, ast.FunctionDef] = field(default_factory=dict)
    properties: set[str] = field(default_factory=set)
    base: "Class | None" = None

    @property
    def is_error(self) -> bool:
        names = {base.id for base in self.node.bases if isinstance(base, ast.Name)}
        return bool(names & ERRORS) or (self.base is not None and self.base.is_error)


def parameters(node: ast.FunctionDef | ast.Lambda, file: str) -> list[tuple[str, ast.expr | None]]:
    """Names and defaults, those after * at the end."""
    given = node.args
    if given.vararg or given.kwarg or given.posonlyargs:
        raise refuse(file, node, "takes * or ** arguments, which are not translated")
    defaults: list[ast.expr | None] = [None] * (len(given.args) - len(given.defaults)) + list(given.defaults)
    found = [(one.arg, default) for one, default in zip(given.args, defaults, strict=True)]
    return found + [(one.arg, default) for one, default in zip(given.kwonlyargs, given.kw_defaults, strict=True)]


def made_inside(node: ast.AnnAssign) -> bool:
    """Whether no argument gives a field: `field(init=False)`."""
    return isinstance(node.value, ast.Call) and any(
        keyword.arg == "init" and isinstance(keyword.value, ast.Constant) and keyword.value.value is False
        for keyword in node.value.keywords
    )


class Program:
    """All definitions that are translated, and the names that the runtime provides."""

    def __init__(self, definitions: Sequence[Definition], provided: Set[str]) -> None:
        self.definitions, self.provided = definitions, provided
        names = short(LETTERS.upper())
        self.called = {(d.module.dotted, d.name): next(names) for d in definitions}
        self.classes: dict[tuple[str, str], Class] = {}
        for definition in definitions:
            if isinstance(definition.node, ast.ClassDef):
                self.classes[definition.module.dotted, definition.name] = self._class(definition, definition.node)
        self.fields = {name for one in self.classes.values() for name in one.fields}
        self.methods: dict[str, list[Signature]] = {}
        for one in self.classes.values():
            for name, method in one.methods.items():
                if name not in one.properties:
                    names_ = [name for name, _ in parameters(method, one.definition.module.file)][1:]
                    self.methods.setdefault(name, []).append(Signature(names_, f"{one.definition.name}.{name}"))

    def _class(self, definition: Definition, node: ast.ClassDef) -> Class:
        file, found = definition.module.file, Class(definition, node)
        if len(node.bases) > 1 or node.keywords:
            raise refuse(file, node, "is a class of several bases, which is not translated")
        for base in node.bases:
            target = definition.module.names.get(base.id) if isinstance(base, ast.Name) else None
            if isinstance(target, Definition):
                found.base = self.classes[target.module.dotted, target.name]
                found.fields |= found.base.fields
            elif not (isinstance(base, ast.Name) and base.id in ERRORS):
                raise refuse(file, node, "has a base that is not translated")
        is_data = any("dataclass" in ast.unparse(decorator) for decorator in node.decorator_list)
        for inner in node.body:
            if isinstance(inner, ast.AnnAssign) and isinstance(inner.target, ast.Name):
                if not is_data:
                    raise refuse(file, inner, "annotates a name of a class that is no dataclass")
                found.fields[inner.target.id] = inner
            elif isinstance(inner, ast.FunctionDef):
                found.methods[inner.name] = inner
                decorators = {one.id for one in inner.decorator_list if isinstance(one, ast.Name)}
                if len(decorators) != len(inner.decorator_list) or decorators - {"property", "cached_property"}:
                    raise refuse(file, inner, "has a decorator that is not translated")
                if decorators:
                    found.properties.add(inner.name)
        return found

    def name(self, definition: Definition) -> str:
        return self.called[definition.module.dotted, definition.name]

    def signature(self, definition: Definition) -> Signature | None:
        """Of a function or a class; None of a constant."""
        node, file = definition.node, definition.module.file
        if isinstance(node, ast.FunctionDef):
            return Signature([name for name, _ in parameters(node, file)], definition.name)
        if isinstance(node, ast.ClassDef):
            one = self.classes[definition.module.dotted, definition.name]
            if "__init__" in one.methods:
                names = [name for name, _ in parameters(one.methods["__init__"], file)][1:]
                return Signature(names, definition.name)
            return Signature([name for name, field in one.fields.items() if not made_inside(field)], definition.name)
        return None
