"""Questions, themes and the overview of all questions, as Markdown."""

import posixpath
from collections.abc import Iterable, Sequence

from attnsite.content import Claim, Number, Question, Theme, fences, marks
from attnsite.errors import Mistake
from attnsite.results import EVERY_MACHINE
from attnsite.site import claims, searching
from attnsite.site.exhibits import call_machine
from attnsite.site.markup import SOURCES
from attnsite.site.records import Records
from attnsite.site.text import head, linked, typed

MOMENT = 90  # seconds of which there is nothing to say
UNSEARCHED = "{ data-search-exclude }"  # what is found on its own page need not be found on this one too


def path_of(question: Question) -> str:
    return f"questions/{question.theme}/{question.slug}.md"


def question_page(
    question: Question, questions: Sequence[Question], records: Records, checked: str = "", ending: str = ""
) -> str:
    """The question, its short answer, the text, and behind it what the answer rests on and where to go on.

    `checked` is the line that says when all this was last looked at, `ending` what stands at the very end.
    """
    path = path_of(question)
    shown = typed(question.title).replace("·", "·<wbr>")  # where a formula may go on in the next line
    parts = [
        head(
            path,
            question.title,
            description=plain(question.answer),
            hide=["footer"],
            aliases=list(question.aliases),
            search={"boost": searching.QUESTION},
        ),
        f"# {shown}",
        f"{question.answer}\n{{ .answer }}",
        checked,
        question.body.strip(),
        check_yourself(question, records),
    ]
    if question.claims:
        parts += [f"## What this rests on {UNSEARCHED}", claims.listed(question.claims, records)]
    if cites(question):
        parts += [f"## Sources {UNSEARCHED}", SOURCES]
    wanted = [q for slug in question.related for q in questions if q.slug == slug]
    if wanted:
        parts += [f"## Related questions {UNSEARCHED}", listed(wanted, path)]
    return "\n\n".join(part for part in [*parts, ending] if part) + "\n"


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


def check_yourself(question: Question, records: Records) -> str:
    """The one command that makes the numbers of this question again."""
    experiments = experiments_of(question, records)
    if not experiments:
        return ""
    told = "Measure and count what this page quotes, on your own machine; the next build shows it as one more machine."
    command = f"attnsite measure {' '.join(experiments)} --quick"
    parts = [f"## Check it yourself {UNSEARCHED}", told, f"```bash\n{command}\n```", taken(experiments, records)]
    return "\n\n".join(part for part in parts if part)


def taken(experiments: Iterable[str], records: Records) -> str:
    """What `--full` took where this page's runs were made, a sum for each machine; nothing where it is a moment."""
    seconds: dict[str, float] = {}
    for experiment in experiments:
        runs = records.quoted_first(experiment)
        whole = [run for run in runs if run.sweep == "full" and run.machine != EVERY_MACHINE and run.complete]
        for run in whole[:1]:  # the one that figures show first
            seconds[run.machine] = seconds.get(run.machine, 0.0) + run.provenance.seconds
    if sum(seconds.values()) < MOMENT:
        return ""
    times = " and ".join(f"{minutes(time)} on {call_machine(machine)}" for machine, time in seconds.items())
    return f"The runs that are shown here were made with `--full` in its place, which took {times}."


def minutes(seconds: float) -> str:
    whole = max(1, round(seconds / 60))
    return f"{whole} minute{'s' if whole > 1 else ''}"


def cites(question: Question) -> bool:
    texts = (question.answer, question.body, *(claim.source for claim in question.claims))
    return any(not isinstance(mark, Number) for text in texts for mark in marks(text))


def listed(questions: Iterable[Question], origin: str) -> str:
    """Questions as links with their one-line answers."""
    items = (
        f"- [{typed(question.title)}]({posixpath.relpath(path_of(question), posixpath.dirname(origin))})\n"
        f"  {first_sentence(question.answer)}"
        for question in questions
    )
    return '<div class="questions" markdown>\n\n' + "\n".join(items) + "\n\n</div>"


def theme_page(theme: Theme, questions: Sequence[Question]) -> str:
    path = f"questions/{theme.slug}/index.md"
    own = [question for question in questions if question.theme == theme.slug]
    return "\n\n".join([head(path, theme.title, description=plain(theme.summary),
                        search={"boost": searching.LIST}), f"# {typed(theme.title)}",
                        f"{theme.summary}\n{{ .lead }}", listed(own, path)]) + "\n"  # fmt: skip


def overview_page(themes: Sequence[Theme], questions: Sequence[Question]) -> str:
    """All questions by theme."""
    path = "questions/index.md"
    about = "All questions of the site, by theme."
    parts = [head(path, "Questions", description=about, search={"boost": searching.LIST}), "# Questions"]
    for theme in themes:
        own = [question for question in questions if question.theme == theme.slug]
        parts += [f"## [{typed(theme.title)}]({theme.slug}/index.md)", theme.summary, listed(own, path)]
    return "\n\n".join(parts) + "\n"


def first_sentence(answer: str) -> str:
    """An answer up to its first full stop that ends a sentence."""
    start, stop, _ = answer.partition(". ")
    return start + "." if stop else answer


def plain(text: str) -> str:
    """Text without marks, for a description."""
    for mark in reversed(marks(text)):
        text = text[: mark.start].rstrip() + text[mark.end :]
    return linked(text)


def claims_of(questions: Iterable[Question]) -> list[tuple[Question, Claim]]:
    return [(question, claim) for question in questions for claim in question.claims]
