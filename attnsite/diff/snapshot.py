"""What a checkout says, as JSON values: its pages with their numbers and claims, and all numbers of its figures.

Run as `python -m attnsite.diff.snapshot ROOT` with that checkout's own code, it prints one JSON object: so an older
state of the site is asked through the code that it had.
"""

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

from attnsite.content import questions as content
from attnsite.content.evidence import Evidence
from attnsite.content.questions import Number
from attnsite.records import registry, run_file
from attnsite.records.mistakes import Mistake
from attnsite.records.quantity import Quantity

FORMAT = 1


def take(root: Path) -> dict[str, Any]:
    """The snapshot of a checkout; what is broken in it is left out, `attnsite check` names that."""
    evidence = Evidence(root)
    questions, _ = content.read_questions(root)
    shown = [question for question in questions if not question.draft]
    return {
        "format": FORMAT,
        "pages": {question.path.as_posix(): _page(question, evidence) for question in shown},
        "figures": {name: _figure(name, evidence) for name in registry.names("figures")},
        "runs": {
            f"{run.machine}/{run.experiment}": {"state": run_file.state(run), "started": run.provenance.started}
            for experiment in run_file.experiments(root)
            for machine, run in evidence.runs(experiment).items()
            if machine != run_file.THIS_BUILD
        },
        "sources": sorted(content.read_sources(root)[0]),
        "texts": {path.relative_to(root).as_posix(): _digest(path) for path in _written(root)},
    }


def _written(root: Path) -> list[Path]:
    """The files that people write and pages show: texts, sources, notebooks, tables of models."""
    places = ("docs/**/*.md", "docs/sources/*.bib", "docs/notebooks/*.py", "attnsite/experiments/*.csv")
    return sorted(path for place in places for path in root.glob(place) if path.is_file())


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


def _page(question: content.Question, evidence: Evidence) -> dict[str, Any]:
    texts = [question.answer, question.body]
    numbers = [mark.source for text in texts for mark in content.marks(text) if isinstance(mark, Number)]
    fences = [fence.figure for fence in content.fences(question.body)]
    return {
        "title": question.title,
        "answer": question.answer,
        "figures": fences,
        "numbers": {source: told for source in numbers if (told := _number(source, evidence))},
        "claims": {claim.text: _claim(claim, evidence) for claim in question.claims},
    }


def _number(source: str, evidence: Evidence) -> dict[str, Any] | None:
    [mark] = [mark for mark in content.marks(source) if isinstance(mark, Number)]
    try:
        found = evidence.number(mark)
    except (Mistake, ExceptionGroup):
        return None
    return _quantity(found.quantity)


def _claim(claim: content.Claim, evidence: Evidence) -> dict[str, Any]:
    """Kind and state: `fresh`, `stale`, `missing`, or `broken` where a number lies outside what the sentence needs."""
    states = []
    for mark in claim.marks:
        if isinstance(mark, Number):
            try:
                states.append(evidence.number(mark).state)
            except (Mistake, ExceptionGroup) as error:
                states.append("broken" if "outside the" in str(error) else "missing")
    worst = next((state for state in ("broken", "missing", "stale", "fresh") if state in states), "")
    return {"kind": claim.kind, "state": worst}


def _figure(name: str, evidence: Evidence) -> dict[str, dict[str, Any]]:
    """The figure's numbers by machine."""
    found = {}
    try:
        runs = evidence.runs(evidence.figure(name).EXPERIMENT)
    except (Mistake, ExceptionGroup):
        return {}
    for machine, run in runs.items():
        if machine == run_file.THIS_BUILD:
            continue
        try:
            found[machine] = {value: _quantity(q) for value, q in evidence.values(name, run).items()}
        except Mistake:
            continue
    return found


def _quantity(quantity: Quantity) -> dict[str, Any]:
    return {"value": quantity.value, "text": str(quantity), "low": quantity.low, "high": quantity.high}


if __name__ == "__main__":
    print(json.dumps(take(Path(sys.argv[1]).resolve())))
