"""Write attnsite/formulas/class_defaults.json: what the config classes of the installed transformers package set for
keys that a config.json omits, and which common name stands for which of their own.

    python scripts/class_defaults.py     # in an environment that has transformers; needs no network
"""

import dataclasses
import json
import warnings
from pathlib import Path

import transformers
from transformers.models.auto.configuration_auto import CONFIG_MAPPING

from attnsite.formulas.config import supported
from attnsite.formulas.key_names import irrelevant

TARGET = Path(__file__).parents[1] / "attnsite" / "formulas" / "class_defaults.json"
WRAPPED = ("text_config", "llm_config", "language_config", "decoder", "decoder_config")
LONGEST = 8  # of a list: longer ones are made by a rule, which the formulas have


def plain(value: object, depth: int = 0) -> bool:
    """Whether it is a value that a config.json may hold, and no table of something else."""
    if isinstance(value, dict):
        return depth < 2 and all(plain(inner, depth + 1) for inner in value.values())
    if isinstance(value, list | tuple):
        return len(value) <= LONGEST and all(isinstance(x, str | int) for x in value)
    return value is None or isinstance(value, str | int | float)


def declared(cls: type) -> dict[str, object]:
    """The class's own defaults, before `__post_init__` works out what is null: those rules are the formulas'."""
    found = {}
    for field in dataclasses.fields(cls):
        if field.default is not dataclasses.MISSING:
            found[field.name] = field.default
        elif field.default_factory is not dataclasses.MISSING:
            found[field.name] = field.default_factory()
    inherited = {field.name for field in dataclasses.fields(transformers.PreTrainedConfig)}
    own = {name for base in cls.__mro__ if base is not transformers.PreTrainedConfig for name in _annotations(base)}
    return {name: value for name, value in found.items() if name not in inherited or name in own}


def _annotations(base: type) -> set[str]:
    if base in transformers.PreTrainedConfig.__mro__:
        return set()
    return set(getattr(base, "__annotations__", {}))


def inner(name: str, cls: type) -> dict[str, object]:
    """Defaults of an object inside, as DBRX's and MPT's attention."""
    parts = {"attn_config": "AttentionConfig", "ffn_config": "FFNConfig"}
    module = __import__(cls.__module__, fromlist=["x"])
    for other in vars(module).values():
        if isinstance(other, type) and other.__name__.endswith(parts[name]) and dataclasses.is_dataclass(other):
            return keep(declared(other))
    return {}


def keep(values: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in values.items() if plain(value) and not irrelevant(name)}


def entry(model_type: str) -> dict[str, object]:
    cls = CONFIG_MAPPING[model_type]
    values = declared(cls)
    for name in ("attn_config", "ffn_config"):
        if name in values:
            values[name] = inner(name, cls)
    for name in ("encoder", "decoder"):
        if name in values:
            part = getattr(cls(), name)
            values[name] = keep(declared(type(getattr(part, "text_config", part))))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        values["tie_word_embeddings"] = getattr(cls(), "tie_word_embeddings", None)
    names = {common: own for common, own in cls.attribute_map.items() if not irrelevant(common)}
    return {"class": cls.__name__, "names": names, "defaults": keep(values)}


def wrappers(types: set[str]) -> dict[str, dict[str, object]]:
    """Model types that hold a decoder's config inside: under which key, and of which type unless it says so."""
    found = {}
    for model_type, cls in CONFIG_MAPPING.items():
        if model_type in types:
            continue
        try:
            config = cls()
        except Exception:
            continue
        for key in WRAPPED:
            part = getattr(config, key, None)
            if isinstance(part, transformers.PreTrainedConfig) and part.model_type in types:
                tied = getattr(config, "tie_word_embeddings", None)
                found[model_type] = {"key": key, "model_type": part.model_type, "tie_word_embeddings": tied}
                break
    return found


def main() -> None:
    types = supported()
    entries = {model_type: entry(model_type) for model_type in sorted(types)}
    lines = [f"  {json.dumps(name)}: {json.dumps(value, ensure_ascii=False)}" for name, value in entries.items()]
    wrapped = [f"  {json.dumps(n)}: {json.dumps(v)}" for n, v in sorted(wrappers(set(types)).items())]
    text = '{"transformers": %s,\n"classes": {\n%s\n},\n"wrappers": {\n%s\n}}\n'
    TARGET.write_text(text % (json.dumps(transformers.__version__), ",\n".join(lines), ",\n".join(wrapped)), "utf-8")
    print(f"{TARGET.name}: {len(entries)} classes, {len(wrapped)} wrappers, {TARGET.stat().st_size} bytes")


if __name__ == "__main__":
    main()
