"""CONTRIBUTING, followed to the letter: every recipe's commands in a fresh copy of the repository."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
RECIPES = {
    title: re.findall(r"^```bash\n(.*?)^```$", body, re.MULTILINE | re.DOTALL)[0]
    for title, body in re.findall(r"^### (\d\. .+?)\n(.*?)(?=^##)", TEXT, re.MULTILINE | re.DOTALL)
}
pytestmark = pytest.mark.skipif(os.name == "nt", reason="recipes are for a shell")


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    """What somebody who clones this state would have, committed; and the commands that a set-up puts on the path."""
    folder = tmp_path_factory.mktemp("clone")
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout.decode()
    for name in filter(None, names.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes((ROOT / name).read_bytes())
    commands = folder / ".git" / "commands"
    commands.mkdir(parents=True)
    for name, module in (("attnsite", "-m attnsite.cli"), ("python", "")):
        (commands / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" {module} "$@"\n')
        (commands / name).chmod(0o755)
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    for words in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-q", "-m", "all"]):
        subprocess.run([*git, *words], cwd=folder, check=True, capture_output=True)
    return folder


def follow(clone, commands):
    """Run the lines as a shell does, stopping at the first that fails."""
    path = os.pathsep.join([str(clone / ".git" / "commands"), os.environ["PATH"]])
    settings = os.environ | {"PATH": path, "PYTHONPATH": str(clone), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        ["sh", "-e", "-c", commands], cwd=clone, env=settings, capture_output=True, text=True, timeout=600
    )


def test_there_are_seven_recipes_with_commands():
    """One for each kind of contribution."""
    assert [title[0] for title in RECIPES] == list("1234567")
    assert all("attnsite check" in commands for commands in RECIPES.values())


@pytest.mark.parametrize("title", RECIPES)
def test_a_recipe_works_as_it_stands(clone, title):
    """From a fresh copy: every command succeeds, and at the end there is no mistake in the whole repository."""
    commands = RECIPES[title]
    if "--machine my_machine" in commands:  # all experiments take minutes; one that needs no compiling stands for them
        commands = commands.replace("attnsite measure --machine", "attnsite measure rank_by_head_width --machine")

    done = follow(clone, commands)

    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    changed = subprocess.run(
        ["git", "status", "--porcelain", "--untracked-files=all"], cwd=clone, capture_output=True, text=True
    ).stdout
    assert changed.strip(), "the recipe made nothing"
    subprocess.run(["git", "clean", "-qfd", "--exclude=.cache"], cwd=clone, check=True)
    subprocess.run(["git", "reset", "-q", "--hard"], cwd=clone, check=True)


def test_a_file_changed_by_hand_is_refused(clone):
    """As the text says: speeds above the machine's limits, host names, a digest that is none."""
    path = clone / "docs/results/epyc_2core/roofline.json"
    before = path.read_text(encoding="utf-8")
    path.write_text(before.replace('"cpu": "AMD EPYC"', '"cpu": "AMD EPYC of box-17.local"'), encoding="utf-8")
    try:
        done = follow(clone, "attnsite check")
    finally:
        path.write_text(before, encoding="utf-8")

    assert done.returncode == 1
    assert "docs/results/epyc_2core/roofline.json:provenance.machine: holds a name in the network" in done.stderr


def test_every_command_of_the_text_is_one():
    """Nothing is recommended that the tool does not have."""
    from attnsite.cli import COMMANDS

    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for text in (TEXT, readme):
        for command in re.findall(r"`?attnsite ([a-z]+)\b", text):
            assert command in {*COMMANDS, "checkout"}, command
