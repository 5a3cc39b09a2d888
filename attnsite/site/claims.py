"""Claims as a list: what kind each is, what it rests on, and in what state that is."""

from collections.abc import Iterable
from html import escape

from attnsite.content.questions import Claim, Number, Question, fences, marks
from attnsite.records.mistakes import Mistake
from attnsite.site.answers import Answers

KINDS = {
    "derived": "follows from a formula",
    "counted": "an exact count of FLOPs, bytes, parameters or models, the same on every machine",
    "measured": "timed or computed in a run whose raw data are on this site",
    "modelled": "estimated in part from measured rates, and not run as a whole",
    "cited": "taken from a source that was read",
    "opinion": "the authors' judgement",
}
STATES = {
    "fresh": "the code that made it has not changed since",
    "stale": "made with an earlier version of the code",
    "missing": "no run of it is here yet",
}
MADE = {
    "fresh": "were made with the current code",
    "stale": "with an earlier version of it",
    "missing": "have no run here yet",
}
STALE = "A stale number has not been shown wrong; it has not been measured again since the code changed."


def listed(claims: Iterable[Claim], answers: Answers) -> str:
    """The claims as a Markdown list inside a block of class `claims`."""
    items = "\n".join(f"- {item(claim, answers)}" for claim in claims)
    return f'<div class="claims" markdown>\n\n{items}\n\n</div>'


def item(claim: Claim, answers: Answers) -> str:
    """One claim: its kind, its sentence with the mark it ends in, its state."""
    kind = f'<span class="kind kind-{claim.kind}" title="{KINDS[claim.kind]}">{claim.kind}</span>'
    state, told = rests_on(claim, answers)
    badge = f' <span class="state state-{state}" title="{escape(told)}">{state}</span>' if state else ""
    return f"{kind} {claim.source}{badge}"


def rests_on(claim: Claim, answers: Answers) -> tuple[str, str]:
    """The state of what a claim rests on, `fresh`, `stale` or `missing`, and what it needs; empty when it cites."""
    judged = answers.claim(claim)
    needs = [f"the sentence needs {low:g} to {high:g}; outside it the build fails" for low, high in judged.ranges]
    return judged.state, "; ".join([STATES[judged.state], *needs]) if judged.state else ""


def experiments_of(question: Question, answers: Answers) -> list[str]:
    """The experiments behind the figures and numbers of a question, in order of first use."""
    names = [fence.figure for fence in fences(question.body)]
    for text in (question.body, *(claim.source for claim in question.claims)):
        names += [mark.figure for mark in marks(text) if isinstance(mark, Number)]
    experiments: dict[str, None] = {}
    for name in names:
        try:
            experiments[answers.figure(name).EXPERIMENT] = None
        except Mistake:
            continue  # the mark itself is warned of where it stands
    return list(experiments)
