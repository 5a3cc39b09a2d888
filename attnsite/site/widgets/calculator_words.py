"""What the calculator says of a model: the sentence and the four figures. Run here for the page as it is built, and in
the browser, translated by `attnsite/site/javascript`, for whatever a reader picks: so it keeps to plain Python.
"""

from dataclasses import dataclass
from html import escape

from attnsite.formulas.cost import Cost
from attnsite.formulas.devices import Device
from attnsite.formulas.layouts import Compressed, Full, Indexer, Latent, Layout, growth
from attnsite.records.quantity import Quantity

KINDS = {
    "derived": "counted from the config by a formula",
    "cited": "as the maker of the device prints it",
    "modelled": "a bound by bandwidth and peak rate: nothing real is faster",
}


@dataclass(frozen=True)
class Chosen:
    """A model under its name and what it is asked to do. The cost has a
    device, always; `devices` are all that there are; `slug` names the model's own page, "" where it has none."""

    name: str
    cost: Cost
    device: Device
    devices: tuple[Device, ...]
    slug: str = ""


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
    needs = (
        f"{one.name} needs {size(cost.memory_bytes)}{each} at {work(one)}: {size(rank_weights(cost))} of weights in "
        f"{cost.weight_dtype.name} and {size(cost.kv_bytes)} of KV cache in {cost.kv.name}."
    )
    if any(note.startswith("quantization_config") for note in cost.decoder.notes):
        needs += f" Its config names a quantization: choose it, weights are counted in {cost.weight_dtype.name}."
    if not cost.fits:
        more = cost.devices_needed()
        remedy = f"; {more} of them would hold it" if more else ""
        return f"{needs} That does not fit on {machines(one)} with {gigabytes(one.device)}{each}{remedy}."
    spare = one.device.memory_bytes - cost.memory_bytes
    close = ""
    if 9 * spare < cost.memory_bytes:
        close = f", with {size(spare)} to spare for activations and the engine's buffers"
    return (
        f"{needs} It fits on {machines(one)} with {gigabytes(one.device)}{each}{close}, at no more than {speed(one)}."
    )


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
    return " + ".join(parts) if parts else "no layer keeps more for a further token"


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
