"""LLM-Calc: half a megabyte for every token."""

from attnsite.calculators._tool import LAYERS, NUMBERS, Given, Tool

TOOL = Tool(
    name="LLM-Calc",
    repository="RayFernando1337/LLM-Calc",
    commit="2f12e4d0964041b312ed5a688ca35bb55ac1cd18",
    committed="2025-04-20",
    looked_at="2026-12-01",
    path="src/App.tsx",
    lines="38-52",
    formula="0.5 MB × tokens",
    covers="how many parameters fit into the memory of a computer",
    leaves_out=(LAYERS,),
    reads=NUMBERS,
)


def kv_bytes(given: Given, tokens: int) -> float | None:
    return tokens * 0.5 * 1e6
