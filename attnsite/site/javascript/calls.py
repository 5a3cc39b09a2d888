"""Functions and calls: keywords are put in their places when it is known which function is called, and refused else."""

import ast
import json
import re

from attnsite.site.javascript.expressions import Expressions, Scope
from attnsite.site.javascript.refusal import refuse
from attnsite.site.javascript.shapes import parameters
from attnsite.site.javascript.sources import Definition, Module

OF_OBJECTS = {"get", "items", "values", "keys", "add"}  # methods of the runtime's Dict and Set
OF_VALUES = {"append", "endswith", "extend", "is_integer", "isdecimal", "join", "lower", "removeprefix", "startswith",
             "upper"}  # fmt: skip
PLAIN = re.compile(r"[a-z_|]+")


class Calls(Expressions):
    """Lambdas, calls of functions, classes, builtins and methods."""

    def _Lambda(self, node: ast.Lambda, scope: Scope) -> str:
        inner = Scope(self.program, scope.module, scope)
        given = self.given(parameters(node, scope.file), inner)
        body = self.text(node.body, inner)
        return f"({given})=>{body}"

    def given(self, names: list[tuple[str, ast.expr | None]], scope: Scope) -> str:
        """The parameters of a function, with defaults."""
        for name, _ in names:
            scope.add(name)
        return ",".join(
            scope.names[name] if default is None else f"{scope.names[name]}={self.text(default, scope)}"
            for name, default in names
        )

    def _Call(self, node: ast.Call, scope: Scope) -> str:
        target = self.of_module(node.func, scope)
        if target is None and isinstance(node.func, ast.Attribute):
            return self._method(node, node.func, scope)
        if isinstance(node.func, ast.Name) and node.func.id not in scope.names:
            known = scope.module.names.get(node.func.id)
            target = None if isinstance(known, Module) else known
            if not isinstance(target, Definition):
                return self._builtin(node, node.func, scope)
        if isinstance(target, Definition) and (signature := self.program.signature(target)):
            new = "new " if isinstance(target.node, ast.ClassDef) else ""
            places: list[ast.expr | None] = [*node.args]
            if node.keywords:
                places = signature.places(node, scope.file)
            return f"{new}{self.program.name(target)}({self._placed(places, scope)})"
        if node.keywords:
            raise refuse(scope.file, node, "gives keywords to a function that is not known by name")
        return f"call({self.text(node.func, scope)}{self._after(node.args, scope)})"

    def _placed(self, places: list[ast.expr | None], scope: Scope) -> str:
        return ",".join("void 0" if one is None else self.text(one, scope) for one in places)

    def _after(self, nodes: list[ast.expr], scope: Scope) -> str:
        return "".join("," + self.text(node, scope) for node in nodes)

    def _builtin(self, node: ast.Call, function: ast.Name, scope: Scope) -> str:
        name = self._Name(function, scope)
        if name == "replace":
            changes = ",".join(f"{keyword.arg}:{self.text(keyword.value, scope)}" for keyword in node.keywords)
            return f"replace({self.many(node.args, scope)},{{{changes}}})"
        if name == "isinstance":
            return f"isinstance({self.text(node.args[0], scope)},[{','.join(self._types(node.args[1], scope))}])"
        if name in ("sorted", "max", "min") and [keyword.arg for keyword in node.keywords] == ["key"]:
            by = self.text(node.keywords[0].value, scope)
            return f"{'sorted' if name == 'sorted' else name + 'By'}({self.many(node.args, scope)},{by})"
        strict = name == "zip" and [keyword.arg for keyword in node.keywords] == ["strict"]
        if node.keywords and not strict:
            raise refuse(scope.file, node, f"gives keywords to {name}, which is not translated")
        return f"{name}({self.many(node.args, scope)})"

    def _types(self, node: ast.expr, scope: Scope) -> list[str]:
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
            return self._types(node.left, scope) + self._types(node.right, scope)
        if isinstance(node, ast.Tuple):
            return [name for one in node.elts for name in self._types(one, scope)]
        return [self.text(node, scope)]

    def _method(self, node: ast.Call, function: ast.Attribute, scope: Scope) -> str:
        name, owner = function.attr, function.value
        if isinstance(owner, ast.Name) and owner.id not in scope.names:
            dotted = f"{owner.id}.{name}"
            if dotted == "dict.fromkeys":
                return f"fromkeys({self.many(node.args, scope)})"
            if dotted == "re.compile":
                return self._pattern(node, scope)
        known = self.program.methods.get(name, [])
        if node.keywords:
            signatures = {tuple(one.names): one for one in known}
            if len(signatures) != 1 or name in self.program.fields:
                raise refuse(scope.file, node, f"gives keywords to {name}, which is more than one function")
            places = next(iter(signatures.values())).places(node, scope.file)
            return f"{self.text(owner, scope)}.{name}({self._placed(places, scope)})"
        if name in self.program.fields:
            return f"method({self.text(owner, scope)},{json.dumps(name)}{self._after(node.args, scope)})"
        if known or name in OF_OBJECTS:
            return f"{self.text(owner, scope)}.{name}({self.many(node.args, scope)})"
        if name in OF_VALUES:
            return f"{name}({self.text(owner, scope)}{self._after(node.args, scope)})"
        if name == "search" and isinstance(owner, ast.Name):
            return f"{self.text(owner, scope)}.test({self.many(node.args, scope)})"
        if name == "replace":
            return f"{self.text(owner, scope)}.replaceAll({self.many(node.args, scope)})"
        raise refuse(scope.file, node, f"calls the method {name}, which is not translated")

    def _pattern(self, node: ast.Call, scope: Scope) -> str:
        pattern = node.args[0]
        if len(node.args) != 1 or not isinstance(pattern, ast.Constant) or not isinstance(pattern.value, str):
            raise refuse(scope.file, node, "compiles a pattern that is no plain text")
        if not PLAIN.fullmatch(pattern.value):
            raise refuse(scope.file, node, "compiles a pattern that is more than words and bars")
        return f"/{pattern.value}/"
