"""A closed form gives the KV cache of all {types} model types to the byte

What the cache objects of tiny random models hold, by the kinds of layers that the models have. “Held as predicted”
should equal “model types” in every row. The last two columns show memory allocated beyond that: a sliding-window layer
keeps a view of its last tokens, but the memory behind the view is not freed.

Predicted from the configuration alone, held by the tensors of transformers' cache objects after a prompt and after five
decode steps. After a step the storage behind a window of W tokens has W of them, where the tensor shows W − 1; after a
prompt it has the whole prompt until the next step. Sizes of real models follow from the same formulas; what a serving
engine allocates, in pages and for its own use, was not looked at.

A table of kinds of layers. In {agree} of {types} model types all bytes held are those predicted. {windowed} types have
windows. The memory behind a cache is up to {prompt_most} what the tensors hold after a prompt, and up to {step_most}
after a step. The closed form for the memory after a step is exact for {step_agree} types, and that after a prompt for
{prompt_agree}.
"""

from collections.abc import Sequence
from typing import Any

from attnsite.records.quantity import Quantity
from attnsite.records.run_file import Row, Run

EXPERIMENT = "caches_allocated"
TITLE_COLUMNS = ("model types", "held as predicted")
NAMED = 3


def agrees(row: Row, *what: str) -> bool:
    return all(row.values[each] == row.values[f"{each}_predicted"] for each in what)


def beyond(rows: Sequence[Row], phase: str = "") -> float:
    """The most that is allocated for what is held."""
    return max((row.values[f"{phase}allocated"] / row.values[f"{phase}held"] for row in rows if row.values["held"]),
               default=1.0)  # fmt: skip


def values(run: Run) -> dict[str, Quantity]:
    rows = run.where()
    return {
        "types": Quantity(len(rows), "count"),
        "agree": Quantity(sum(agrees(row, "held", "prompt_held") for row in rows), "count"),
        "windowed": Quantity(sum(row.values["windows"] > 0 for row in rows), "count"),
        "step_agree": Quantity(sum(agrees(row, "allocated") for row in rows), "count"),
        "prompt_agree": Quantity(sum(agrees(row, "prompt_allocated") for row in rows), "count"),
        "prompt_most": Quantity(beyond(rows, "prompt_"), "×"),
        "step_most": Quantity(beyond(rows), "×"),
    }


def tabulate(runs: list[Run]) -> list[dict[str, Any]]:
    """A row for each set of kinds, those of most model types first."""
    by_kinds: dict[str, list[Row]] = {}
    for row in runs[0].where():
        by_kinds.setdefault(row.values["kinds"], []).append(row)
    return [
        {
            "what layers keep": kinds,
            "model types": len(rows),
            "held as predicted": sum(agrees(row, "held", "prompt_held") for row in rows),
            "allocated over held, after a step": Quantity(beyond(rows), "×"),
            "after a prompt": Quantity(beyond(rows, "prompt_"), "×"),
            "such as": ", ".join(row.case["model_type"] for row in rows[:NAMED]),
        }
        for kinds, rows in sorted(by_kinds.items(), key=lambda pair: (-len(pair[1]), pair[0]))
    ]
