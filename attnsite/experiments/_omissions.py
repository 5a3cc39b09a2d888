"""What a calculator's rule leaves out, checked: the omissions have to give the bytes that it says."""

from collections.abc import Iterator

from attnsite.calculators._tool import (
    DERIVED,
    FULL,
    LATENT,
    LAYERS,
    NEAR,
    ONE,
    QUERY,
    ROPE,
    TWICE,
    WINDOWS,
    Given,
    Tool,
    padded,
)
from attnsite.formulas import models
from attnsite.formulas.layouts import Full, Latent, Layout, Sliding, State

ALIKE, ELEMENT_BYTES = 0.01, 2
Way = tuple[tuple[str, ...], float]  # what is left out, and what then comes out
States = list[tuple[Layout, int]]  # with the number of layers that have each


def left_out(tool: Tool, given: Given, predicted: float, tokens: int) -> tuple[str, ...]:
    """Of what the tool's rule does not know, that which gives the bytes that it says of a model; () if nothing does."""
    if LAYERS in tool.leaves_out:
        return (LAYERS,)
    ways = [
        missing
        for missing, size in wrong_ways(given, tokens)
        if set(missing) <= set(tool.leaves_out) and abs(size - predicted) <= ALIKE * predicted
    ]
    return max(ways, key=len, default=())


def wrong_ways(given: Given, tokens: int) -> Iterator[Way]:
    """Bytes of so many tokens in 16 bits with every combination of omissions that makes a difference for a model."""
    states = [(s, n) for s, n in models.load()[given.slug].decoder().states().items() if not isinstance(s, State)]
    layers = given.text["num_hidden_layers"]
    latent = next((state for state, _ in states if isinstance(state, Latent)), None)
    if latent:
        yield (ROPE,), ELEMENT_BYTES * layers * latent.latent * tokens
    for missing, width in latent_widths(given, latent) if latent else widths(given):
        for more, times in (((), 1.0), ((ONE,), 0.5), ((TWICE,), 2.0)):
            for kinds, held in tokens_held(states, layers, tokens):
                yield missing + more + kinds, ELEMENT_BYTES * width * times * held


def widths(given: Given) -> Iterator[Way]:
    """Elements that a layer keeps of a token."""
    text = given.text
    derived = text["hidden_size"] / text["num_attention_heads"]
    dim = text.get("head_dim") or derived
    for wide, size in (((), dim), ((DERIVED,) if derived != dim else (), derived)):
        yield wide, 2 * text["num_key_value_heads"] * size
        yield (*wide, QUERY), 2 * text["num_attention_heads"] * size


def latent_widths(given: Given, latent: Latent) -> Iterator[Way]:
    """Of MLA, as if heads kept keys and values: of a divided width, or by the lengths in a GGUF file."""
    text = given.text
    derived = text["hidden_size"] / text["num_attention_heads"]
    yield (LATENT,), 2 * text["num_key_value_heads"] * derived
    yield (LATENT,), 2 * derived
    yield (LATENT,), text["qk_nope_head_dim"] + latent.rope_dim + text["v_head_dim"]
    yield (LATENT,), 2 * latent.latent + latent.rope_dim


def tokens_held(states: States, layers: int, tokens: int) -> Iterator[Way]:
    """Tokens of all layers together: as they are, every layer full or windowed, or windows reckoned otherwise."""
    full = sum(n for state, n in states if isinstance(state, Full | Latent) and not isinstance(state, Sliding))
    window, near = next(((state.window, n) for state, n in states if isinstance(state, Sliding)), (0, 0))
    yield (), full * tokens + near * window
    if full < layers:
        yield (FULL,), layers * tokens
    if near:
        yield (NEAR,), layers * (padded(min(tokens, window - 1 + 2 * 2048), 16) + 16)  # as vLLM, two batches
        yield (NEAR,), layers * window
        yield (WINDOWS,), layers * (tokens + window) / 2
        yield (WINDOWS,), (full + 1) * tokens + (near - 1) * (window + 2048)  # the logical batch of llama.cpp
