"""What git says of a checkout, and its own remedy where it refuses to say anything."""

import os
import re
import subprocess
from pathlib import Path

_REMEDY = re.compile(r"^\s*(git config --global --add safe\.directory .+)$", re.MULTILINE)


def ask(root: Path, *words: str) -> str | None:
    """What git prints; None where it fails, is not installed, or takes too long."""
    done = _git(root, *words)
    return done.stdout.strip() if done is not None and done.returncode == 0 else None


def distrust(root: Path) -> str:
    """The command that makes git trust a clone of another owner, as git names it; nothing where it trusts this one.

    So it is with a folder of one's own that is mounted into a container.
    """
    done = _git(root, "rev-parse", "--git-dir")
    if done is None or done.returncode == 0 or "dubious ownership" not in done.stderr:
        return ""
    named = _REMEDY.search(done.stderr)
    return named[1].strip() if named else f"git config --global --add safe.directory {root}"


def _git(root: Path, *words: str) -> subprocess.CompletedProcess[str] | None:
    try:
        return subprocess.run(
            ["git", *words], cwd=root, capture_output=True, text=True, encoding="utf-8", errors="replace", timeout=20,
            env=os.environ | {"LC_ALL": "C"},
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return None
