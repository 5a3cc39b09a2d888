"""Questions, themes and the overview of all questions, as Markdown."""

import posixpath
from collections.abc import Iterable, Sequence

from attnsite.content.questions import Number, Question, Theme, marks
from attnsite.content.texts import first_sentence, typed
from attnsite.records.run_file import EVERY_MACHINE
from attnsite.site import claims
from attnsite.site.addresses import path_of
from attnsite.site.answers import Answers
from attnsite.site.claims import experiments_of
from attnsite.site.exhibits import call_machine
from attnsite.site.exports.plain_markdown import plainly
from attnsite.site.figures import quickly
from attnsite.site.markdown.extension import SOURCES
from attnsite.site.pages import front_matter
from attnsite.site.pages.front_matter import head, linked

MOMENT = 90  # seconds of which there is nothing to say
UNSEARCHED = "{ data-search-exclude }"  # what is found on its own page need not be found on this one too


def question_page(
    question: Question, questions: Sequence[Question], answers: Answers, checked: str = "", ending: str = ""
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
            description=plainly(question.answer, answers),
            hide=["footer"],
            aliases=list(question.aliases),
            search={"boost": front_matter.QUESTION},
        ),
        f"# {shown}",
        f"{typed(question.question)}\n{{ .asked }}" if question.question else "",
        f"{question.answer}\n{{ .answer }}",
        checked,
        question.body.strip(),
        check_yourself(question, answers),
    ]
    if question.claims:
        states = [claims.rests_on(claim, answers)[0] for claim in question.claims]
        parts += [f"## Evidence {UNSEARCHED}", claims.listed(question.claims, answers)]
        parts += [f"{claims.STALE}\n{UNSEARCHED}"] * ("stale" in states)
    if cites(question):
        parts += [f"## Sources {UNSEARCHED}", SOURCES]
    wanted = [q for slug in question.related for q in questions if q.slug == slug]
    if wanted:
        parts += [f"## Related questions {UNSEARCHED}", listed(wanted, path)]
    return "\n\n".join(part for part in [*parts, ending] if part) + "\n"


def check_yourself(question: Question, answers: Answers) -> str:
    """The one command that makes the numbers of this question again."""
    experiments = experiments_of(question, answers)
    if not experiments:
        return ""
    quick = [name for name in experiments if quickly.has_quick(answers, name)]
    slow = [name for name in experiments if name not in quick]
    parts = [f"## Reproduce {UNSEARCHED}"]
    if quick:
        runs = [answers.quoted_first(name)[0] for name in quick if answers.quoted_first(name)]
        found = [one for run in runs if (one := quickly.beside(answers, run))]
        parts.append("Measure and count what this page quotes, on your own machine:")
        parts.append(f"```bash\nattnsite measure {' '.join(quick)} --quick\n```")
        if found:
            parts.append(f"It gives {quickly.told(found)}, once the kernels have been compiled. "
                         "Drag a result file onto this page to compare your numbers with these.")  # fmt: skip
    if slow:
        names = ", ".join(f"`{name}`" for name in slow)
        parts.append(f"{names} train{'s' if len(slow) == 1 else ''} a model for each row, so that there is no quick "
                     f"sweep:\n\n```bash\nattnsite measure {' '.join(slow)} --full\n```")  # fmt: skip
    return "\n\n".join([*parts, *filter(None, [taken(experiments, answers)])])


def taken(experiments: Iterable[str], answers: Answers) -> str:
    """What `--full` took where this page's runs were made, a sum for each machine; nothing where it is a moment."""
    seconds: dict[str, float] = {}
    for experiment in experiments:
        runs = answers.quoted_first(experiment)
        whole = [run for run in runs if run.sweep == "full" and run.machine != EVERY_MACHINE and run.complete]
        for run in whole[:1]:  # the one that figures show first
            seconds[run.machine] = seconds.get(run.machine, 0.0) + run.provenance.seconds
    if sum(seconds.values()) < MOMENT:
        return ""
    times = " and ".join(f"{minutes(time)} on {call_machine(machine)}" for machine, time in seconds.items())
    return f"The runs that are shown here were made with `--full`, which took {times}."


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
                        search={"boost": front_matter.LIST}), f"# {typed(theme.title)}",
                        f"{theme.summary}\n{{ .lead }}", listed(own, path)]) + "\n"  # fmt: skip


def overview_page(themes: Sequence[Theme], questions: Sequence[Question]) -> str:
    """All questions by theme."""
    path = "questions/index.md"
    about = "All questions of the site, by theme."
    parts = [head(path, "Questions", description=about, search={"boost": front_matter.LIST}), "# Questions"]
    for theme in themes:
        own = [question for question in questions if question.theme == theme.slug]
        parts += [f"## [{typed(theme.title)}]({theme.slug}/index.md)", theme.summary, listed(own, path)]
    return "\n\n".join(parts) + "\n"


def plain(text: str) -> str:
    """Text without marks, for a description."""
    for mark in reversed(marks(text)):
        text = text[: mark.start].rstrip() + text[mark.end :]
    return linked(text)
