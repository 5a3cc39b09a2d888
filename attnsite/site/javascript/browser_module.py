"""The ES module of the calculator: runtime, translated formulas and page, the architectures, the classes' defaults.

It is made where a site is built, from the Python as it is: nothing of it is committed, so that nothing of it can be
old. `docs/assets/calculator.js` imports it when somebody touches the calculator.
"""

import json
import re
from pathlib import Path

from attnsite.site.javascript.program import translated
from attnsite.site.javascript.sources import Definition, read

ADDRESS = "assets/calculator_formulas.js"
FORMULAS = "attnsite.formulas"
PROVIDED = {  # what reads files, or is written for the browser by hand and compared by a test
    f"{FORMULAS}.known": {name: name for name in ("architectures", "class_defaults")},
    f"{FORMULAS}.devices": {"load": "devices"},
    "attnsite.records.quantity": {"Quantity": "Quantity"},
}
EXPORTS = {
    f"{FORMULAS}.config": ("read_config", "supported"),
    f"{FORMULAS}.cost": ("Cost",),
    f"{FORMULAS}.devices": ("Device",),
    f"{FORMULAS}.counts": ("Count",),
    f"{FORMULAS}.dtypes": ("DTYPES", "WEIGHTS"),
    f"{FORMULAS}.keys": ("NotUnderstood",),
    f"{FORMULAS}.layouts": ("growth",),
    "attnsite.site.widgets.calculator_blocks": ("answer", "details", "markdown"),
    "attnsite.site.widgets.calculator_words": ("Chosen",),
}
OF_RUNTIME = ("Dict", "NotJson", "parsed", "repr", "str", "float")
_REMARK = re.compile(r"/\*.*?\*/\s*", re.DOTALL)
_INDENT = re.compile(r"\n\s*")


def text(package: Path) -> str:
    """The module, from the folder `attnsite`. Raises `Mistake` at the file and line of what is not translated."""
    formulas = package / "formulas"
    widgets = sorted((package / "site" / "widgets").glob("calculator_*.py"))
    paths = [*sorted(formulas.glob("*.py")), *sorted(formulas.glob("families/*.py")), *widgets]
    modules = read(package, (path for path in paths if path.stem != "known"), PROVIDED)
    families = [name for name in modules if name.startswith(f"{FORMULAS}.families.") and "TYPES" in modules[name].names]
    named = [(module, name) for module, names in EXPORTS.items() for name in names]
    provided = {name for names in PROVIDED.values() for name in names.values()}
    written, program = translated(modules, [*named, *((family, "TYPES") for family in families)], provided)

    def called(module: str, name: str) -> str:
        target = modules[module].names[name]
        assert isinstance(target, Definition)
        return program.name(target)

    types = ",".join(f"...{called(family, 'TYPES')}.items()" for family in families)
    defaults = json.loads((formulas / "class_defaults.json").read_text(encoding="utf-8"))
    packed = literal(json.dumps(defaults, ensure_ascii=False, separators=(",", ":")))
    exports = ", ".join([*(f"{called(module, name)} as {name}" for module, name in named), *OF_RUNTIME])
    return (
        'import { text as shown } from "./quantity.js";\n'
        + "".join(plain(Path(__file__).parent / part) for part in ("runtime.js", "json_text.js"))
        + "\nconst Quantity = (value, unit) => shown(float(value), unit);\n"
        + written
        + f"const known = new Dict([{types}]), architectures = () => known;\n"
        + f"const defaults = parsed({packed}), class_defaults = () => defaults;\n"
        + f"export {{ {exports} }};\n"
    )


def literal(text: str) -> str:
    """A text between single quotes: JSON has none of them to escape."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def plain(path: Path) -> str:
    """A script without its remarks and the spaces before its lines."""
    return _INDENT.sub("\n", _REMARK.sub("", path.read_text(encoding="utf-8")))
