"""What rules leave out: most often sliding-window or linear-attention layers

For each omission how many of {calculators} calculators make it, for how many of the answers it counts, and what is then
said over what is right. Above 1 memory is wasted, below 1 it runs out.

A rule can leave out several things, so that an answer counts in several rows. An omission is named only where it gives
the bytes that the calculator says, within 1%; rules that take parameters or a constant know no layers. Two copies of
one file count as two answers.

A table of {kinds} omissions. {wrong} of {answers} answers are not right. {full_calculators} calculators count layers
that keep less as if they kept every token, and {derived_calculators} divide the hidden size by the heads.
"""

from collections.abc import Iterator
from typing import Any

from attnsite.figures.calculators_audited import ratio
from attnsite.records.quantity import Quantity
from attnsite.records.run_file import Run

EXPERIMENT = "calculators_audited"
TITLE_COLUMNS = ("calculators", "answers")
OF_WORDS = True  # its cells are phrases, which take lines
FULL, DERIVED = "layers that keep a window or no KV", "head_dim where it is not hidden size / heads"
CALLED = {  # an omission as a run names it, and as people search for it
    FULL: "sliding-window or linear-attention layers",
    "that query heads share KV heads": "GQA: query heads share KV heads",
    "the latent of MLA": "the MLA latent",
    "the rotary part of the latent": "the RoPE key of MLA",
    "one of keys and values": "the factor 2 for K and V",
    "the layers: parameters or a constant instead": "the layers: it uses parameters or a constant",
}


def answers(run: Run) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(calculator, model, what was seen) of all that give a figure."""
    for row in run.where():
        for label, seen in row.values["models"].items():
            if seen["predicted"] is not None:
                yield row.case["name"], label, seen


def by_omission(run: Run) -> dict[str, list[tuple[str, str, float]]]:
    """(calculator, model, ratio) of the answers that each omission counts for, the most frequent first."""
    found: dict[str, list[tuple[str, str, float]]] = {}
    for name, label, seen in answers(run):
        for kind in seen["left_out"]:
            found.setdefault(kind, []).append((name, label, ratio(seen) or 0.0))
    return dict(sorted(found.items(), key=lambda pair: (-len({name for name, _, _ in pair[1]}), pair[0])))


def calculators(found: list[tuple[str, str, float]]) -> int:
    return len({name for name, _, _ in found})


def values(run: Run) -> dict[str, Quantity]:
    kinds, every = by_omission(run), list(answers(run))
    return {
        "calculators": Quantity(len(run.where()), "count"),
        "kinds": Quantity(len(kinds), "count"),
        "answers": Quantity(len(every), "count"),
        "wrong": Quantity(sum(not seen["agrees"] for _, _, seen in every), "count"),
        "above": Quantity(sum((ratio(seen) or 0) > 1 for _, _, seen in every), "count"),
        "below": Quantity(sum((ratio(seen) or 1) < 1 for _, _, seen in every), "count"),
        "full_calculators": Quantity(calculators(kinds.get(FULL, [])), "count"),
        "derived_calculators": Quantity(calculators(kinds.get(DERIVED, [])), "count"),
    }


def tabulate(runs: list[Run]) -> list[dict[str, Any]]:
    """An omission a row."""
    return [
        {
            "what is left out": CALLED.get(kind, kind),
            "calculators": calculators(found),
            "answers": len(found),
            "smallest, estimated / correct": Quantity(min(size for _, _, size in found), "×"),
            "largest, estimated / correct": Quantity(max(size for _, _, size in found), "×"),
            "examples": such(found),
        }
        for kind, found in by_omission(runs[0]).items()
    ]


def such(found: list[tuple[str, str, float]], most: int = 3) -> str:
    """A few of the calculators by name."""
    return ", ".join(list(dict.fromkeys(name for name, _, _ in found))[:most])
