"""Claims as a list: what kind each is, what it rests on, and in what state that is."""

from collections.abc import Iterable
from html import escape

from attnsite.content.questions import Claim, Number, Question, fences, marks
from attnsite.records.mistakes import Mistake
from attnsite.site.records import Records

KINDS = {
    "derived": "follows by arithmetic",
    "counted": "counted, the same on every machine",
    "measured": "measured by a run that is kept here",
    "modelled": "worked out in part from measured rates, and not run as a whole",
    "cited": "taken from a source that was read",
    "opinion": "the authors' judgement",
}
STATES = {
    "fresh": "the code that made it has not changed since",
    "stale": "made with an earlier version of the code",
    "missing": "no run of it is here yet",
}


def listed(claims: Iterable[Claim], records: Records) -> str:
    """The claims as a Markdown list inside a block of class `claims`."""
    items = "\n".join(f"- {item(claim, records)}" for claim in claims)
    return f'<div class="claims" markdown>\n\n{items}\n\n</div>'


def item(claim: Claim, records: Records) -> str:
    """One claim: its kind, its sentence with the mark it ends in, its state."""
    kind = f'<span class="kind kind-{claim.kind}" title="{KINDS[claim.kind]}">{claim.kind}</span>'
    state, told = rests_on(claim, records)
    badge = f' <span class="state state-{state}" title="{escape(told)}">{state}</span>' if state else ""
    return f"{kind} {claim.source}{badge}"


def rests_on(claim: Claim, records: Records) -> tuple[str, str]:
    """The state of what a claim rests on, `fresh`, `stale` or `missing`, and what it needs; empty when it cites."""
    numbers = [mark for mark in claim.marks if isinstance(mark, Number)]
    if not numbers:
        return "", ""
    states, needs = [], []
    for mark in numbers:
        try:
            states.append(records.evidence.number(mark).state)
        except Mistake:
            states.append("missing")
        if mark.low is not None and mark.high is not None:
            needs.append(f"the sentence needs {mark.low:g} to {mark.high:g}; outside it the build fails")
    worst = next((state for state in ("missing", "stale") if state in states), "fresh")
    return worst, "; ".join([STATES[worst], *needs])


def experiments_of(question: Question, records: Records) -> list[str]:
    """The experiments behind the figures and numbers of a question, in order of first use."""
    names = [fence.figure for fence in fences(question.body)]
    for text in (question.body, *(claim.source for claim in question.claims)):
        names += [mark.figure for mark in marks(text) if isinstance(mark, Number)]
    experiments: dict[str, None] = {}
    for name in names:
        try:
            experiments[records.figure(name).EXPERIMENT] = None
        except Mistake:
            continue  # the mark itself is warned of where it stands
    return list(experiments)
