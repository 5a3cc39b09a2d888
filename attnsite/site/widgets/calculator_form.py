"""The calculator's form: which fields it has, what each may hold, and its HTML."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any


@dataclass(frozen=True)
class Field:
    """A whole number between two bounds."""

    name: str
    label: str
    least: int
    most: int


SHAPE = (
    Field("layers", "layers", 1, 10_000),
    Field("width", "hidden size", 1, 10_000_000),
    Field("heads", "query heads", 1, 100_000),
    Field("kv_heads", "KV heads", 1, 100_000),
    Field("dim", "head dimension", 1, 1_000_000),
    Field("mlp_width", "MLP hidden size", 0, 100_000_000),
    Field("vocabulary", "vocabulary", 0, 100_000_000),
)
WINDOWS = (Field("window", "window, tokens", 0, 10**9), Field("windowed", "layers with a window", 0, 10_000))
LATENT = (
    Field("latent", "latent of keys and values", 0, 1_000_000),
    Field("rope_dim", "rotary part of a head", 0, 1_000_000),
    Field("value_dim", "dimension of a value", 0, 1_000_000),
    Field("query_latent", "latent of queries", 0, 1_000_000),
)
EXPERTS = (
    Field("experts", "experts a layer", 0, 1_000_000),
    Field("experts_a_token", "active per token", 0, 1_000_000),
    Field("shared_experts", "shared by all tokens", 0, 1_000_000),
    Field("dense_layers", "layers without experts", 0, 10_000),
    Field("dense_width", "MLP hidden size in these", 0, 100_000_000),
)
WORK = (Field("context", "context length (128k: 131\u202f072)", 1, 10**9), Field("batch", "batch size", 1, 1_000_000))
FOLDED = {"Windows": WINDOWS, "Latent attention (MLA)": LATENT, "Experts": EXPERTS}
BITS = {"32": "32 bits", "16": "16 bits", "8.5": "8.5 bits, blocks of 32 with a scale", "8": "8 bits",
        "4.5": "4.5 bits, blocks of 32 with a scale", "4": "4 bits"}  # fmt: skip
MATRICES = {"3": "gated, three matrices", "2": "plain, two matrices"}
PHASES = {"step": "one decode step", "prompt": "prefill"}


def number(field: Field, value: object) -> str:
    held = f"calc-{field.name}"
    return _held(
        field.name,
        field.label,
        f'<input id="{held}" name="{field.name}" value="{value}" inputmode="numeric" autocomplete="off" '
        f'spellcheck="false" data-least="{field.least}" data-most="{field.most}" aria-describedby="{held}-fault">',
    )


def choice(name: str, label: str, options: Mapping[str, str], value: object) -> str:
    held = f"calc-{name}"
    listed = "".join(
        f'<option value="{escape(key)}"{" selected" if key == str(value) else ""}>{escape(text)}</option>'
        for key, text in options.items()
    )
    return _held(name, label, f'<select id="{held}" name="{name}" aria-describedby="{held}-fault">{listed}</select>')


def _held(name: str, label: str, control: str) -> str:
    return (
        f'<p class="calc-field"><label for="calc-{name}">{label}</label>{control}'
        f'<span class="calc-fault" id="calc-{name}-fault"></span></p>'
    )


def tick(name: str, label: str, on: bool) -> str:
    mark = " checked" if on else ""
    return (
        f'<p class="calc-field is-tick"><input type="checkbox" id="calc-{name}" name="{name}"{mark} '
        f'aria-describedby="calc-{name}-fault"><label for="calc-{name}">{label}</label>'
        f'<span class="calc-fault" id="calc-{name}-fault"></span></p>'
    )


def _set(title: str, *inner: str, name: str = "") -> str:
    return f"<fieldset{f' data-set={name}' if name else ''}><legend>{title}</legend>{''.join(inner)}</fieldset>"


def html(state: Mapping[str, Any], told: Mapping[str, str], models: Sequence[str],
         roofs: Sequence[tuple[str, str]]) -> str:  # fmt: skip
    """The form in a state: a model, its shape, the work and the machine. `told` says where model and roofs are from."""

    def numbers(fields: Sequence[Field]) -> str:
        return "".join(number(field, state[field.name]) for field in fields)

    phases = "".join(
        f'<label><input type="radio" name="phase" value="{key}"{" checked" if key == "step" else ""}>{text}</label> '
        for key, text in PHASES.items()
    )
    folded = "".join(
        f"<details><summary>{title}</summary>{_set(title.split(' (')[0], numbers(fields))}</details>"
        for title, fields in FOLDED.items()
    )
    return (
        '<form id="calc-form" autocomplete="off" novalidate><ul class="calc-faults" data-told="address"></ul>'
        + _set("Model", choice("model", "published model", {name: name for name in models}, state["model"]),
               f'<p class="calc-from" data-told="from">{told["from"]}</p>', name="model")
        + _set("Shape", numbers(SHAPE), choice("mlp_matrices", "MLP", MATRICES, state["mlp_matrices"]),
               tick("tied", "embedding and output layer are one matrix", state["tied"]), folded, name="shape")
        + _set("Work", numbers(WORK), choice("weight_bits", "dtype of weights", BITS, "16"),
               choice("cache_bits", "KV cache dtype", BITS, "16"),
               tick("causal", "causal mask in prefill", True), name="work")
        + _set("Machine", choice("roof", "hardware", dict(roofs), state["roof"]),
               f'<p class="calc-phases" role="radiogroup" aria-label="drawn">{phases}</p>',
               f'<p class="calc-from" data-told="roof">{told["roof"]}</p>', name="machine")
        + '<p class="calc-buttons"><button type="button" data-do="copy">Copy link</button>'
        '<button type="reset">Start again</button><output name="copied" aria-live="polite"></output></p>'
        '</form>'
    )  # fmt: skip
