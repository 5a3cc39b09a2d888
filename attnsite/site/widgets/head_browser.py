"""The head browser: every map of a small model, before and after training, and one of them large; it needs no script.

All of it is HTML: which head and which state are shown is what two groups of radio buttons hold, and `heads.css` shows
the parts that belong to the checked ones. `head_browser.js` adds the reading of a single query's weights.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from attnsite.records.quantity import Quantity
from attnsite.records.run_file import THIS_BUILD, Row, Run
from attnsite.site import exhibits, tables
from attnsite.site.addresses import Page
from attnsite.site.answers import Answers

PLACE = "<!-- attnsite:head_browser -->"
PAGE = "questions/learning/do_heads_specialise.md"
EXPERIMENT = "head_roles"
STATES = {"trained": "after training", "initial": "before training"}
LEVELS = (0.03, 0.08, 0.2, 0.4, 0.65)  # from which weight on a cell is drawn one shade darker
SCORES = {"previous token": "previous token, first 16", "own token": "own token",
          "induction": "after earlier occurrence", "duplicate": "earlier occurrence",
          "first token": "first token"}  # fmt: skip
UNMEASURED = (
    "\n*No run of `head_roles` is here, so there are no maps to show: "
    "`attnsite measure head_roles --full` makes one.*\n"
)


@dataclass(frozen=True)
class Head:
    """One head of the model that is shown."""

    layer: int
    place: int

    @property
    def key(self) -> str:
        return f"{self.layer}-{self.place}"

    @property
    def name(self) -> str:
        return f"layer {self.layer + 1}, head {self.place + 1}"


def found(known: Answers) -> tuple[Run, Row] | None:
    """The run that the text quotes and its model whose weights were kept; a build's own run does not count."""
    committed = [run for machine, run in known.runs(EXPERIMENT).items() if machine != THIS_BUILD]
    for run in sorted(committed, key=lambda run: -known.quoted[run.machine]):
        for row in run.where():
            if "shown" in row.values:
                return run, row
    return None


def heads(row: Row) -> list[Head]:
    return [Head(layer, place) for layer, those in enumerate(row.values["rises"]) for place in range(len(those))]


def level(weight: float) -> int:
    """How dark a weight is drawn: 0, not at all, to 5."""
    return sum(weight >= least for least in LEVELS)


def paths(weights: Sequence[Sequence[float]]) -> str:
    """A map's cells, a path for each shade: the query counts downwards, the key to the right."""
    shades: dict[int, list[str]] = {}
    for query, row in enumerate(weights):
        for key, weight in enumerate(row):
            if shade := level(weight):
                shades.setdefault(shade, []).append(f"M{key} {query}.5h1")
    return "".join(f'<path class="hb{shade}" d="{"".join(cells)}"/>' for shade, cells in sorted(shades.items()))


def scores(row: Row, state: str, head: Head) -> Iterator[tuple[str, float]]:
    """What the head's weights were read as, by the name of the score."""
    for name in SCORES:
        yield name, row.values[state]["scores"][name][head.layer][head.place]


def role(row: Row, state: str, head: Head) -> str:
    named: str = row.values[state]["roles"][head.layer][head.place]
    return named


def told(row: Row, state: str, head: Head) -> str:
    """One head in words: its role, its scores, and the loss without it."""
    shares = dict(scores(row, state, head))
    line = (
        f"{head.name}, {STATES[state]}: {role(row, state, head)}. Attention: "
        f"{Quantity(shares['induction'], '%')} to the token after the earlier occurrence, "
        f"{Quantity(shares['previous token'], '%')} to the previous token (first 16 tokens), "
        f"{Quantity(shares['own token'], '%')} to the query’s own token, "
        f"{Quantity(shares['duplicate'], '%')} to the earlier occurrence, "
        f"{Quantity(shares['first token'], '%')} to the first token."
    )
    if state == "trained":
        loss, rise = row.values["loss"], row.values["rises"][head.layer][head.place]
        line += f" Without this head the loss is {Quantity(loss + rise, 'nats')}, with it {Quantity(loss, 'nats')}."
    return line[0].upper() + line[1:]


def html(known: Answers) -> str:
    """The whole, the strongest induction head chosen; a sentence where no run is there."""
    at = found(known)
    if at is None:
        return UNMEASURED
    run, row = at
    chosen = max(heads(row), key=lambda head: dict(scores(row, "trained", head))["induction"])
    return (
        f'<link rel="stylesheet" href="{Page(PAGE).to("assets/heads.css")}">\n'
        '<section class="head-browser" data-module="head_browser" data-search-exclude aria-label="Head browser">'
        f'<form autocomplete="off">{_states()}'
        f'<div class="hb-both"><div class="hb-pick">{_grid(row, chosen)}{_told(row)}</div>{_large(row, chosen)}</div>'
        "</form>"
        f'<p class="hb-from">After training, all heads of this model:</p><div class="scrolls">{_table(row)}</div>'
        f'<p class="hb-from">Seed {row.seed} of {escape(exhibits.provenance(run, known.state(run)))}</p></section>'
    )


