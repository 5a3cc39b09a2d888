"""What the translator does not know, with the file and the line where it stands."""

import ast

from attnsite.records.mistakes import Mistake


def refuse(file: str, node: ast.AST, what: str) -> Mistake:
    """A mistake that names the construct. It is raised, never passed over: a wrong formula would look like a right
    one."""
    remedy = "write it in the plain Python that attnsite/site/javascript translates"
    return Mistake(file, getattr(node, "lineno", ""), what, remedy)
