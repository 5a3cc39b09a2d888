"""The `diff` command: what a change does to the site, compared with another state of it.

As text, as Markdown for a comment, or as HTML with the pictures before and after.
"""

import argparse
import sys
from pathlib import Path

from attnsite.diff.compare import ask, compare, other

FORMS = ("text", "markdown", "html")


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("base", help="what to compare with: a commit, a branch, or the folder of another checkout")
    parser.add_argument("--format", choices=FORMS, default="text", help="text, or a comment, or a page with pictures")
    parser.add_argument("--output", type=Path, help="write it to a file instead of printing it")


def run(options: argparse.Namespace) -> int:
    with other(options.root, options.base) as base:
        before, after = ask(base), ask(options.root)
        found = compare(before, after)
        if options.format == "html":
            from attnsite.diff.html import page

            text = page(found, base, options.root)
        else:
            from attnsite.diff.text import markdown, plain

            text = "\n".join(markdown(found) if options.format == "markdown" else plain(found)) + "\n"
    if options.output:
        options.output.write_text(text, encoding="utf-8")
        print(f"wrote {options.output}")
    else:
        sys.stdout.write(text)
    return 0
