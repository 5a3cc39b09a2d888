"""The `finish` command: give a built site its pages' heads and security policy, for other builders."""

import argparse
from pathlib import Path

from attnsite.site.answers import Answers
from attnsite.site.builders.finish import finish


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, help="the built site")


def run(options: argparse.Namespace) -> int:
    count = finish(Answers.load(options.root), options.folder)
    print(f"{count} pages of {options.folder} have their heads and their policy")
    return 0
