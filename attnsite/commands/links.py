"""The `links` command: does every external address that the site links to still answer?

Asks the network, so nothing else does this: neither the build nor the tests.
"""

import argparse
import concurrent.futures
import re
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from attnsite.content import questions as content

_ADDRESS = re.compile(r"\bhttps?://[^\s<>\"')\]}]+")
AGENT = "Mozilla/5.0 (compatible; attnsite link check)"
# Answers of a server that is there and does not like to be asked by a program.
REFUSED = {401, 403, 405, 406, 418, 429, 999}


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seconds", type=float, default=20.0, help="how long to wait for each (default: %(default)g)")


def run(options: argparse.Namespace) -> int:
    found = addresses(options.root)
    print(f"asking {len(found)} addresses")
    broken = 0
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = pool.map(lambda address: ask(address, options.seconds), found)
        for address, problem in zip(found, answers, strict=True):
            if problem:
                broken += 1
                print(f"{', '.join(found[address])}: {address} {problem}; mend or replace the link", file=sys.stderr)
    print(f"{broken} of {len(found)} do not answer")
    return 1 if broken else 0


def addresses(root: Path) -> dict[str, list[str]]:
    """Every external address, with the files that hold it: sources, questions and pages written by hand."""
    found: dict[str, list[str]] = {}
    for key, source in content.read_sources(root)[0].items():
        for _, address in source.links:
            found.setdefault(address, []).append(f"docs/sources/{key}.bib")
    for path in sorted((root / "docs").rglob("*.md")):
        for address in _ADDRESS.findall(path.read_text(encoding="utf-8")):
            found.setdefault(address.rstrip(".,;:"), []).append(path.relative_to(root).as_posix())
    return {address: sorted(set(files)) for address, files in sorted(found.items())}


def ask(address: str, seconds: float, open_: Callable[..., object] = urllib.request.urlopen) -> str:
    """What is wrong with an address, in words; empty where somebody answers."""
    for method in ("HEAD", "GET"):
        request = urllib.request.Request(address, method=method, headers={"User-Agent": AGENT})
        try:
            open_(request, timeout=seconds)
            return ""
        except urllib.error.HTTPError as error:
            if error.code in REFUSED and method == "GET":
                return ""
            if error.code in REFUSED or error.code in (400, 404, 500, 501):
                problem = f"answers {error.code}"
                continue
            return f"answers {error.code}"
        except (OSError, ValueError) as error:
            problem = f"does not answer ({getattr(error, 'reason', error)})"
    return problem
