"""The ES module of the page: runtime, translated formulas, the architectures of every family, the classes' defaults.

It is made where a site is built, from the files of `attnsite/formulas` as they are: nothing of it is committed, so that
nothing of it can be old. `docs/assets/cost.js` imports it when somebody touches the calculator.
"""

import json
import re
from pathlib import Path

from attnsite.site.javascript.program import translated
from attnsite.site.javascript.sources import PACKAGE, Definition, read

ADDRESS = "assets/formulas.js"
KNOWN = {f"{PACKAGE}.known": {"architectures", "class_defaults"}}  # what reads files there is handed over here
EXPORTS = {
    "config": ("read_config", "supported", "version"),
    "counts": ("Count",),
    "dtypes": ("DTYPES", "WEIGHT_DTYPES"),
    "decoder": (),
    "keys": ("NotUnderstood",),
    "layouts": ("growth", "Cross"),
}
OF_RUNTIME = ("Dict", "NotJson", "parsed", "str", "float", "truth")
_REMARK = re.compile(r"/\*.*?\*/\s*", re.DOTALL)
_INDENT = re.compile(r"\n\s*")


def text(folder: Path) -> str:
    """The module, from `attnsite/formulas`. Raises `Mistake` at the file and line of what is not translated."""
    modules = read(folder, KNOWN)
    families = [name for name in modules if name.startswith(f"{PACKAGE}.families.") and "TYPES" in modules[name].names]
    named = [(f"{PACKAGE}.{module}", name) for module, names in EXPORTS.items() for name in names]
    written, program = translated(modules, [*named, *((family, "TYPES") for family in families)],
                                  set().union(*KNOWN.values()))  # fmt: skip

    def called(module: str, name: str) -> str:
        target = modules[module].names[name]
        assert isinstance(target, Definition)
        return program.name(target)

    types = ",".join(f"...{called(family, 'TYPES')}.items()" for family in families)
    defaults = json.dumps(
        json.loads((folder / "class_defaults.json").read_text(encoding="utf-8")),
        ensure_ascii=False,
        separators=(",", ":"),
    )
    exports = ", ".join([*(f"{called(module, name)} as {name}" for module, name in named), *OF_RUNTIME])
    return (
        "".join(plain(Path(__file__).parent / part) for part in ("runtime.js", "json_text.js"))
        + written
        + f"const known = new Dict([{types}]), architectures = () => known;\n"
        + f"const defaults = parsed({literal(defaults)}), class_defaults = () => defaults;\n"
        + f"export {{ {exports} }};\n"
    )


def literal(text: str) -> str:
    """A text between single quotes: JSON has none of them to escape."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def plain(path: Path) -> str:
    """A script without its remarks and the spaces before its lines."""
    return _INDENT.sub("\n", _REMARK.sub("", path.read_text(encoding="utf-8")))
