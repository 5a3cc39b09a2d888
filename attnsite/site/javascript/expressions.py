"""One expression of Python as one of JavaScript. Integers are BigInt, floats are Number; what the operators of the two
languages do differently is done by a function of `runtime.js`."""

import ast
import json
import re
from collections.abc import Callable

from attnsite.site.javascript.refusal import refuse
from attnsite.site.javascript.shapes import Program, short
from attnsite.site.javascript.sources import Definition, Module

OPERATORS = {ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.FloorDiv: "floordiv", ast.Mod: "mod", ast.Div: "div",
             ast.Pow: "pow", ast.BitOr: "bor", ast.LShift: "shl"}  # fmt: skip
ORDERED = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">="}
BUILTINS = {"abs", "all", "any", "bool", "dict", "divmod", "enumerate", "float", "int", "isinstance", "len", "list",
            "map", "max", "min", "next", "object", "range", "repr", "set", "sorted", "str", "sum", "tuple",
            "type", "zip", "Mapping", "Sequence", "Fraction", "replace", "log2", "escape"}  # fmt: skip
RENAMED = {"Mapping": "dict", "tuple": "list"}


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
