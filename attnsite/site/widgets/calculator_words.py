"""What the calculator says of a model: the sentence and the four figures. Run here for the page as it is built, and in
the browser, translated by `attnsite/site/javascript`, for whatever a reader picks: so it keeps to plain Python.
"""

from dataclasses import dataclass
from html import escape

from attnsite.formulas.cost import Cost
from attnsite.formulas.counts import Count
from attnsite.formulas.devices import Device
from attnsite.formulas.layouts import Compressed, Full, Indexer, Latent, Layout, Sliding, growth
from attnsite.records.quantity import Quantity

KINDS = {
    "derived": "counted from the config by a formula",
    "cited": "as the maker of the device prints it",
    "modelled": "a bound by bandwidth and peak rate: nothing real is faster",
}
SIZES = ("num_hidden_layers", "hidden_size", "num_attention_heads", "intermediate_size", "vocab_size")


@dataclass(frozen=True)
class Chosen:
    """A model under its name and what it is asked to do. The cost has a
    device, always; `devices` are all that there are; `slug` names the model's own page, "" where it has none. `limit`
    is the number of tokens that the model is made for, 0 where nobody says."""

    name: str
    cost: Cost
    device: Device
    devices: tuple[Device, ...]
    slug: str = ""
    limit: int = 0


def size(count: float) -> str:
    return str(Quantity(count, "B"))


def many(count: int, word: str) -> str:
    return f"{count:,} {word}{'s' * (count != 1)}"


def kind(names: list[str]) -> str:
    """The kinds of a number, for who asks what it rests on."""
    told = "; ".join(f"{name}: {KINDS[name]}" for name in names)
    return f'<span class="calc-kind" title="{escape(told)}">{", ".join(names)}</span>'


def machines(one: Chosen) -> str:
    """The device, and how many where there are several."""
    return one.device.name if one.cost.ranks == 1 else f"{one.cost.ranks} × {one.device.name}"


def gigabytes(device: Device) -> str:
    return f"{Quantity(device.memory_gb)!s} GB"


def work(one: Chosen) -> str:
    """Tokens and sequences, as in a sentence."""
    tokens = f"{one.cost.count.tokens:,} tokens"
    return f"{tokens} of context" if one.cost.batch == 1 else f"{one.cost.batch:,} sequences of {tokens}"


def sentence(one: Chosen) -> str:
    """The answer: memory, whether it fits, the speed that it cannot beat."""
    cost, each = one.cost, " on each device" if one.cost.ranks > 1 else ""
    weights = f"{size(rank_weights(cost))} of weights in {cost.stored.name}{released(one)}"
    needs = (
        f"{defaults(one)}{one.name} needs {size(cost.memory_bytes)}{each} at {work(one)}: {weights} and "
        f"{size(cost.kv_bytes)} of KV cache in {cost.kv.name}."
    )
    if cost.weights is None and any(note.startswith("quantization_config") for note in cost.decoder.notes):
        needs += f" Its config names a quantization: choose it, weights are counted in {cost.stored.name}."
    if one.limit and cost.count.tokens > one.limit:
        needs += f" The model supports {one.limit:,} tokens; this is extrapolated."
    if not cost.fits:
        more = cost.devices_needed()
        remedy = f"; {more} of them would hold it" if more else ""
        return f"{needs} That does not fit on {machines(one)} with {gigabytes(one.device)}{each}{remedy}."
    spare = one.device.memory_bytes - cost.memory_bytes
    close = ""
    if 9 * spare < cost.memory_bytes:
        close = f", with {size(spare)} to spare for activations and the engine's buffers"
    return (
        f"{needs} It fits on {machines(one)} with {gigabytes(one.device)}{each}{close}, and decodes at most "
        f"{speed(one)}."
    )


def released(one: Chosen) -> str:
    """That weights are counted as they were released, where that is not in one dtype of 16 bits or more."""
    experts, layers = one.cost.decoder.quantized
    if one.cost.weights is not None or not (experts or layers):
        return ""
    return ", as released," if one.slug else ", as its config says,"


def defaults(one: Chosen) -> str:
    """Which sizes are not in a pasted config and are those of its class; nothing of a model of the list."""
    if one.slug:
        return ""
    trace = one.cost.decoder.trace
    absent = [name for name, source in trace.items() if is_size(name) and " absent: default of " in source]
    if not absent:
        return ""
    return f"Not in the config, and taken from its class: {', '.join(absent)}. "


