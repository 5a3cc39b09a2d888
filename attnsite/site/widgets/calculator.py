"""The calculator's page: answered for one model and whole without a script.

`calculator.js` takes over from there. It reads the same models and devices from a file beside the page and puts the
same parts in their places, made by the same functions: `attnsite/site/javascript` translates them for the browser.
"""

import json

from attnsite.formulas import devices, models
from attnsite.formulas.cost import Cost
from attnsite.formulas.counts import Count
from attnsite.formulas.devices import Device
from attnsite.formulas.models import Model
from attnsite.site.addresses import Page
from attnsite.site.answers import Answers
from attnsite.site.widgets import calculator_form
from attnsite.site.widgets.calculator_blocks import answer, details
from attnsite.site.widgets.calculator_words import Chosen

PAGE = "calculator.md"
PLACE = "<!-- attnsite:calculator -->"
DATA = "calculator/choices.json"
MODEL, DEVICE, TOKENS = "llama-3-8b", "h100-sxm", 8192
FOLDED = {
    "derivation": "Show the derivation",
    "devices": "Devices that hold it",
    "parts": "Parameters by part",
    "phases": "Decode step and prefill: bytes, FLOPs, limit",
    "keys": "Keys of config.json that were read",
}


def data() -> str:
    """What the script reads: every model with its config as JSON text, every device, and the state at the start.

    A config is a text, since 1 and 1.0 are two values and Infinity is one, as the formulas read it.
    """
    told = {
        "models": [
            [
                one.slug,
                one.name,
                one.maker,
                list(one.aliases),
                json.dumps(one.config, separators=(",", ":")),
                limit(one),
            ]
            for one in models.load().values()
        ],
        "devices": [row(one) for one in devices.load().values()],
        "start": {"model": MODEL, "device": DEVICE},
    }
    return json.dumps(told, ensure_ascii=False, separators=(",", ":"))


def row(one: Device) -> list[object]:
    """A device as its class takes it: the fields in their order."""
    return [
        one.key, one.name, one.vendor, one.kind, one.year, list(one.aliases), list(one.memory_options_gb), one.unified,
        one.bandwidth_gb_s, list(one.peaks_tflops.items()), list(one.sources), one.place, one.confirmed, one.note,
    ]  # fmt: skip


def chosen(model: str = MODEL, device: str = DEVICE, tokens: int = TOKENS, batch: int = 1) -> Chosen:
    """A model of the list on a device of the list."""
    every, one = devices.load(), models.load()[model]
    cost = Cost(one.decoder(), Count(tokens), batch, device=every[device])
    return Chosen(one.name, cost, every[device], tuple(every.values()), one.slug, limit(one))


def limit(one: Model) -> int:
    """The tokens that a model is made for, 0 where nobody says."""
    return one.context or one.decoder().positions


def html(known: Answers) -> str:
    """The answer, the form and the second level, for Llama 3 8B."""
    page, parts = Page(PAGE), answer([chosen()]) | details([chosen()])
    form = calculator_form.html(models.load(), devices.load(), MODEL, DEVICE)
    folded = "".join(
        f'<details class="calc-fold"><summary>{title}</summary><div data-block="{name}">{parts[name]}</div></details>'
        for name, title in FOLDED.items()
    )
    return (
        f'<link rel="stylesheet" href="{page.to("assets/play.css")}">\n'
        f'<section class="calculator" data-module="calculator" data-search-exclude>'
        f'<div class="calc-told" data-block="told" role="status">{parts["told"]}</div>'
        f'<p class="calc-fault" data-told="refused"></p>'
        f'<div data-block="figures">{parts["figures"]}</div>{form}'
        '<p class="calc-note is-unscripted">Another model, context or device needs JavaScript here; '
        f'<a href="{page.to("models.md")}">each model has a page without</a>.</p>'
        f'<div class="calc-picture" data-block="chart">{parts["chart"]}</div>{folded}</section>'
    )


BOX = '<div class="calc-box">'


def boxed(table: str) -> str:
    """A table that scrolls sideways where large type makes it wider than the window."""
    return f"{BOX}{table}</div>"
