"""The `wasm` command: compile the kernels for the reader's browser, or say which of them are not today's.

Numba reads its settings as it is imported, and modules need others: another process of this Python makes them.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from attnsite.records import browser_calls
from attnsite.records.mistakes import Mistake
from attnsite.wasm import linker, settings


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--check", action="store_true", help="write nothing: compile and compare byte for byte")
    parser.add_argument("--status", action="store_true", help="compile nothing: say what is stale, and why")


def run(options: argparse.Namespace) -> int:
    folder = options.root / browser_calls.FOLDER
    if options.status:
        for name in browser_calls.experiments(options.root):
            why = browser_calls.why_stale(options.root, name)
            print(f"{name}  {'stale' if why else 'fresh'}  {'; '.join(why)}".rstrip())
        return 0
    made = make(linker.find())
    before = {path.name: path.read_bytes() for path in folder.glob("*")}
    changed = sorted(name for name in made.keys() | before.keys() if made.get(name) != before.get(name))
    if options.check:
        for name in changed:
            what = "is not what the kernels here make" if name in made else "belongs to nothing that is there"
            print(Mistake(browser_calls.FOLDER / name, "", what, browser_calls.REMEDY), file=sys.stderr)
        return 1 if changed else 0
    folder.mkdir(parents=True, exist_ok=True)
    for name in changed:
        if name in made:
            (folder / name).write_bytes(made[name])
        else:
            (folder / name).unlink()
    print(f"{len(made)} files, {len(changed)} of them changed")
    return 0


def make(program: str) -> dict[str, bytes]:
    """All files, made in a process with the settings for browsers. Raises `Mistake` where that fails."""
    with tempfile.TemporaryDirectory() as cache, tempfile.TemporaryDirectory() as folder:
        words = [sys.executable, "-W", "ignore", "-m", "attnsite.wasm.build", folder, program]
        done = subprocess.run(words, env=settings.environment(cache), capture_output=True, text=True)
        if done.returncode:
            said = next(iter(done.stderr.strip().splitlines()[-1:]), "it says nothing")
            raise Mistake("attnsite wasm", "", f"could not compile the kernels ({said[:200]})", "mend what it names")
        return {path.name: path.read_bytes() for path in sorted(Path(folder).iterdir())}
