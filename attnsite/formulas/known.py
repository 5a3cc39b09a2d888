"""What is known from files: the architectures of the folder `families`, and the defaults of the config classes.

The page in the browser is handed both by `attnsite/site/javascript`, which translates all other modules that read a
config: so nothing else of them may open a file.
"""

import functools
import importlib
import json
import pkgutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attnsite.formulas import families
from attnsite.formulas.architecture import Architecture

DEFAULTS = Path(__file__).parent / "class_defaults.json"


@functools.cache
def architectures() -> Mapping[str, Architecture]:
    """By model type: the `TYPES` of every module in `families`."""
    found: dict[str, Architecture] = {}
    for module in pkgutil.iter_modules(families.__path__):
        found |= importlib.import_module(f"{families.__name__}.{module.name}").TYPES
    return found


@functools.cache
def class_defaults() -> Mapping[str, Any]:
    """`transformers` (the version), `classes` by model type, and `wrappers` that have a decoder inside."""
    return json.loads(DEFAULTS.read_text(encoding="utf-8"))
