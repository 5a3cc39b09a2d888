"""The `attnsite` command: parses arguments; each command's own module is imported when it is called."""

import argparse
import importlib
import io
import sys
from pathlib import Path
from types import ModuleType

from attnsite.records import csv_tables
from attnsite.records.mistakes import CANNOT_WRITE, Mistake, flatten, raise_all, refused

# command: (module with `arguments(parser)` and `run(options) -> exit status`, what it does)
COMMANDS = {
    "measure": ("attnsite.commands.measure", "run experiments on this machine and write their result files"),
    "status": ("attnsite.commands.status", "say which results are fresh, stale or missing, by machine"),
    "check": (
        "attnsite.commands.check",
        "name every mistake in questions, sources, results, marks, claims and numbers",
    ),
    "intake": ("attnsite.commands.intake", "read a Q&A document and draft questions and sources from it"),
    "new": ("attnsite.commands.new", "write the first file of a question, source, figure, experiment or kernel"),
    "diff": ("attnsite.commands.diff", "say what changed since a commit, or between two checkouts"),
    "cost": ("attnsite.commands.cost", "say what a model's parameters and KV cache take, from its config.json"),
    "doctor": ("attnsite.commands.doctor", "say what is missing on this machine, and the one command that fixes it"),
    "wasm": ("attnsite.commands.wasm", "compile the kernels for the browsers of readers"),
    "links": ("attnsite.commands.links", "ask every external address that the site links to"),
    "pages": ("attnsite.commands.pages", "write every page as Markdown into a folder, for other site builders"),
    "finish": (
        "attnsite.commands.finish",
        "give a built site its pages' heads and security policy, for other builders",
    ),
    "build": ("attnsite.commands.build", "measure what is missing, check, and build the site"),
    "serve": ("attnsite.commands.serve", "show the site while it is being written"),
}
DESCRIPTION = (
    "Questions about attention heads, answered by runs, counts and sources. "
    "Run it inside a checkout; cost, doctor and measure work in any folder."
)
ANYWHERE = {"cost", "doctor", "measure"}  # what works without a checkout, as after `pip install` of a wheel
READ_NO_TABLES = {"check", "cost", "doctor", "intake", "links", "new"}  # `check` tells their faults beside others


def main(arguments: list[str] | None = None) -> int:
    for stream in (sys.stdout, sys.stderr):  # a pipe of Windows knows neither √ nor ▶
        if isinstance(stream, io.TextIOWrapper) and not stream.isatty():
            stream.reconfigure(encoding="utf-8", errors="replace")
    parser = argparse.ArgumentParser(prog="attnsite", description=DESCRIPTION)
    parser.add_argument("--root", type=Path, default=None, help="the checkout to work on (default: found from here)")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    words = sys.argv[1:] if arguments is None else arguments
    for name, (_, summary) in COMMANDS.items():
        command = commands.add_parser(name, help=summary, description=summary[0].upper() + summary[1:] + ".")
        if name in words[:1] or (name in words and words[0].startswith("-")):  # a name may also be an argument
            _load(name).arguments(command)
    options = parser.parse_args(words)
    options.root = find_root(options.root, needed=options.command not in ANYWHERE)
    try:
        if options.command not in READ_NO_TABLES:
            raise_all(csv_tables.faults())
        return _load(options.command).run(options)
    except Exception as error:
        mistakes, no_room = flatten(error), refused(error, options.command)
        if not mistakes and not no_room:
            raise
        for mistake in mistakes or no_room:
            print(mistake, file=sys.stderr)
        return CANNOT_WRITE if no_room else 1
    except KeyboardInterrupt:
        print("\nstopped; what was finished is kept", file=sys.stderr)
        return 130


def _load(command: str) -> ModuleType:
    """The command's own module; where a library is missing that it needs, a line says so and the process ends."""
    try:
        return importlib.import_module(COMMANDS[command][0])
    except ModuleNotFoundError as error:
        if not error.name or error.name.partition(".")[0] == "attnsite":
            raise
        missing = f"needs {error.name}, which is not installed"
        remedy = "`attnsite doctor` says what is missing, and the one command that fixes it"
        raise SystemExit(str(Mistake(f"attnsite {command}", "", missing, remedy))) from None


def find_root(named: Path | None, needed: bool = True) -> Path:
    """The checkout: the folder named, else the nearest folder upwards that has an `mkdocs.yml` and `docs/`.

    Where there is none: this folder, for a command that needs none; else a line says so and the process ends.
    """
    here = (named or Path.cwd()).resolve()
    for folder in (here, *here.parents):
        if (folder / "mkdocs.yml").is_file() and (folder / "docs").is_dir():
            return folder
    if not needed:
        return here
    raise SystemExit(f"{here}: there is no attnsite checkout here; run inside one, or name it with --root")


if __name__ == "__main__":
    sys.exit(main())
