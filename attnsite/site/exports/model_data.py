"""The models and devices of the calculator as data for programs and for its own page: `models.json`, `devices.json`.

`docs/assets/models.schema.json` and `devices.schema.json` describe them. What a model keeps is computed here, by the
formulas, so that a program that wants a number needs none of its own.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

from attnsite.formulas import config, devices, models
from attnsite.formulas.cost import Cost
from attnsite.formulas.counts import Count
from attnsite.formulas.devices import Device
from attnsite.formulas.models import Model
from attnsite.site import disk_cache
from attnsite.site.about import Site
from attnsite.site.disk_cache import Cache

FORMAT = 1
MODELS, DEVICES = "models.json", "devices.json"
SCHEMAS = {MODELS: "assets/models.schema.json", DEVICES: "assets/devices.schema.json"}
CONTEXTS = (8192, 32768, 131072, 1048576)


def code() -> str:
    """The hash of all formulas and tables: families of them are imported by no name that could be followed."""
    folder = Path(models.__file__).parent
    found = sorted(path for path in folder.rglob("*") if path.suffix in (".py", ".json", ".csv"))
    return hashlib.sha256(b"\0".join(path.name.encode() + path.read_bytes() for path in found)).hexdigest()


def files(cache: Cache, site: Site) -> dict[str, str]:
    """Both files, kept from build to build."""
    made_from = ("model_data", code(), disk_cache.code_of(Path(__file__)), site.at(""))
    return dict(cache.kept(made_from, lambda: made(site)))


def made(site: Site) -> dict[str, str]:
    """Both files, one entry a line, so that a difference can be read."""
    known = {"transformers": config.version()}
    return {
        MODELS: written(site, MODELS, known, "models", [model(one) for one in models.load().values()]),
        DEVICES: written(site, DEVICES, {}, "devices", [device(one) for one in devices.load().values()]),
    }


def written(site: Site, name: str, more: dict[str, Any], key: str, entries: list[dict[str, Any]]) -> str:
    head = {"format": FORMAT, "schema": site.at(SCHEMAS[name]), **more}
    top = "".join(f" {json.dumps(field)}: {json.dumps(value)},\n" for field, value in head.items())
    lines = ",\n".join(json.dumps(each, ensure_ascii=False, separators=(",", ":")) for each in entries)
    return f'{{\n{top} "{key}": [\n{lines}\n]}}\n'


def model(one: Model) -> dict[str, Any]:
    """A model: its row, and what the formulas make of it: weights as released, and in bf16 the cache of one sequence,
    the newest token in its window."""
    published, usual = one.published, cost(one, CONTEXTS[0])
    per_token = usual.kv_bytes_per_token
    return {
        "slug": one.slug,
        "name": one.name,
        "maker": one.maker,
        "year": one.year,
        "context": one.context,
        "aliases": list(one.aliases),
        "config": one.config,
        "config_from": one.config_from,
        "source": one.source,
        "source_url": one.source_url or None,
        "published": published
        and {
            "parameters": published.parameters,
            "text": published.text,
            "source": published.source,
            "why": published.why,
        },
        "parameters": usual.decoder.parameters,
        "active_parameters": usual.decoder.active,
        "weight_dtype": usual.stored.name,
        "weight_bytes": usual.weight_bytes,
        "kv_bytes_per_token": int(per_token) if per_token.denominator == 1 else float(per_token),
        "kv_bytes": {str(tokens): cost(one, tokens).kv_bytes for tokens in CONTEXTS},
    }


def cost(one: Model, tokens: int) -> Cost:
    return Cost(one.decoder(), Count(tokens))


def device(one: Device) -> dict[str, Any]:
    """A device: its row, peaks by dtype where they are known."""
    several = len(one.memory_options_gb) > 1
    return {
        "key": one.key,
        "name": one.name,
        "vendor": one.vendor,
        "kind": one.kind,
        "year": one.year,
        "aliases": list(one.aliases),
        "memory_gb": one.memory_gb,
        **({"memory_options_gb": list(one.memory_options_gb)} if several else {}),
        "unified": one.unified,
        "bandwidth_gb_s": one.bandwidth_gb_s,
        "peaks_tflops": dict(one.peaks_tflops),
        "sources": list(one.sources),
        "place": one.place,
        "confirmed": one.confirmed,
        "note": one.note,
    }
