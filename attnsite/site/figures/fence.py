"""The fence named `figure`: a figure or table with everything a reader may want of it, complete without JavaScript."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from html import escape
from types import ModuleType
from typing import Any

from markdown import Markdown

from attnsite.content import doubting
from attnsite.records import browser_calls
from attnsite.records.mistakes import Mistake
from attnsite.records.run_file import EVERY_MACHINE, THIS_BUILD
from attnsite.site import addresses, exhibits
from attnsite.site.addresses import Page
from attnsite.site.answers import Answers
from attnsite.site.exhibits import Exhibit
from attnsite.site.figures import quickly, svg


def fence(source: str, language: str, css_class: str, options: dict[str, Any], md: Markdown, **_: Any) -> str:
    """What superfences calls for the fence: the figure named in it, drawn for its first machine."""
    markup = md.attnsite  # type: ignore[attr-defined]
    name = source.strip()
    answers, page = markup.answers, markup.page
    try:
        module = answers.figure(name)
        shown = answers.exhibits(name)
        if not shown:
            return unmeasured(name, module)
    except Mistake as mistake:
        markup.warn(mistake, name)
        return f'<p><mark class="unresolved" title="{escape(mistake.what)}">figure {escape(name)}</mark></p>'
    anchor = f"figure-{name}"
    while anchor in markup.figures:
        anchor += "-again"
    markup.figures.add(anchor)
    first = shown[0]
    return figure(
        first,
        anchor=anchor,
        files=lambda ending: page.to(addresses.figure(name, first.machine, ending)),
        run=page.to(addresses.result(first.machine, first.run.experiment)),
        machines=choices(shown, lambda e: page.at(addresses.figure(name, e.machine, ".json"))),
        pictured=first.chart is not None and svg.Pictures(answers.checkout.root).drawn(first.chart),
        again=repeat(answers, first),
        doubted=doubts_of(answers, first, page),
        here=browser_calls.state(answers.checkout.root, first.run.experiment),
    )


@dataclass(frozen=True)
class Choice:
    """A machine that can be picked."""

    machine: str
    label: str
    spec: str
    apart: bool = False  # this build, or a quick check: picked for one figure alone


def choices(shown: Sequence[Exhibit], spec: Callable[[Exhibit], str]) -> list[Choice]:
    """The machines that a figure can be shown for: this build, and those that were checked quickly, stand apart."""
    return [Choice(e.machine, label(e), spec(e), e.machine == THIS_BUILD or e.run.is_quick) for e in shown]


def label(shown: Exhibit) -> str:
    made_of = exhibits.hardware(shown.run)
    return exhibits.call_run(shown.run) + (f" ({made_of})" if made_of else "")


def figure(shown: Exhibit, *, anchor: str, files: Callable[[str], str], run: str, machines: Sequence[Choice],
           pictured: bool, again: str = "", doubted: str = "", here: str = "missing") -> str:  # fmt: skip
    """The markup of a figure. `files` gives the address of the file with an ending, `run` is the run's own, `again`
    says how to make it, `doubted` what is doubted of it, `here` whether its kernels run in a browser, as
    `browser_calls.state` says it.
    """
    chart = shown.chart is not None
    bar = picker(anchor, machines) if len(machines) > 1 else ""
    bar += acts(anchor, explores=chart and pictured, here=here)
    if chart:
        seen = stage(shown, files, pictured)
        opened = "" if pictured else " open"
        summary = f"<summary{named(anchor, 'data')}>Data</summary>"
        data = f'<details class="exhibit-data" data-search-exclude{opened}>{summary}{shown.table}</details>'
    else:
        seen, data = f'<div class="exhibit-table" data-search-exclude>{shown.table}</div>', ""
    kind = "is-chart" if chart else "is-table"
    address = machines[0].spec if machines else files(".json")
    spec = f' data-spec="{escape(address)}"' if chart or len(machines) > 1 else ""
    if shown.machine != EVERY_MACHINE:
        spec += f' data-machine="{escape(shown.machine)}"'
    made = words(exhibits.provenance(shown.run, shown.state))
    return (
        f'<figure class="exhibit {kind}" id="{anchor}" aria-labelledby="{anchor}-title"{spec}>'
        f'<p class="exhibit-title"><span data-text="title" id="{anchor}-title">{words(shown.title)}</span>'
        f'<a class="headerlink" href="#{anchor}" title="Link to this figure" aria-label="Link to this figure">¶</a></p>'
        f'{seen}<div class="exhibit-bar" hidden>{bar}</div>'
        f'<figcaption><p><span data-text="caption">{words(shown.caption)}</span> '
        f'<span class="exhibit-reading" data-text="reading">{words(shown.reading)}</span></p>'
        f'<p class="exhibit-made" data-text="made">{made}</p></figcaption>'
        f"{data}{origin(anchor, shown, files, run, pictured, again, doubted)}</figure>"
    )


def stage(shown: Exhibit, files: Callable[[str], str], pictured: bool) -> str:
    """Where the picture stands; its shape is fixed before anything has loaded."""
    if not pictured:
        wait = "This figure was built without a still picture; your browser draws it where it runs JavaScript."
        return f'<div class="exhibit-stage"><p class="exhibit-wait">{wait}</p></div>'
    (wide, wide_height), (narrow, narrow_height) = svg.SIZES["wide"], svg.SIZES["narrow"]
    return (
        '<div class="exhibit-stage"><picture>'
        f'<source media="(max-width: 600px)" srcset="{escape(files("-narrow.svg"))}" width="{narrow}" '
        f'height="{narrow_height}">'
        f'<img src="{escape(files("-wide.svg"))}" width="{wide}" height="{wide_height}" alt="{escape(shown.alt)}" '
        'loading="lazy" decoding="async"></picture></div>'
    )


def named(anchor: str, part: str) -> str:
    """The attributes by which a control of a figure is called by its own words and the figure's title, as they are now.

    A page has as many buttons of one name as figures.
    """
    return f' id="{anchor}-{part}" aria-labelledby="{anchor}-{part} {anchor}-title"'


def picker(anchor: str, machines: Sequence[Choice]) -> str:
    """The choice of a machine, kept on every page that is read after it; shown where JavaScript runs."""
    quoted = f"The text quotes {exhibits.call_machine(machines[0].machine)}, whichever is picked here."

    def options(those: Iterable[Choice]) -> str:
        return "".join(
            f'<option value="{escape(one.machine)}" data-spec="{escape(one.spec)}">{escape(one.label)}</option>'
            for one in those
        )

    first = [choice for at, choice in enumerate(machines) if at == 0 or not choice.apart]
    apart = options(choice for choice in machines[1:] if choice.apart)
    listed = options(first) + (f'<optgroup label="For this figure alone">{apart}</optgroup>' if apart else "")
    return (
        f'<label class="exhibit-machine" data-search-exclude title="{escape(quoted)}">'
        f'<span id="{anchor}-machine">Machine</span> '
        f'<select autocomplete="off" aria-labelledby="{anchor}-machine {anchor}-title">{listed}</select></label>'
    )


def acts(anchor: str, explores: bool, here: str) -> str:
    """What can be done with a figure where JavaScript runs; whose code loads when one of these is used."""
    explore = f'<button type="button" class="exhibit-go" data-act="explore"{named(anchor, "go")}>Explore</button>'
    return (
        '<span class="exhibit-note" data-search-exclude></span>'
        f'<span class="exhibit-acts" data-search-exclude>{explore if explores else ""}{try_here(anchor, here)}'
        f'<button type="button" data-act="full"{named(anchor, "full")}>Full screen</button>'
        f'<button type="button" data-act="link"{named(anchor, "link")}>Copy link</button></span>'
    )


def try_here(anchor: str, here: str) -> str:
    """The button that times a figure's kernels in the reader's browser; it says so where they are not today's."""
    words = {"fresh": "Run it here", "stale": "Run it here, with earlier kernels"}.get(here)
    return f'<button type="button" data-act="here"{named(anchor, "here")}>{words}</button>' if words else ""


