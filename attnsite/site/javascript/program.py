"""Definitions and statements, over the expressions in them."""

import ast
import json
from collections.abc import Mapping, Sequence, Set

from attnsite.site.javascript.calls import Calls
from attnsite.site.javascript.expressions import Scope
from attnsite.site.javascript.refusal import refuse
from attnsite.site.javascript.shapes import Class, Program, made_inside, parameters
from attnsite.site.javascript.sources import Definition, Module, reached


class Writer(Calls):
    """Statements, with the expressions in them."""

    def block(self, nodes: Sequence[ast.stmt], scope: Scope) -> str:
        return "".join(self.statement(node, scope) for node in nodes)

    def statement(self, node: ast.stmt, scope: Scope) -> str:
        if isinstance(node, ast.Return):
            return f"return {'null' if node.value is None else self.text(node.value, scope)};"
        if isinstance(node, ast.Expr):
            return "" if isinstance(node.value, ast.Constant) else self.text(node.value, scope) + ";"
        if isinstance(node, ast.Assign):
            if len(node.targets) != 1:
                raise refuse(scope.file, node, "assigns to several targets, which is not translated")
            return self._assign(node.targets[0], self.text(node.value, scope), scope)
        if isinstance(node, ast.AnnAssign) and node.value is not None:
            return self._assign(node.target, self.text(node.value, scope), scope)
        if isinstance(node, ast.AugAssign):
            read = ast.parse(ast.unparse(node.target), mode="eval").body
            both = ast.copy_location(ast.BinOp(read, node.op, node.value), node)
            return self._assign(node.target, self._BinOp(both, scope), scope)
        if isinstance(node, ast.If):
            text = f"if({self.test(node.test, scope)}){{{self.block(node.body, scope)}}}"
            return text + (f"else{{{self.block(node.orelse, scope)}}}" if node.orelse else "")
        if isinstance(node, ast.For) and not node.orelse:
            source = self.text(node.iter, scope)
            return f"for({self.target(node.target, scope)} of {source}){{{self.block(node.body, scope)}}}"
        if isinstance(node, ast.Continue | ast.Break):
            return "continue;" if isinstance(node, ast.Continue) else "break;"
        if isinstance(node, ast.Pass):
            return ""
        if isinstance(node, ast.Raise) and node.exc is not None:
            return f"throw {self.text(node.exc, scope)};"
        if isinstance(node, ast.FunctionDef):
            name = scope.add(node.name)
            return f"{name}={self.function(node, scope)};"
        raise refuse(scope.file, node, f"has the statement {type(node).__name__}, which is not translated")

    def _assign(self, target: ast.expr, value: str, scope: Scope) -> str:
        if isinstance(target, ast.Subscript):
            return f"{self.text(target.value, scope)}.set({self.text(target.slice, scope)},{value});"
        if isinstance(target, ast.Attribute):
            return f"{self.text(target, scope)}={value};"
        return f"{self.target(target, scope)}={value};"

    def body(self, node: ast.FunctionDef, scope: Scope) -> str:
        """The statements of a function, its variables declared before them."""
        before = len(scope.declared)
        for inner in _bound(node.body):
            scope.add(inner)
        text = self.block(node.body, scope)
        names = [scope.names[name] for name in scope.declared[before:]]
        variables = f"let {','.join(names)};" if names else ""
        return f"{{{variables}{text}}}"

    def function(self, node: ast.FunctionDef, outer: Scope) -> str:
        if node.decorator_list:
            raise refuse(outer.file, node, "has a decorator that is not translated")
        scope = Scope(self.program, outer.module, outer)
        given = self.given(parameters(node, outer.file), scope)
        return f"({given})=>{self.body(node, scope)}"

    def method(self, one: Class, name: str, node: ast.FunctionDef, outer: Scope) -> str:
        scope = Scope(self.program, outer.module, outer)
        names = parameters(node, outer.file)
        scope.names[names[0][0]] = "this"
        given = self.given(names[1:], scope)
        if name == "__init__":
            if not one.is_error or not _is_super(node.body[0]):
                raise refuse(outer.file, node, "makes an object by statements, which is translated of errors alone")
            first, rest = node.body[0], node.body[1:]
            message = (
                self.text(first.value.args[0], scope)
                if isinstance(first, ast.Expr) and isinstance(first.value, ast.Call)
                else "''"
            )
            return f"constructor({given}){{super({message});{self.block(rest, scope)}}}"
        if name in one.properties:
            cached = any(isinstance(d, ast.Name) and d.id == "cached_property" for d in node.decorator_list)
            body = self.body(node, scope)
            return f"get {name}(){{return cached(this,'{name}',()=>{body})}}" if cached else f"get {name}(){body}"
        return f"{name}({given}){self.body(node, scope)}"

    def a_class(self, one: Class) -> str:
        scope = Scope(self.program, one.definition.module)
        name = self.program.name(one.definition)
        base = "Error" if one.is_error else self.program.name(one.base.definition) if one.base else "Base"
        methods = "".join(self.method(one, key, node, scope) for key, node in one.methods.items())
        inherited = one.base.fields if one.base else {}
        own = {key: node for key, node in one.fields.items() if inherited.get(key) is not node}
        order = [name for name, node in one.fields.items() if made_inside(node)]
        if order and list(one.fields)[-len(order) :] != order:
            raise refuse(scope.file, one.node, "has fields behind one that no argument gives")
        fields = ",".join(
            f"[{json.dumps(key)},{self._default(node, scope)}{',1' if made_inside(node) else ''}]"
            for key, node in own.items()
        )
        statics = [node for node in one.node.body if isinstance(node, ast.Assign)]
        text = f"const {name}=class extends {base}{{{methods}}};"
        if fields:
            text += f"fields({name},{fields});"
        for node in statics:
            target = node.targets[0]
            if not isinstance(target, ast.Name):
                raise refuse(scope.file, node, "assigns something in a class that is no name")
            if target.id in one.fields:
                text += f"usual({name},{json.dumps(target.id)},()=>{self.text(node.value, scope)});"
            else:
                text += f"{name}.prototype.{target.id}={self.text(node.value, scope)};"
        return text

    def _default(self, node: ast.AnnAssign, scope: Scope) -> str:
        value = node.value
        if value is None:
            return "0"
        if isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id == "field":
            factory = next((one.value for one in value.keywords if one.arg == "default_factory"), None)
            if factory is None or any(one.arg not in ("default_factory", "init") for one in value.keywords):
                raise refuse(scope.file, node, "is a field without a default_factory")
            return f"()=>{self.text(factory, scope)}()"
        return f"()=>{self.text(value, scope)}"

    def definition(self, definition: Definition) -> str:
        node, name = definition.node, self.program.name(definition)
        scope = Scope(self.program, definition.module)
        if isinstance(node, ast.FunctionDef):
            return f"const {name}={self.function(node, scope)};"
        if isinstance(node, ast.ClassDef):
            return self.a_class(self.program.classes[definition.module.dotted, definition.name])
        if isinstance(node, ast.Assign):
            target, value = node.targets[0], self.text(node.value, scope)
            if isinstance(target, ast.Tuple):
                both = [definition.module.names[one.id] for one in target.elts if isinstance(one, ast.Name)]
                names = [self.program.name(one) for one in both if isinstance(one, Definition)]
                return f"const [{','.join(names)}]={value};"
            return f"const {name}={value};"
        if isinstance(node, ast.AnnAssign) and node.value is not None:
            return f"const {name}={self.text(node.value, scope)};"
        raise refuse(scope.file, node, f"defines by {type(node).__name__}, which is not translated")


def _bound(nodes: Sequence[ast.stmt]) -> list[str]:
    """The names that statements bind, walrus included, those of inner functions and comprehensions not."""
    found: list[str] = []

    def visit(node: ast.AST) -> None:
        if isinstance(node, ast.FunctionDef):
            found.append(node.name)
            return
        if isinstance(node, ast.Lambda | ast.ListComp | ast.GeneratorExp | ast.DictComp):
            return
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.append(node.id)
        for inner in ast.iter_child_nodes(node):
            visit(inner)

    for node in nodes:
        visit(node)
    return list(dict.fromkeys(found))


def _is_super(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and ast.unparse(node).startswith("super().__init__(")


def translated(modules: Mapping[str, Module], wanted: Sequence[tuple[str, str]],
               provided: Set[str]) -> tuple[str, Program]:  # fmt: skip
    """The statements that define what is wanted (module, name) and all that it needs, and what they are called."""
    definitions = reached(modules, wanted)
    program = Program(definitions, provided)
    writer, parts = Writer(program), {}
    for definition in definitions:
        if id(definition.node) not in parts:
            parts[id(definition.node)] = writer.definition(definition) + "\n"
    return "".join(parts.values()), program
