"""One expression of Python as one of JavaScript. Integers are BigInt, floats are Number; what the operators of the two
languages do differently is done by a function of `runtime.js`."""

import ast
import json
import re
from collections.abc import Callable

from attnsite.site.javascript.refusal import refuse
from attnsite.site.javascript.shapes import Program, parameters, short
from attnsite.site.javascript.sources import Definition, Module

OPERATORS = {ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.FloorDiv: "floordiv", ast.Mod: "mod", ast.Div: "div",
             ast.Pow: "pow", ast.BitOr: "bor", ast.LShift: "shl"}  # fmt: skip
ORDERED = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">="}
BUILTINS = {"abs", "all", "any", "bool", "dict", "divmod", "enumerate", "float", "int", "isinstance", "len", "list",
            "map", "max", "min", "next", "object", "range", "repr", "round", "set", "sorted", "str", "sum", "tuple",
            "type", "zip", "Mapping", "Sequence", "Fraction", "replace", "log2", "escape"}  # fmt: skip
RENAMED = {"Mapping": "dict", "tuple": "list"}
OF_OBJECTS = {"get", "items", "values", "keys", "add"}  # methods of the runtime's Dict and Set
OF_VALUES = {"append", "endswith", "extend", "is_integer", "isdecimal", "join", "lower", "removeprefix", "startswith",
             "upper"}  # fmt: skip
PLAIN = re.compile(r"[a-z_|]+")


class Scope:
    """The names of a function and of those around it; each new one has a short name of its own."""

    def __init__(self, program: Program, module: Module, outer: "Scope | None" = None) -> None:
        self.program, self.module, self.outer = program, module, outer
        self.names: dict[str, str] = {} if outer is None else dict(outer.names)
        self.used: set[str] = set() if outer is None else outer.used
        self.declared: list[str] = []

    @property
    def file(self) -> str:
        return self.module.file

    def add(self, name: str) -> str:
        """A parameter or a variable; the same name again is the same variable."""
        if name in self.names and name in self.declared:
            return self.names[name]
        self.declared.append(name)
        taken = set(self.names.values())
        self.names[name] = next(one for one in short() if one not in taken)
        return self.names[name]


