"""The models of the calculator: a page each with a permanent address, and an index of all.

Everything on them is a closed form of `attnsite.formulas` with the model's own numbers; nothing is measured here.
"""

import re
from collections.abc import Sequence
from functools import cache
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

from attnsite.formulas import config, devices, models
from attnsite.formulas.cost import Cost
from attnsite.formulas.counts import Count
from attnsite.formulas.dtypes import DTYPES
from attnsite.formulas.models import Model
from attnsite.records.quantity import Quantity
from attnsite.site import disk_cache
from attnsite.site.addresses import Page
from attnsite.site.disk_cache import Cache
from attnsite.site.exports import model_data
from attnsite.site.exports.model_data import CONTEXTS, MODELS
from attnsite.site.pages import front_matter
from attnsite.site.pages.front_matter import head
from attnsite.site.pages.questions import UNSEARCHED
from attnsite.site.tables import Link, table

INDEX = "models.md"  # not models/index.md, which the theme would make the page behind its tab
CALCULATOR = "calculator.md"
READ_FROM = {
    "file": "from a copy of its config.json",
    "code": "from constants in code",
    "class": "from the defaults of its class",
}
WHAT = (
    "Sizes are for one sequence. A window of W tokens counts W, the newest included. Paging overhead, activations and "
    "the engine's own memory come on top."
)
ALLOCATED = "caches_allocated"
FITS_SHOWN = 6
WORD = r"[A-Za-z0-9.]+"


def pages(cache: Cache) -> dict[str, str]:
    """The index and every model's page, by path; kept from build to build."""
    made_from = ("models", model_data.code(), disk_cache.code_of(Path(__file__)), Page(INDEX).to("x.md"))
    return dict(cache.kept(made_from, made))


def made() -> dict[str, str]:
    known = list(models.load().values())
    return {INDEX: index(known)} | {path_of(model): page(model) for model in known}


def path_of(model: Model) -> str:
    return f"models/{model.slug}.md"


@cache
def cost(slug: str, tokens: int, dtype: str = "bf16") -> Cost:
    return Cost(models.load()[slug].decoder(), Count(tokens), kv=DTYPES[dtype])


def size(count: float) -> Quantity:
    return Quantity(float(count), "B")


def tokens(count: int) -> str:
    """8k, 1M: as a context length is called."""
    return f"{count >> 20}M" if count % (1 << 20) == 0 else f"{count >> 10}k"


def index(known: Sequence[Model]) -> str:
    """All models in one table, by name."""
    rows = [row(model) for model in known]
    told = f"KV cache size of {len(known)} LLMs in bf16, per token, at 8k and at 128k tokens, with parameter counts."
    parts = [
        head(INDEX, "KV cache by model", description=told, search={"boost": front_matter.LIST},
             aliases=["model list", "KV cache table", "VRAM by model", "how much memory per model"]),
        "# KV cache by model",
        f"{told} Each model has its own page with its formula and its sources.\n{{ .lead }}",
        "Any other model: [paste its config.json](calculator.md). "
        f'As data: <a href="{Page(INDEX).at(MODELS)}"><code>{MODELS}</code></a> '
        "([fields](reuse.md#models-and-devices)).",
        f'<div class="scrolls is-long" data-search-exclude>{table(rows, "Models")}</div>',
        WHAT,
        "## Check against transformers",
        "The same formulas, compared with what transformers allocates for tiny models of every type.",
        f"```figure\n{ALLOCATED}\n```",
    ]  # fmt: skip
    return "\n\n".join(parts) + "\n"


def row(model: Model) -> dict[str, Any]:
    usual = cost(model.slug, CONTEXTS[0])
    return {
        "model": Link(model.name, Page(INDEX).to(path_of(model))),
        "parameters": Quantity(float(usual.decoder.parameters), "parameters"),
        "KV cache per token": size(float(usual.kv_bytes_per_token)),
        "at 8k tokens": size(usual.kv_bytes),
        "at 128k tokens": size(cost(model.slug, CONTEXTS[2]).kv_bytes),
        "maker": model.maker,
        "year": str(model.year),
    }


