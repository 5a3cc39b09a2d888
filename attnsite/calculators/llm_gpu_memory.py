"""LLM GPU Memory Calculator: a tenth of the weights."""

from attnsite.calculators._tool import LAYERS, NUMBERS, Given, Tool

TOOL = Tool(
    name="llm-gpu-memory-calculator",
    repository="cloud26/llm-gpu-memory-calculator",
    commit="2b18c9795f3f25a71d9e63d89eab65aaadae3a4e",
    committed="2025-05-21",
    looked_at="2026-12-01",
    path="utils/calculations.ts",
    lines="8-50",
    formula="10 % of the weights, for activations, cache and the rest",
    covers="the number of GPUs that a model needs; it asks for no context length",
    leaves_out=(LAYERS,),
    reads=NUMBERS,
)


def kv_bytes(given: Given, tokens: int) -> float | None:
    return 0.1 * given.parameters * 2