def is_size(name: str) -> bool:
    """Whether a value is one of the sizes that every file has to name to be of a model of its own."""
    return any(name == size or name.endswith(f".{size}") for size in SIZES)


def speed(one: Chosen) -> str:
    """Tokens a second of the batch, and of each sequence where there are several."""
    whole = rate(one.cost.batch / decode_seconds(one))
    if one.cost.batch == 1:
        return whole
    return f"{whole} in all, {Quantity(1 / decode_seconds(one))!s} for each sequence"


def rate(tokens: float) -> str:
    return f"{Quantity(tokens)!s} tokens/s"


def rank_weights(cost: Cost) -> int:
    """Bytes of weights on one device."""
    return -(-cost.weight_bytes // cost.ranks)


def decode_seconds(one: Chosen) -> float:
    bandwidth, peak = one.device.rates(one.cost.weight_dtype.name)
    return one.cost.decode.seconds(bandwidth, peak)


def prompt_seconds(one: Chosen) -> float:
    bandwidth, peak = one.device.rates(one.cost.weight_dtype.name)
    return one.cost.prompt.seconds(bandwidth, peak)


def limit(one: Chosen, phase: str) -> str:
    """What a phase is bound by, in the field's word."""
    bandwidth, peak = one.device.rates(one.cost.weight_dtype.name)
    found = (one.cost.decode if phase == "decode" else one.cost.prompt).limit(bandwidth, peak)
    if not peak:
        return "by bandwidth alone: no peak rate is published"
    return "compute-bound" if found == "compute" else "memory-bound"


def token_formula(cost: Cost) -> str:
    """What one more token adds, with the numbers in it: layers whose window is full and constant states add nothing."""
    parts = [added(cost, state, layers) for state, layers in cost.states.items() if growth(state, cost.count.tokens)]
    if parts:
        return " + ".join(parts)
    windows = [state.window for state in cost.states if isinstance(state, Sliding)]
    if not windows:
        return "no layer keeps more for a further token"
    first = Cost(cost.decoder, Count(1), cost.batch, cost.kv, cost.weights, cost.ranks, cost.device)
    return (
        f"all windows are full: {size(float(first.kv_bytes_per_token))} for each of the first {min(windows):,} tokens"
    )


def added(cost: Cost, state: Layout, layers: int) -> str:
    if isinstance(state, Compressed):
        return f"{layers} × {state.width:,} / {state.rate} × {cost.kv.element}"
    if isinstance(state, Full | Latent | Indexer):
        return f"{layers} layers × {state.token_formula} × {cost.kv.element}"
    return f"{layers} × {state.name}"


def holders(one: Chosen) -> list[Device]:
    """The devices whose memory holds it, as many of each as are asked for; the smallest first."""
    fitting = [device for device in one.devices if one.cost.memory_bytes <= device.memory_bytes]
    return sorted(fitting, key=lambda device: (device.memory_bytes, device.name))


def figure(title: str, value: str, told: str, kinds: str) -> str:
    return f"<div><dt>{title}</dt><dd><strong>{value}</strong> <span>{told}</span> {kinds}</dd></div>"


def figures(one: Chosen) -> str:
    """The four figures, as a list of terms."""
    cost = one.cost
    per_token = float(cost.kv_bytes_per_token)
    share = str(Quantity(cost.memory_bytes / one.device.memory_bytes, "%"))
    fit = f"{share} of {machines(one)}" if cost.fits else f"too much for {machines(one)} ({gigabytes(one.device)})"
    held = f"fits on {len(holders(one))} of {len(one.devices)} devices"
    each = ", each device" if cost.ranks > 1 else ""
    work_of = f"{cost.count.tokens:,} × {many(cost.batch, 'sequence')}, {cost.kv.name}"
    prompts = "first token" if cost.batch == 1 else f"all {cost.batch:,} prompts"
    first = f"{prompts} ≥ {Quantity(prompt_seconds(one), 's')!s}, {limit(one, 'prefill')}"
    return (
        '<dl class="calc-figures">'
        + figure(f"KV cache per token{each}", size(per_token), escape(token_formula(cost)), kind(["derived"]))
        + figure(f"KV cache{each}", size(cost.kv_bytes), work_of, kind(["derived"]))
        + figure(f"Memory{each}", size(cost.memory_bytes), f"{escape(fit)}; {held}", kind(["derived", "cited"]))
        + figure("Decode", f"≤ {rate(cost.batch / decode_seconds(one))}", f"{limit(one, 'decode')}; {first}",
                 kind(["modelled"]))
        + "</dl>"
    )  # fmt: skip
