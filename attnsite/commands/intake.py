"""The `intake` command: read a Q&A document and draft a question and its sources from each answered part."""

import argparse
import sys
from pathlib import Path

from attnsite.intake import document
from attnsite.intake.drafts import intake
from attnsite.records.mistakes import Mistake, visible


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, help='a document of parts "## Question N", "### Answer", "### Sources"')
    parser.add_argument("--theme", default="drafts", help="the folder for the drafted questions (default: %(default)s)")
    parser.add_argument("--force", action="store_true", help="overwrite files that are there")


def run(options: argparse.Namespace) -> int:
    if not document.SLUG.fullmatch(options.theme):
        print(
            Mistake("--theme", "", f"{options.theme!r} is not a folder name", "use a–z, 0–9 and _"),
            file=sys.stderr,
        )
        return 1
    report = intake(options.file, options.root, options.theme, force=options.force)
    for path in report.written:
        print(f"wrote {path.as_posix()}")
    for note in report.notes:
        print(f"note: {visible(note)}")
    for mistake in report.mistakes:
        print(mistake, file=sys.stderr)
    print(f"{report.drafted} drafted, {report.refused} reported")
    return 1 if report.mistakes else 0
