"""What do public calculators say of the KV cache of five models, and what is right?

Every file of `attnsite/calculators` has one calculator's rule, transcribed from its code at a commit. It is given the
models' released files and asked for one sequence of 8192 tokens in 16 bits, which every one of the models can read.
Right is within 1 % of what the closed forms give, with or without states that do not grow; for a calculator that
models an engine, that engine's allocation is right too. A corrected calculator is a changed file there, counted again.
"""

import math
from collections.abc import Callable
from dataclasses import asdict
from functools import partial

from attnsite.calculators._tool import LLAMA_CPP, VLLM, Given, Tool, padded, released
from attnsite.experiments._omissions import left_out
from attnsite.formulas import models
from attnsite.formulas.counts import Count as Tokens
from attnsite.formulas.decoder import Decoder
from attnsite.formulas.layouts import Sliding, State
from attnsite.records import registry
from attnsite.records.workload import Case, Count, Observed

TOKENS, ALIKE, ELEMENT_BYTES = 8192, 0.01, 2
MICRO_BATCH, CELLS = 512, 256  # llama.cpp 02c28f53, src/llama-kv-cache-iswa.cpp: window + micro-batch, padded
BLOCK, BATCH = 16, 2048  # vLLM 001cabc1, vllm/v1/kv_cache_interface.py: SlidingWindowSpec; one batch or two in flight
# States in vLLM have the model's dtype: 02d71083, vllm/model_executor/layers/mamba/mamba_utils.py, _mamba_state_dtype.


def decoder(given: Given) -> Decoder:
    return models.load()[given.slug].decoder()


def grows(given: Given) -> int:
    """Bytes of keys, values and latents, without the states that do not grow."""
    states = decoder(given).states().items()
    return sum(n * state.kept(Tokens(TOKENS)).bytes() for state, n in states if not isinstance(state, State))


def allocated(given: Given, engine: str) -> list[int]:
    """What an engine sets aside for the sequence; of vLLM with one batch in flight and with two."""
    if engine == LLAMA_CPP:
        return [_allocated(given, lambda window: padded(min(TOKENS, window + MICRO_BATCH), CELLS), single=True)]
    if engine == VLLM:
        return [_allocated(given, partial(spanned, batches=batches), single=False) for batches in (1, 2)]
    return []


def spanned(window: int, batches: int) -> int:
    """Tokens of the blocks of a windowed layer in vLLM."""
    return padded(min(TOKENS, window - 1 + batches * BATCH), BLOCK) + BLOCK


def _allocated(given: Given, near: Callable[[int], int], single: bool) -> int:
    """With `near(window)` tokens in windowed layers, and states in float32 if `single`, else in 16 bits."""
    total = 0
    for state, layers in decoder(given).states().items():
        if isinstance(state, State):
            size = 4 if single else ELEMENT_BYTES
            total += layers * (state.convolution + state.recurrent) * size
        elif isinstance(state, Sliding):
            total += layers * state.heads * (state.key_dim + state.value_dim) * near(state.window) * ELEMENT_BYTES
        else:
            total += layers * state.kept(Tokens(TOKENS)).bytes()
    return total


def accepted(given: Given, engine: str) -> list[int]:
    """All figures that count as right."""
    return [grows(given), decoder(given).kv_bytes(Tokens(TOKENS)), *allocated(given, engine)]


def tried(tool: Tool, predicted: float | None, given: Given) -> Observed:
    """One calculator on one model: bytes said and the nearest right ones, and what was left out where they differ."""
    if predicted is None:
        return {"predicted": None, "right": grows(given), "agrees": False, "left_out": []}
    right = min(accepted(given, tool.engine), key=lambda each: abs(math.log(predicted / each)))
    agrees = abs(predicted - right) <= ALIKE * right
    missing = () if agrees else left_out(tool, given, predicted, TOKENS)
    return {"predicted": predicted, "right": right, "agrees": agrees, "left_out": list(missing)}


def observe(case: Case) -> Observed:
    """Each model by its name, and how many of the five are right: of a model with two files one has to be."""
    found = registry.module("calculators", case["calculator"], "TOOL", "kv_bytes")
    given = released()
    by_model = {label: tried(found.TOOL, found.kv_bytes(each, TOKENS), each) for label, each in given.items()}
    right = {given[label].slug for label, each in by_model.items() if each["agrees"]}
    return {"models": by_model, "right": len(right), "of": len({each.slug for each in given.values()})}


def cases() -> tuple[Case, ...]:
    """A calculator each, with all that is known of it."""
    found = registry.modules("calculators", "TOOL", "kv_bytes")
    return tuple({"calculator": stem, **asdict(module.TOOL)} for stem, module in found.items())


experiment = Count(observe=observe, cases=cases())