def repeat(answers: Answers, shown: Exhibit) -> str:
    """The command that makes the figure's rows again, and what it gives of them."""
    name = shown.run.experiment
    if not quickly.has_quick(answers, name):
        return f"<code>attnsite measure {name} --full</code>, since there is no quick sweep of what trains models."
    command = f"<code>attnsite measure {name} --quick</code>"
    found = quickly.beside(answers, shown.run)
    if found is None:
        return f"{command}."
    more = "" if found.rows == found.of else "; <code>--full</code> gives all"
    return f"{command}, which gives {quickly.told([found])}{more}."


def doubts_of(answers: Answers, shown: Exhibit, page: Page) -> str:
    """What is doubted of the run of a figure, and how that is answered; empty where nothing is."""
    short = doubting.kinds()
    found = "; ".join(f"{short[each.kind]} ({each.rows}, {each.state})" for each in answers.doubts(shown.run))
    if not found:
        return ""
    return (
        f'<p><a href="{escape(page.to("evidence.md#doubts"))}">Doubts</a> about this run on {escape(shown.machine)}: '
        f"{escape(found)}.</p>"
    )


def origin(anchor: str, shown: Exhibit, files: Callable[[str], str], run: str, pictured: bool,
           again: str = "", doubted: str = "") -> str:  # fmt: skip
    """Downloads, the code that made the figure, and what is doubted of its run."""
    endings = [("CSV", ".csv"), ("JSON", ".json")]
    if pictured:
        endings.append(("SVG", ".svg"))
    saved = f"{shown.name}_{shown.machine}"
    links = ", ".join(
        f'<a href="{escape(files(ending))}" data-ending="{ending}" download="{escape(saved + ending)}">{text}</a>'
        for text, ending in endings
    )
    if shown.chart is not None:
        png = f'<button type="button" class="as-link" data-act="png"{named(anchor, "png")}>PNG</button>'
        links += f'<span class="scripted">, {png}</span>'
    experiment = escape(shown.run.experiment)
    own = (
        '<p class="scripted">Have your own measurement? '
        f'<button type="button" class="as-link" data-act="own"{named(anchor, "own")}>Choose your file</button> '
        "or drop it anywhere on this page: it is compared in your browser and sent nowhere.</p>"
        if shown.machine != EVERY_MACHINE
        else ""
    )
    return (
        '<details class="exhibit-origin" data-search-exclude>'
        f"<summary{named(anchor, 'more')}>Downloads and code</summary>"
        f'<p>{links}; <a href="{escape(run)}" data-run>every sample of the run</a>. CSV and JSON have all rows and '
        "columns: the table's rows in its order, then those that were not run.</p>"
        f"<p>Experiment: <code>attnsite/experiments/{experiment}.py</code>. "
        f"Figure: <code>attnsite/figures/{escape(shown.name)}.py</code>. "
        f"Reproduce: {again or f'<code>attnsite measure {experiment}</code>'}</p>{doubted}{own}</details>"
    )


def unmeasured(name: str, module: ModuleType) -> str:
    """What stands in the place of a figure that has no run yet: what it will show, and what makes the run."""
    return (
        f'<figure class="exhibit is-unmeasured" id="figure-{escape(name)}"><figcaption><p>Not measured yet: '
        f"{words(subject(module))}. <code>attnsite measure {escape(module.EXPERIMENT)}</code> measures it on a machine "
        "that has what it needs, and the next build shows it here.</p></figcaption></figure>"
    )


def subject(module: ModuleType) -> str:
    """What a figure is of: the first sentence of its caption, without what only a run can fill in."""
    sentence = re.split(r"(?<=[.:;])\s", exhibits.paragraphs(module)[1], maxsplit=1)[0].rstrip(".:;")
    line = ", ".join(part for part in sentence.split(", ") if "{" not in part)
    line = line if len(line) > 24 else re.sub(r"{\w+}", "…", sentence)
    return line[:1].lower() + line[1:]


def words(text: str) -> str:
    """Plain text with `code`, as HTML."""
    parts = text.split("`")
    return "".join(f"<code>{escape(part)}</code>" if i % 2 else escape(part) for i, part in enumerate(parts))
