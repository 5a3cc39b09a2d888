"""Scales make a cache of 4 bits take 4.5 or 5, and one of 2 bits take 3

What an element of a KV cache takes in eight formats, with its share of the scales that its group has. Compare the bits
in a format's name with the bits that it takes.

Counted for Llama 3 8B, a token in all layers. A smaller group follows the numbers more closely and has more scales. A
format whose scales are for whole tensors pays nothing for them. What rounding does to the results is another question.

A table of {formats} formats, from {most_bits} bits an element down to {least_bits}. A token takes {bf16} in 16 bits,
{q8_0} in llama.cpp's q8_0, {q4_0} in its q4_0, and {int2} with two bits and a scale and an offset for every 32, which
is {int2_over_bare} what two bits alone would take.
"""

from typing import Any

from attnsite.quantity import Quantity
from attnsite.results import Run

EXPERIMENT = "cache_formats"
NAMED = {
    "bfloat16 or float16": "bf16",
    "int8, one float32 scale a row": "int8",
    "q8_0": "q8_0",
    "q4_0": "q4_0",
    "int4, scale and offset for 32": "int4",
    "int2, scale and offset for 32": "int2",
}


def values(run: Run) -> dict[str, Quantity]:
    found: dict[str, Quantity] = {}
    for row in run.where():
        if short := NAMED.get(row.case["name"]):
            found |= {
                short: Quantity(row.values["bytes"], "B"),
                f"{short}_bits": Quantity(row.values["bits"]),
                f"{short}_over_bare": Quantity(row.values["over_bare"], "×"),
                f"{short}_over_16_bits": Quantity(row.values["over_16_bits"], "×"),
            }
    bits = [row.values["bits"] for row in run.where()]
    return found | {
        "formats": Quantity(len(bits), "count"),
        "most_bits": Quantity(max(bits)),
        "least_bits": Quantity(min(bits)),
    }


def tabulate(runs: list[Run]) -> list[dict[str, Any]]:
    return [
        {
            "format": row.case["name"],
            "bits in its name": row.case["bits"],
            "elements that share": row.case["group"] or None,
            "bits they share": row.case["extra_bits"] or None,
            "bits an element": Quantity(row.values["bits"]),
            "over the bits in its name": Quantity(row.values["over_bare"], "×"),
            "a token of Llama 3 8B": Quantity(row.values["bytes"], "B"),
            "over 16 bits": Quantity(row.values["over_16_bits"], "×"),
            "where": row.case["where"],
        }
        for row in runs[0].where()
    ]
