"""The calculator's form: which fields it has, what each may hold, and its HTML."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from html import escape
from urllib.parse import urlencode

from attnsite.formulas.devices import Device
from attnsite.formulas.dtypes import DTYPES, WEIGHTS
from attnsite.formulas.models import Model

OWN = "own"  # the value of a choice that is none of the lists: the reader's config, the reader's device


@dataclass(frozen=True)
class Field:
    """A whole number between two bounds; `value` is what it starts with."""

    name: str
    label: str
    least: int
    most: int
    value: str


CONTEXT = Field("context", "context length, tokens", 1, 1 << 30, "8k")
BATCH = Field("batch", "batch size, sequences", 1, 1 << 20, "1")
RANKS = Field("devices", "number of devices (tensor parallel)", 1, 4096, "1")
MORE = (
    Field("page", "block size of the cache, tokens", 1, 1 << 16, "1"),
    Field("source", "encoder or image positions", 0, 1 << 24, "0"),
)
OWN_DEVICE = {"memory": "memory, GB", "bandwidth": "bandwidth, GB/s", "peak": "peak, TFLOP/s (0: not known)"}
OWN_VALUES = {"memory": "24", "bandwidth": "1000", "peak": "100"}
CONTEXTS = ("2k", "8k", "32k", "128k", "1M")
STARTS = (  # label, and the address that it stands for
    ("Llama 3.1 8B on an RTX 4090", {"model": "llama-3.1-8b", "context": "32k", "device": "rtx-4090"}),
    ("Llama 3.3 70B on 2 × H100, fp8", {"model": "llama-3.3-70b", "context": "32k", "batch": "8", "weights": "fp8",
                                        "device": "h100-sxm", "devices": "2"}),
    ("DeepSeek V3 on 8 × H200, fp8", {"model": "deepseek-v3", "context": "32k", "batch": "16", "device": "h200-sxm",
                                      "devices": "8"}),
    ("Gemma 3 27B at 128k, q4", {"model": "gemma-3-27b", "context": "128k", "weights": "q4_k", "device": "rtx-5090"}),
    ("Qwen3 30B-A3B on an M4 Max, q4", {"model": "qwen3-30b-a3b", "context": "32k", "weights": "q4_k",
                                        "device": "apple-m4-max"}),
)  # fmt: skip


def number(field: Field) -> str:
    name = f"calc-{field.name}"
    return held(
        field.name, field.label,
        f'<input id="{name}" name="{field.name}" value="{field.value}" inputmode="text" autocomplete="off" '
        f'spellcheck="false" data-least="{field.least}" data-most="{field.most}" aria-describedby="{name}-fault">',
    )  # fmt: skip


def choice(name: str, label: str, options: str) -> str:
    select = f'<select id="calc-{name}" name="{name}" aria-describedby="calc-{name}-fault">{options}</select>'
    return held(name, label, select)


def held(name: str, label: str, control: str, more: str = "") -> str:
    return (
        f'<p class="calc-field"{more}><label for="calc-{name}">{label}</label>{control}'
        f'<span class="calc-fault" id="calc-{name}-fault"></span></p>'
    )


def option(value: str, text: str, chosen: str = "") -> str:
    return f'<option value="{escape(value)}"{" selected" if value == chosen else ""}>{escape(text)}</option>'


def grouped(entries: Iterable[tuple[str, str, str]], chosen: str = "") -> str:
    """Options (group, value, text) under the names of their groups, in the groups' alphabet."""
    groups: dict[str, list[str]] = {}
    for group, value, text in entries:
        groups.setdefault(group, []).append(option(value, text, chosen))
    return "".join(
        f'<optgroup label="{escape(group)}">{"".join(groups[group])}</optgroup>'
        for group in sorted(groups, key=str.casefold)
    )


def dtypes(names: Iterable[str], chosen: str) -> str:
    return "".join(option(name, name, chosen) for name in names)


def html(models: Mapping[str, Model], devices: Mapping[str, Device], model: str, device: str) -> str:
    """The form as it starts: with a model and a device."""
    of_models = [(one.maker, one.slug, one.name) for one in models.values()]
    of_devices = [(one.vendor, one.key, one.name) for one in devices.values()]
    contexts = "".join(f'<button type="button" data-context="{one}">{one}</button>' for one in CONTEXTS)
    own = "".join(
        held(name, label, f'<input id="calc-{name}" name="{name}" value="{OWN_VALUES[name]}" inputmode="decimal" '
             f'autocomplete="off" data-real aria-describedby="calc-{name}-fault">', " data-own hidden")
        for name, label in OWN_DEVICE.items()
    )  # fmt: skip
    starts = "".join(
        f'<button type="button" data-state="{escape(urlencode(state))}">{escape(label)}</button>'
        for label, state in STARTS
    )
    none = option("", "none", "")
    return (
        '<form id="calc-form" autocomplete="off" novalidate><ul class="calc-faults" data-told="address"></ul>'
        f'<div class="calc-chips" data-scrolls role="group" aria-label="Examples">{starts}</div>'
        '<div class="calc-fields">'
        + choice("model", "model", option(OWN, "your config.json") + grouped(of_models, model))
        + number(CONTEXT) + number(BATCH)
        + f'<div class="calc-chips is-contexts" role="group" aria-label="Context lengths">{contexts}</div>'
        + choice("kv", "KV cache dtype", dtypes(DTYPES, "bf16"))
        + choice("weights", "weight dtype", option("", "as released", "") + dtypes(WEIGHTS, "-"))
        + choice("device", "device", option(OWN, "own values") + grouped(of_devices, device))
        + number(RANKS) + own
        + "</div>"
        + '<details class="calc-own"><summary>Any other model: paste, drop or open its config.json</summary>'
        '<p class="calc-field"><label for="calc-config">config.json of the model, to edit or replace</label>'
        '<textarea id="calc-config" name="config" rows="12" spellcheck="false" autocomplete="off" autocapitalize="off" '
        'aria-describedby="calc-config-fault"></textarea></p>'
        '<p class="calc-buttons"><button type="button" data-do="open">Open a file</button> It is read here and sent '
        "nowhere.</p></details>"
        '<ul class="calc-faults" id="calc-config-fault" data-told="config" aria-live="polite"></ul>'
        '<details class="calc-with"><summary>Compare with another model or device</summary><div class="calc-fields">'
        + choice("model2", "second model", none)
        + choice("device2", "second device", none)
        + "</div></details>"
        '<details class="calc-more"><summary>Paging and encoders</summary><div class="calc-fields">'
        + "".join(map(number, MORE)) + "</div></details>"
        '<p class="calc-buttons"><button type="button" data-do="link">Copy link</button>'
        '<button type="button" data-do="markdown">Copy as Markdown</button><button type="reset">Start again</button>'
        '<output name="copied" aria-live="polite"></output></p></form>'
    )  # fmt: skip