def _states() -> str:
    return '<fieldset class="hb-states"><legend>The model</legend>' + "".join(
        f'<label><input type="radio" name="state" value="{state}"{" checked" if state == "trained" else ""}> '
        f"{text}</label>"
        for state, text in STATES.items()
    ) + "</fieldset>"  # fmt: skip


def _grid(row: Row, chosen: Head) -> str:
    """A radio button a head, under its two small maps."""
    size, cells = len(row.values["shown"]["text"]), ""
    for head in heads(row):
        maps, names = "", ""
        for state in STATES:
            weights = row.values["shown"][state][head.layer][head.place]
            maps += (
                f'<svg class="hb-map" data-state="{state}" viewBox="0 0 {size} {size}" aria-hidden="true">'
                f'<path class="hb-seen" d="M0 0V{size}H{size}Z"/>'
                f'<g id="hb-{state}-{head.key}" data-weights="{_whole(weights)}">{paths(weights)}</g></svg>'
            )
            names += f'<span data-state="{state}">{escape(role(row, state, head))}</span>'
        checked = " checked" if head == chosen else ""
        cells += (
            f'<label class="hb-cell">{maps}<span class="hb-name"><input type="radio" name="head" value="{head.key}"'
            f"{checked}> {head.name}</span> {names}</label>"
        )
    return f'<fieldset class="hb-grid"><legend>Its heads</legend>{cells}</fieldset>'


def _whole(weights: Sequence[Sequence[float]]) -> str:
    """Weights in whole percent, queries apart by semicolons."""
    return ";".join(",".join(str(round(100 * weight)) for weight in row) for row in weights)


def reading(row: Row, state: str, head: Head, query: int) -> str:
    """Where one query looks most: up to three keys of at least one percent."""
    text, weights = row.values["shown"]["text"], row.values["shown"][state][head.layer][head.place][query]
    whole = [round(100 * weight) for weight in weights]
    keys = [key for key in sorted(range(len(whole)), key=lambda key: -whole[key]) if whole[key]][:3]
    found = "; ".join(f"{whole[key]}% to token {key + 1}, “{text[key]}”" for key in keys)
    return f"Token {query + 1}, “{text[query]}”, attends {found}."


def _told(row: Row) -> str:
    """What is said of each head, of which one is seen."""
    lines = "".join(
        f'<p data-state="{state}" data-head="{head.key}">{escape(told(row, state, head))}</p>'
        for state in STATES
        for head in heads(row)
    )
    return f'<div class="hb-told">{lines}</div>'


def _large(row: Row, chosen: Head) -> str:
    """All maps in one frame with the tokens beside it, of which one is seen, under the reading of one query."""
    text = row.values["shown"]["text"]
    size, places = len(text), " ".join(f"{at}.5" for at in range(len(text)))
    below = " ".join(f"{at}.8" for at in range(len(text)))
    uses = "".join(  # not plain href: the theme's script would set that as if it were a link's
        f'<use xlink:href="#hb-{state}-{head.key}" data-state="{state}" data-head="{head.key}"/>'
        for state in STATES
        for head in heads(row)
    )
    last = len(text) - 1
    options = "".join(f'<option value="{at}"{" selected" if at == last else ""}>{at + 1}, {escape(letter)}</option>'
                      for at, letter in enumerate(text))  # fmt: skip
    return (
        '<div class="hb-one"><div class="hb-reading"><label>Attention of token '
        f'<select name="query">{options}</select></label>'
        f'<output aria-live="polite">{escape(reading(row, "trained", chosen, last))}</output></div>'
        f'<svg class="hb-map hb-large" viewBox="-1.7 -1.7 {size + 1.9} {size + 1.9}" '
        f'aria-hidden="true"><path class="hb-seen" d="M0 0V{size}H{size}Z"/>{uses}'
        f'<text class="hb-keys" x="{places}" y="-0.5">{escape(text)}</text>'
        f'<text class="hb-queries" x="{" ".join(["-0.8"] * size)}" y="{below}">{escape(text)}</text>'
        f'<path class="hb-query" d="M0 {last}H{size}V{size}H0Z"/></svg></div>'
    )


def _table(row: Row) -> str:
    """What the maps are read as, for all heads of the trained model."""
    return tables.table([
        {"head": head.name, "role": role(row, "trained", head)}
        | {SCORES[name]: Quantity(share, "%") for name, share in scores(row, "trained", head)}
        | {"entropy, share of maximum": Quantity(row.values["trained"]["entropy"][head.layer][head.place], "%"),
           "loss without it": Quantity(row.values["loss"] + row.values["rises"][head.layer][head.place], "nats")}
        for head in heads(row)
    ], "The heads of this model after training")  # fmt: skip