class Expressions:
    """`text` writes an expression in a scope."""

    def __init__(self, program: Program) -> None:
        self.program = program

    def text(self, node: ast.AST, scope: Scope) -> str:
        writer: Callable[[ast.AST, Scope], str] | None = getattr(self, "_" + type(node).__name__, None)
        if writer is None:
            raise refuse(scope.file, node, f"has the construct {type(node).__name__}, which is not translated")
        return writer(node, scope)

    def many(self, nodes: list[ast.expr], scope: Scope) -> str:
        return ",".join(self.text(node, scope) for node in nodes)

    # --- names and constants

    def _Constant(self, node: ast.Constant, scope: Scope) -> str:
        value = node.value
        if value is None or isinstance(value, bool):
            return {None: "null", True: "true", False: "false"}[value]
        if isinstance(value, int):
            return f"{value}n"
        if isinstance(value, float):
            return repr(value)
        if isinstance(value, str):
            return json.dumps(value, ensure_ascii=False)
        raise refuse(scope.file, node, f"has the constant {value!r}, which is not translated")

    def _Name(self, node: ast.Name, scope: Scope) -> str:
        if node.id in scope.names:
            return scope.names[node.id]
        target = scope.module.names.get(node.id)
        if isinstance(target, Definition):
            return self.program.name(target)
        if isinstance(target, Module):
            raise refuse(scope.file, node, f"uses the module {node.id} as a value")
        name = target if isinstance(target, str) else node.id
        if isinstance(target, str) and target in self.program.provided:
            return target
        if name in BUILTINS:
            return RENAMED.get(name, name)
        raise refuse(scope.file, node, f"names {node.id}, which is not translated")

    def of_module(self, node: ast.expr, scope: Scope) -> "Definition | str | None":
        """What `module.name` is, where the first is a module."""
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id not in scope.names:
            module = scope.module.names.get(node.value.id)
            if isinstance(module, Module):
                found = module.names.get(node.attr)
                return None if isinstance(found, Module) else found
        return None

    def _Attribute(self, node: ast.Attribute, scope: Scope) -> str:
        if found := self.of_module(node, scope):
            return self.program.name(found) if isinstance(found, Definition) else found
        return f"{self.text(node.value, scope)}.{node.attr}"

    # --- arithmetic and comparisons

    def _BinOp(self, node: ast.BinOp, scope: Scope) -> str:
        if type(node.op) not in OPERATORS:
            raise refuse(scope.file, node, f"has the operator {type(node.op).__name__}, which is not translated")
        return f"{OPERATORS[type(node.op)]}({self.text(node.left, scope)},{self.text(node.right, scope)})"

    def _UnaryOp(self, node: ast.UnaryOp, scope: Scope) -> str:
        if isinstance(node.op, ast.Not):
            return f"!{self.test(node.operand, scope)}"
        if isinstance(node.op, ast.USub):
            return f"neg({self.text(node.operand, scope)})"
        raise refuse(scope.file, node, f"has the operator {type(node.op).__name__}, which is not translated")

    def _Compare(self, node: ast.Compare, scope: Scope) -> str:
        left, parts = node.left, []
        for operator, right in zip(node.ops, node.comparators, strict=True):
            if right is not node.comparators[-1] and not isinstance(right, ast.Name | ast.Constant | ast.BinOp):
                raise refuse(scope.file, node, "compares a chain whose middle would be computed twice")
            parts.append(self._compared(operator, self.text(left, scope), self.text(right, scope), scope, node))
            left = right
        return f"({'&&'.join(parts)})"

    def _compared(self, operator: ast.cmpop, left: str, right: str, scope: Scope, node: ast.AST) -> str:
        if type(operator) in ORDERED:
            return f"{left}{ORDERED[type(operator)]}{right}"
        if isinstance(operator, ast.Is | ast.IsNot):
            return f"{left}{'===' if isinstance(operator, ast.Is) else '!=='}{right}"
        if isinstance(operator, ast.Eq | ast.NotEq):
            return f"{'' if isinstance(operator, ast.Eq) else '!'}eq({left},{right})"
        if isinstance(operator, ast.In | ast.NotIn):
            return f"{'' if isinstance(operator, ast.In) else '!'}has({right},{left})"
        raise refuse(scope.file, node, f"has the comparison {type(operator).__name__}, which is not translated")

    def test(self, node: ast.expr, scope: Scope) -> str:
        """What an `if` asks: the truth of a value as Python has it."""
        text = self.text(node, scope)
        return text if self._boolean(node) else f"truth({text})"

    def _boolean(self, node: ast.expr) -> bool:
        if isinstance(node, ast.BoolOp):
            return all(map(self._boolean, node.values))
        if isinstance(node, ast.Call):
            return isinstance(node.func, ast.Name) and node.func.id in ("isinstance", "all", "any", "bool")
        return isinstance(node, ast.Compare) or (isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not))

    def _BoolOp(self, node: ast.BoolOp, scope: Scope) -> str:
        if all(map(self._boolean, node.values)):
            return f"({('||' if isinstance(node.op, ast.Or) else '&&').join(self.text(v, scope) for v in node.values)})"
        found = self.text(node.values[-1], scope)
        for value in reversed(node.values[:-1]):
            first, choice = self.text(value, scope), (f"it:{found}" if isinstance(node.op, ast.Or) else f"{found}:it")
            found = f"(truth(it={first})?{choice})"
        return found

    def _IfExp(self, node: ast.IfExp, scope: Scope) -> str:
        test = self.test(node.test, scope)
        return f"({test}?{self.text(node.body, scope)}:{self.text(node.orelse, scope)})"

    def _NamedExpr(self, node: ast.NamedExpr, scope: Scope) -> str:
        return f"({self.text(node.target, scope)}={self.text(node.value, scope)})"

    # --- containers

    def _Tuple(self, node: ast.Tuple | ast.List, scope: Scope) -> str:
        return f"[{self.many(node.elts, scope)}]"

    _List = _Tuple

    def _Set(self, node: ast.Set, scope: Scope) -> str:
        return f"set([{self.many(node.elts, scope)}])"

    def _Starred(self, node: ast.Starred, scope: Scope) -> str:
        return f"...{self.text(node.value, scope)}"

    def _Dict(self, node: ast.Dict, scope: Scope) -> str:
        pairs = []
        for key, value in zip(node.keys, node.values, strict=True):
            if key is None:
                raise refuse(scope.file, node, "spreads a dict, which is not translated")
            pairs.append(f"[{self.text(key, scope)},{self.text(value, scope)}]")
        return f"new Dict([{','.join(pairs)}])"

    def _Subscript(self, node: ast.Subscript, scope: Scope) -> str:
        value = self.text(node.value, scope)
        if isinstance(node.slice, ast.Slice):
            if node.slice.step:
                raise refuse(scope.file, node, "slices by a step, which is not translated")
            ends = (node.slice.lower, node.slice.upper)
            return f"slice({value},{','.join('null' if end is None else self.text(end, scope) for end in ends)})"
        return f"at({value},{self.text(node.slice, scope)})"

    def _ListComp(self, node: ast.ListComp | ast.GeneratorExp, scope: Scope) -> str:
        return self._comprehended(node.generators, lambda inner: self.text(node.elt, inner), scope, node)

    _GeneratorExp = _ListComp

    def _DictComp(self, node: ast.DictComp, scope: Scope) -> str:
        def pair(inner: Scope) -> str:
            return f"[{self.text(node.key, inner)},{self.text(node.value, inner)}]"

        return f"new Dict({self._comprehended(node.generators, pair, scope, node)})"

    def _comprehended(self, generators: list[ast.comprehension], element: Callable[[Scope], str], scope: Scope,
                      node: ast.AST) -> str:  # fmt: skip
        first, rest = generators[0], generators[1:]
        if first.is_async:
            raise refuse(scope.file, node, "is asynchronous")
        inner = Scope(self.program, scope.module, scope)
        source, target = self.text(first.iter, scope), self.target(first.target, inner)
        found = f"[...{source}]"
        if first.ifs:
            found += f".filter(({target})=>{'&&'.join(self.test(one, inner) for one in first.ifs)})"
        if rest:
            return f"{found}.flatMap(({target})=>{self._comprehended(rest, element, inner, node)})"
        made = element(inner)
        return found if made == target else f"{found}.map(({target})=>{made})"

    def target(self, node: ast.AST, scope: Scope) -> str:
        """What a loop or an assignment binds."""
        if isinstance(node, ast.Name):
            return scope.add(node.id)
        if isinstance(node, ast.Tuple):
            return f"[{','.join(self.target(one, scope) for one in node.elts)}]"
        raise refuse(scope.file, node, f"binds {type(node).__name__}, which is not translated")

    # --- functions

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

    # --- texts

    def _JoinedStr(self, node: ast.JoinedStr, scope: Scope) -> str:
        parts = [self.text(part, scope) for part in node.values]
        return f"({'+'.join(parts)})" if isinstance(node.values[0], ast.Constant) else f"(''+{'+'.join(parts)})"

    def _FormattedValue(self, node: ast.FormattedValue, scope: Scope) -> str:
        value = self.text(node.value, scope)
        written = f"repr({value})" if node.conversion == ord("r") else f"str({value})"
        form = ast.unparse(node.format_spec)[2:-1] if node.format_spec else ""
        if node.conversion in (-1, ord("r"), ord("s")) and re.fullmatch(r"(\.\d+)?", form):
            return f"slice({written},null,{form[1:]}n)" if form else written
        if node.conversion == -1 and form == ",":
            return f"commas({value})"
        raise refuse(scope.file, node, f"formats by {form}, which is not translated")