def page(model: Model) -> str:
    """One model's: the answer, the table of contexts, layers, derivation, sources."""
    decoder, usual = model.decoder(), cost(model.slug, CONTEXTS[0])
    path = path_of(model)
    answer = lead(model, usual)
    title = f"{model.name}: KV cache and memory"
    parts = [
        head(path, title, description=answer, search={"boost": front_matter.MODEL}, aliases=aliases(model)),
        f"# {escape(title, quote=False)}",
        f"{escape(answer, quote=False)}\n{{ .lead }}",
        f"[Other contexts, batches, dtypes and devices](../{CALCULATOR}?model={quote(model.name, safe='')}) are in the "
        f"calculator, and in `attnsite cost {model.slug} --context 32k --device h100`.\n{UNSEARCHED}",
        f'<div class="scrolls" data-search-exclude>{table(contexts(model), f"KV cache of {model.name} by context")}'
        "</div>",
        f"{WHAT}{beyond(model)}\n{UNSEARCHED}",
        f"## What each layer keeps {UNSEARCHED}",
        f"At {CONTEXTS[0]:,} tokens, in bf16; a state of constant size keeps the dtype that it is named with.",
        "\n".join(layers(usual)),
        f"## Parameters {UNSEARCHED}",
        f'<div class="scrolls" data-search-exclude>{table(parameters(usual), f"Parameters of {model.name}")}</div>',
        agreement(model),
        f"## Which GPUs it fits on {UNSEARCHED}",
        fits(usual),
        f"## Where the numbers come from {UNSEARCHED}",
        sources(model),
        f'<div class="scrolls" data-search-exclude>{table(keys(model), f"Keys of {model.name}")}</div>',
        *(f"- {escape(note, quote=False)}" for note in decoder.notes),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def lead(model: Model, usual: Cost) -> str:
    """One sentence with the figures that people look for."""
    active = usual.decoder.active
    experts = f", {Quantity(float(active), 'parameters')} active per token" if active < usual.decoder.parameters else ""
    grows = usual.kv_bytes_per_token
    token = f"{size(float(grows))} of KV cache per token" if grows else "no further KV cache per token"
    return (
        f"{model.name} takes {token} in bf16, {size(usual.kv_bytes)} at 8k tokens and "
        f"{size(cost(model.slug, CONTEXTS[2]).kv_bytes)} at 128k, on top of {size(usual.weight_bytes)} of "
        f"{usual.stored.name} weights ({Quantity(float(usual.decoder.parameters), 'parameters')} parameters{experts})."
    )


def aliases(model: Model) -> list[str]:
    """The words by which people search for it that its title has not.

    What the title has too would count twice: Qwen3-VL-32B-Instruct would come before Qwen3 32B for who types that.
    """
    said = {word.casefold() for word in re.findall(WORD, model.name)}
    others = [re.findall(WORD, alias.rpartition("/")[2]) for alias in model.aliases]
    found = (" ".join(word for word in words if word.casefold() not in said) for words in others)
    return [*dict.fromkeys(filter(None, found)), "VRAM"]


def contexts(model: Model) -> list[dict[str, Any]]:
    """A row for each context length: the cache in 16 and in 8 bits, and the first with the weights."""
    found = []
    for count in CONTEXTS:
        whole = cost(model.slug, count)
        found.append({
            "context length": tokens(count),
            "KV cache, bf16": size(whole.kv_bytes),
            "KV cache, 8-bit": size(cost(model.slug, count, "fp8").kv_bytes),
            "weights + KV cache, bf16": size(whole.memory_bytes),
        })  # fmt: skip
    return found


def beyond(model: Model) -> str:
    if model.context is None or model.context >= CONTEXTS[-1]:
        return ""
    return f" The model supports {model.context:,} tokens; longer contexts are extrapolated."


def layers(usual: Cost) -> list[str]:
    """Each kind of state with its formula and its bytes, as items of a list."""
    found = []
    for state, count in usual.states.items():
        total = count * usual.bytes_of(state, usual.count)
        held = f"`{usual.formula(state, count)}` = {total:,} bytes, {size(total)}" if total else "nothing of its own"
        found.append(f"- **{state.name}**, {count} layer{'s' * (count > 1)}: {held}")
    return [*found, f"- **all {len(usual.decoder.layers)} layers**: {usual.kv_bytes:,} bytes, {size(usual.kv_bytes)}"]


def parameters(usual: Cost) -> list[dict[str, Any]]:
    counts = {"all": usual.decoder.parameters, **usual.decoder.parts()}
    if usual.decoder.active < usual.decoder.parameters:
        counts["active per token"] = usual.decoder.active
    return [
        {"part": part, "parameters": Quantity(float(count), "count"), "in bf16": size(2 * count)}
        for part, count in counts.items()
    ]


def agreement(model: Model) -> str:
    """How the count compares with the one that was published."""
    published = model.published
    if published is None:
        return "No published count was read."
    where = published.source if published.source == "its name" else f"{escape(published.source, quote=False)}"
    told = f"Published: {published.text} ({where})."
    return f"{told} It differs: {escape(published.why, quote=False)}." if published.why else told


def fits(usual: Cost) -> str:
    """The smallest devices that hold weights and cache at 8k tokens, as the formulas' bytes."""
    known, held = devices.load(), usual.fits_on()
    total = f"Weights in {usual.stored.name} and the cache of one sequence at 8k tokens take "
    if not held:
        return f"{total}{size(usual.memory_bytes)}, more than any one device of this site's table has."
    names = ", ".join(f"{known[key].name} ({known[key].memory_gb:,.0f} GB)" for key in held[:FITS_SHOWN])
    more = f" and {len(held) - FITS_SHOWN} more" if len(held) > FITS_SHOWN else ""
    return (
        f"{total}{size(usual.memory_bytes)} and fit in the memory of {names}{more}. No room is reserved for "
        "activations or the engine."
    )


def sources(model: Model) -> str:
    """Which file the sizes are from, and which class the layout."""
    read = READ_FROM[model.config_from]
    source = escape(model.source, quote=False)
    link = f"[{source}]({model.source_url})" if model.source_url else source
    return (
        f"Sizes are read {read}: {link}. The layout is that of transformers {config.version()}, "
        f"{escape(model.decoder().source, quote=False)}. Everything else is derived."
    )


def keys(model: Model) -> list[dict[str, Any]]:
    """Each value that a formula asked for, and where it came from."""
    found = []
    for name, source in sorted(model.decoder().trace.items()):
        short, value = name.rpartition(".")[2], value_of(model.config, source)
        if value is not None and not isinstance(value, dict):
            text = f"{value}" if not isinstance(value, list) else f"{len(value)} values"
            found.append({"key": short, "value": text, "from": "its config"})
        elif " absent: " in source:
            found.append({"key": short, "value": "–", "from": source.partition(" absent: ")[2]})
    return found


def value_of(held: Any, place: str) -> Any:
    """What a config has under a place such as text_config.hidden_size."""
    for part in place.split("."):
        held = held.get(part) if isinstance(held, dict) else None
    return held
