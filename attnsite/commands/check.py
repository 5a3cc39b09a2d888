"""The `check` command: every mistake in questions, sources, results, marks, claims and numbers, at once."""

import argparse
import json
import sys
from pathlib import Path

from attnsite.records.mistakes import Mistake
from attnsite.site.answers import Answers
from attnsite.site.builders.checks import cited, faults


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--quiet", action="store_true", help="say nothing when all is well")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print the mistakes as one JSON array")
    form.add_argument("--github", action="store_true", help="print them as annotations of a GitHub workflow")


def run(options: argparse.Namespace) -> int:
    answers = Answers.load(options.root)
    mistakes = faults(answers)
    if options.json:
        print(json.dumps([described(mistake) for mistake in mistakes], ensure_ascii=False, indent=1))
        return 1 if mistakes else 0
    for mistake in mistakes:
        print(annotation(mistake) if options.github else mistake, file=None if options.github else sys.stderr)
    if mistakes:
        print(f"{len(mistakes)} mistake{'s' if len(mistakes) > 1 else ''}", file=sys.stderr)
        return 1
    if not options.quiet:
        questions, sources = answers.checkout.questions, answers.checkout.sources
        claims = sum(len(question.claims) for question in questions)
        print(f"no mistakes in {len(questions)} questions, {claims} claims and {len(sources)} sources")
        for key in sorted(set(sources) - cited(answers.checkout)):
            print(f"note: no page cites {key}")
    return 0


def described(mistake: Mistake) -> dict[str, str | int]:
    """A mistake as JSON: its line as a number where it has one, else the place in the file as text."""
    where: dict[str, str | int] = {"line": int(mistake.where)} if mistake.where.isdigit() else {"where": mistake.where}
    return {"file": Path(mistake.path).as_posix(), **where, "what": mistake.what, "remedy": mistake.remedy}


def annotation(mistake: Mistake) -> str:
    """A mistake as a workflow command of GitHub, which shows it at its line in the pull request."""

    def escaped(text: str, more: str = "") -> str:
        for letter in "%\r\n" + more:
            text = text.replace(letter, f"%{ord(letter):02X}")
        return text

    place = f",line={mistake.where}" if mistake.where.isdigit() else ""
    about = f"{mistake.where}: " if mistake.where and not place else ""
    file = escaped(Path(mistake.path).as_posix(), ":,")
    return f"::error file={file}{place}::{escaped(f'{about}{mistake.what}; {mistake.remedy}')}"
