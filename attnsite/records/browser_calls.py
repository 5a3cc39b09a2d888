"""The kernels that run in a reader's browser: which experiments have calls of them, and whether these are today's.

`attnsite wasm` writes the files: for each experiment a JSON of its calls, a WebAssembly module for each file of
compiled code, and `modules.json`, which says what each module was made from.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

from attnsite.records import fingerprint, registry, run_file
from attnsite.records.mistakes import Mistake

FOLDER = Path("docs/assets/kernels")
ABOUT = "modules.json"
REMEDY = "make them again with `attnsite wasm`"


def state(root: Path, experiment: str) -> str:
    """`fresh`, `stale` (its cases, a kernel or what compiles them has changed since) or `missing`."""
    if not (root / FOLDER / f"{experiment}.json").is_file():
        return "missing"
    return "stale" if why_stale(root, experiment) else "fresh"


def why_stale(root: Path, experiment: str) -> list[str]:
    """What has changed since an experiment's calls were made."""
    try:
        calls, about = _read(root, f"{experiment}.json"), _read(root, ABOUT)
        return _why_stale(experiment, calls, about)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):  # `faults` says what is wrong with them
        return ["its files are broken"]


def _why_stale(experiment: str, calls: dict[str, Any], about: dict[str, Any]) -> list[str]:
    if experiment not in registry.names("experiments"):
        return ["the experiment is gone"]
    found = []
    if calls["digests"]["full"] != run_file.experiment_digest(experiment, "full"):
        found.append("the experiment has changed")
    here = registry.names("kernels")
    for kernel, digest in calls["kernels"].items():
        if kernel not in here:
            found.append(f"{kernel} is gone")
        elif run_file.kernel_digest(kernel) != digest:
            found.append(f"{kernel} has changed")
    for name in sorted(_modules(calls)):
        source = registry.ROOT.parent / about["modules"][name]["source"]
        if not source.is_file() or fingerprint.of_module(source) != about["modules"][name]["digest"]:
            found.append(f"the module {name} is of other code")
    if about["made_by"] != made_by():
        found.append("modules are made in another way now")
    return found


def made_by() -> str:
    """The hash of the code that makes modules and records calls: of that room alone."""
    files = sorted((registry.ROOT / "wasm").glob("*.py"))
    parts = [fingerprint.of_code(path.read_text(encoding="utf-8")) for path in files]
    return hashlib.sha256("".join(parts).encode()).hexdigest()[:12]


def experiments(root: Path) -> list[str]:
    """The experiments that have calls."""
    return sorted(path.stem for path in (root / FOLDER).glob("*.json") if path.name != ABOUT)


def faults(root: Path) -> list[Mistake]:
    """What is wrong with the files themselves; that they are stale is no fault, and is shown."""
    found = []
    for path in sorted((root / FOLDER).glob("*.json")):
        try:
            data = _read(root, path.name)
            names = data["modules"] if path.name == ABOUT else _modules(data)
            lacking = sorted(name for name in names if not (root / FOLDER / f"{name}.wasm").is_file())
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            found.append(Mistake(FOLDER / path.name, "", f"is not what `attnsite wasm` writes ({error!r:.80})", REMEDY))
            continue
        found += [
            Mistake(FOLDER / path.name, name, f"needs {name}.wasm, which is not there", REMEDY) for name in lacking
        ]
    return found


def _modules(calls: dict[str, Any]) -> set[str]:
    return {call["module"] for case in calls["cases"] for call in case["calls"].values()}


def _read(root: Path, name: str) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((root / FOLDER / name).read_text(encoding="utf-8"))
    return read
