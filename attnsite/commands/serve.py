"""The site while it is being written: MkDocs' own server, and what `site/builders/mkdocs_preview` makes of an edit."""

import argparse
import subprocess
import sys


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--address", default="127.0.0.1:8000", help="where to listen (default: %(default)s)")


def run(options: argparse.Namespace) -> int:
    words = ["serve", "--dev-addr", options.address]
    try:
        return subprocess.run([sys.executable, "-m", "mkdocs", *words], cwd=options.root).returncode
    except KeyboardInterrupt:
        return 0
