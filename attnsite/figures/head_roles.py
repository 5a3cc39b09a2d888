"""{named} of {heads} heads have a visible role after training, {named_initial} before

Each mark is one head of a two-layer model trained on repeating sequences. Previous-token heads are on the right,
induction heads at the top. Small rings are heads before training.

The scores are shares of a query's attention weight, on average over held-out sequences; that on the previous token is
taken over their first 16 tokens, as many as the shortest period. Small rings are heads before training, the others
after it; circles are of the first layer, squares of the second, and diamonds are heads of the first layer that attend
to their own token, a third role that is seen in neither score. {models} models were trained, each from a seed of its
own. From the dashed lines on, at {least}, a head is named by its role; what is below may still do something that the
scores do not see.

A chart of marks. Before training all heads lie close together near zero, at most at {most_initial} in either score.
After training {previous} heads, {previous_elsewhere} of them in the second layer, put at least {least} of their weight
on the previous token, and {induction} heads, {induction_elsewhere} of them in the first layer, as much on the token
after the earlier occurrence of the query's own; {own} attend to their own token and {none} of {heads} have no role that
was looked for.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from attnsite.figures.toolkit import axes, last_losses, measured_rows, style
from attnsite.records.quantity import Quantity
from attnsite.records.run_file import Row, Run

EXPERIMENT = "head_roles"
TITLE_COLUMNS = ("previous token", "induction")
PREVIOUS, INDUCTION, OWN, NONE = "previous token", "induction", "own token", "none of these"
NAMES = {"previous": PREVIOUS, "induction": INDUCTION, "own": OWN, "none": NONE}
LOOKS = (style.Look(style.OURS), style.Look(style.OTHER, symbol="square"))  # of the first layer, of later ones
OWN_LOOK = style.Look(style.OURS_2, symbol="diamond")
STATES = {"initial": "before training", "trained": "after training"}


@dataclass(frozen=True)
class Head:
    """One head of one model, before or after training."""

    seed: int
    layer: int
    place: int
    role: str
    scores: dict[str, float]
    entropy: float
    rise: float  # of the trained model's loss when this head alone is removed, in nats

    @property
    def name(self) -> str:
        return f"layer {self.layer + 1}, head {self.place + 1}"


def models(run: Run) -> list[Row]:
    """The models that were trained to the end, one a seed. Raises `LookupError` where there is none."""
    return last_losses.trained(run.where(), "the roles of a trained model's heads")


def heads(rows: list[Row], state: str) -> Iterator[Head]:
    """Every head of those models, `trained` or `initial`."""
    for row in rows:
        seen = row.values[state]
        for layer, roles in enumerate(seen["roles"]):
            for place, role in enumerate(roles):
                scores = {name: each[layer][place] for name, each in seen["scores"].items()}
                yield Head(row.seed or 0, layer, place, role, scores, seen["entropy"][layer][place],
                           row.values["rises"][layer][place])  # fmt: skip


def apart(row: Row, state: str) -> float:
    """How far two heads of a layer are apart on average: the total variation between their weights, 0 to 1."""
    table, width = row.values[state]["distances"], len(row.values[state]["roles"][0])
    pairs = [table[a][b] for a in range(len(table)) for b in range(a) if a // width == b // width]
    return sum(pairs) / max(1, len(pairs))


def values(run: Run) -> dict[str, Quantity]:
    rows = models(run)
    trained, initial = list(heads(rows, "trained")), list(heads(rows, "initial"))
    named = {role: [head for head in trained if head.role == role] for role in NAMES.values()}

    def count(number: int) -> Quantity:
        return Quantity(number, "count")

    found = {
        "models": count(len(rows)),
        "heads": count(len(trained)),
        "least": Quantity(rows[0].values["least"], "%"),
        "named": count(sum(head.role != NONE for head in trained)),
        "named_initial": count(sum(head.role != NONE for head in initial)),
        "previous": count(len(named[PREVIOUS])),
        "previous_elsewhere": count(sum(head.layer != 0 for head in named[PREVIOUS])),
        "induction": count(len(named[INDUCTION])),
        "induction_elsewhere": count(sum(head.layer == 0 for head in named[INDUCTION])),
        "own": count(len(named[OWN])),
        "own_elsewhere": count(sum(head.layer != 0 for head in named[OWN])),
        "none": count(len(named[NONE])),
        "most_initial": Quantity(max(max(h.scores[PREVIOUS], h.scores[INDUCTION]) for h in initial), "%"),
        "accuracy": measured_rows.quartiles([row.values["accuracy"] for row in rows], "%"),
        "loss": measured_rows.quartiles([row.values["loss"] for row in rows], "nats"),
        "loss_initial": measured_rows.quartiles([row.values["loss_initial"] for row in rows], "nats"),
        "apart": measured_rows.quartiles([apart(row, "trained") for row in rows], "%"),
        "apart_initial": measured_rows.quartiles([apart(row, "initial") for row in rows], "%"),
    }
    needed = [head.rise for head in named[INDUCTION]]
    idle = max((head.rise for head in named[NONE]), default=0.0)
    found["induction_below_none"] = count(sum(rise < idle for rise in needed))
    apart_from = [row.values["without"][NONE] / row.values["loss"] - 1 for row in rows if NONE in row.values["without"]]
    if apart_from:
        found["without_none_least"] = Quantity(min(apart_from), "%")
        found["without_none_most"] = Quantity(max(apart_from), "%")
    for name, role in NAMES.items():
        each = [sum(head.role == role for head in heads([row], "trained")) for row in rows]
        found[f"{name}_fewest"], found[f"{name}_most"] = count(min(each)), count(max(each))
        rises = [head.rise for head in named[role]]
        if rises:
            without = [row.values["without"][role] for row in rows if role in row.values["without"]]
            found[f"rise_{name}"] = measured_rows.quartiles(rises, "nats")
            found[f"rise_{name}_least"] = Quantity(min(rises), "nats")
            found[f"rise_{name}_most"] = Quantity(max(rises), "nats")
            found[f"without_{name}"] = measured_rows.quartiles(without, "nats")
    return found


def tabulate(runs: list[Run]) -> list[dict[str, Any]]:
    return [
        {"machine": run.machine, "head": head.name, "seed": head.seed, "when": when, "role": head.role}
        | {name: Quantity(score, "%") for name, score in head.scores.items()}
        | {"entropy, share of the maximum": Quantity(head.entropy, "%"),
           "loss without it rises by": Quantity(head.rise, "nats") if state == "trained" else None}
        for run in runs
        for state, when in reversed(STATES.items())
        for head in heads(models(run), state)
    ]  # fmt: skip


def draw(runs: list[Run]) -> go.Figure:
    run, rows = runs[0], models(runs[0])
    on = style.chart(
        axes.linear_axis("attention to the previous token, first 16 tokens", [0, 1], "%", most=5, pad=0.02),
        axes.linear_axis("attention to the token after the earlier occurrence", [0, 1], "%", most=5, pad=0.02),
    )
    least = rows[0].values["least"]
    style.reference(on, [least, least], [0, 1], "previous token from here on", dash="dash")
    style.reference(on, [0, 1], [least, least], "induction from here on", dash="dash")
    for state, when in reversed(STATES.items()):
        for layer, look in enumerate(LOOKS):
            those = [h for h in heads(rows, state) if (h.layer > 0) == (layer > 0) and h.role != OWN]
            _marks(on, those, look, f"layer {layer + 1}, {when}", open_marks=state == "initial")
    own = [head for state in STATES for head in heads(rows, state) if head.role == OWN]
    _marks(on, own, OWN_LOOK, "own token, after training", open_marks=False)
    on.figure.data = sorted(on.figure.data, key=lambda trace: "before" in trace.name)  # small rings, on all others
    _notes(on, rows)
    return style.finish(on, run)


def _marks(on: style.Chart, those: list[Head], look: style.Look, name: str, *, open_marks: bool) -> None:
    hover = [
        f"seed {h.seed}, {h.name}, {name.split(', ')[1]}<br>{h.role}: previous token "
        f"{Quantity(h.scores[PREVIOUS], '%')}, induction {Quantity(h.scores[INDUCTION], '%')}"
        for h in those
    ]
    symbol = f"{look.symbol}-open" if open_marks else look.symbol
    style.points(on, [h.scores[PREVIOUS] for h in those], [h.scores[INDUCTION] for h in those],
                  style.Look(look.colour, symbol=symbol), name, hover, size=4 if open_marks else 9)  # fmt: skip
    if open_marks:
        on.figure.data[-1].marker.color = style.MUTE
        on.figure.data[-1].marker.line = {"color": style.MUTE, "width": 1.2}


def _notes(on: style.Chart, rows: list[Row]) -> None:
    """Each group of marks is named where it lies."""
    initial, trained = list(heads(rows, "initial")), list(heads(rows, "trained"))
    middle = sum(head.scores[PREVIOUS] for head in initial) / len(initial)
    style.note(on, middle, max(head.scores[INDUCTION] for head in initial), "before training", style.MUTE, above=True,
                anchor="left", shift=(-8, 8))  # fmt: skip
    for role, text, look, anchor, shift in (
        (INDUCTION, "induction,<br>second layer", LOOKS[1], "left", (10, 0)),
        (PREVIOUS, "previous token,<br>first layer", LOOKS[0], "right", (20, 26)),
        (OWN, "own token", OWN_LOOK, "left", (-6, 42)),
    ):
        those = [head for head in trained if head.role == role]
        if not those:
            continue
        if role == INDUCTION:
            right = max(those, key=lambda head: head.scores[PREVIOUS])
            style.note(on, right.scores[PREVIOUS], right.scores[INDUCTION], text, look.colour, anchor=anchor,
                        shift=shift)  # fmt: skip
        else:
            far = (max if role == PREVIOUS else min)(those, key=lambda head: head.scores[PREVIOUS])
            style.note(on, far.scores[PREVIOUS], far.scores[INDUCTION], text, look.colour, anchor=anchor, shift=shift)
