"""The `pages` command: write every page as Markdown into a folder, for other site builders."""

import argparse
from pathlib import Path

from attnsite.site.answers import Answers
from attnsite.site.builders import folder, zensical


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, help="where to write; what is there of the same names is replaced")
    parser.add_argument("--project", action="store_true", help="with a configuration that Zensical builds from")


def run(options: argparse.Namespace) -> int:
    answers = Answers.load(options.root)
    if options.project:
        count = zensical.write(answers, options.folder)
    else:
        count = folder.write(answers, options.folder)
    print(f"wrote {count} pages and what they show to {options.folder}")
    return 0
