"""Published models: of each, the keys of its config.json that the formulas read, where they were read, and the count of
parameters that somebody printed. A model is a file in `published/`, named as its page's address.

`config_from` is "file" where a config.json was read, "code" where another file's constants were, and "class" where the
defaults of the transformers class are those of the checkpoint that it names.
"""

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from attnsite.formulas import config, named
from attnsite.formulas.decoder import Decoder

FOLDER = Path(__file__).parent / "published"
ORIGINS = ("file", "code", "class")
AGREES = 0.01


@dataclass(frozen=True)
class Published:
    """A count as it was printed (`text`, such as "8.03B"), where, and why the formulas' differs if it does."""

    parameters: int
    text: str
    source: str
    why: str = ""

    def agrees(self, parameters: int) -> bool:
        """Within 1 %, or a unit of the last digit that is printed: names are rounded, and as often cut."""
        return abs(parameters - self.parameters) <= max(AGREES * self.parameters, self.unit)

    @property
    def unit(self) -> float:
        """What the last printed digit stands for: 10^9 in 8B, 10^7 in 8.03B."""
        number, suffix = self.text[:-1], self.text[-1]
        decimals = len(number.partition(".")[2])
        return {"M": 1e6, "B": 1e9, "T": 1e12}.get(suffix, 1.0) / 10**decimals


@dataclass(frozen=True)
class Model:
    """`context` is the number of tokens that the config or its maker states, None where nobody does."""

    slug: str
    name: str
    maker: str
    year: int
    context: int | None
    aliases: tuple[str, ...]
    config: Mapping[str, Any]
    config_from: str
    source: str
    source_url: str
    published: Published | None

    @property
    def names(self) -> tuple[str, ...]:
        """What it is found by: slug, name and aliases, with and without their owner."""
        return (self.slug, self.name, *self.aliases, *(alias.rpartition("/")[2] for alias in self.aliases))

    def decoder(self) -> Decoder:
        """The model as the formulas have it. Raises `NotUnderstood`."""
        return _decoder(self.slug)


@functools.cache
def load() -> Mapping[str, Model]:
    """All models by slug, in the order of their names."""
    found = [read(path) for path in sorted(FOLDER.glob("*.json"))]
    return {model.slug: model for model in sorted(found, key=lambda model: _natural(model.name))}


def read(path: Path) -> Model:
    """The model of one file."""
    held = json.loads(path.read_text(encoding="utf-8"))
    published = held.pop("published", None)
    aliases = tuple(held.pop("aliases", ()))
    return Model(path.stem, **held, aliases=aliases, published=published and Published(**published))


def _natural(name: str) -> list[tuple[int, float, str]]:
    """A key by which 8B stands before 70B."""
    parts, digits = [], ""
    for each in name.casefold() + " ":
        if each.isdigit() or (each == "." and digits):
            digits += each
            continue
        if digits:
            parts.append((0, float(digits.rstrip(".").replace(".", "", digits.rstrip(".").count(".") - 1)), ""))
            digits = ""
        parts.append((1, 0.0, each))
    return parts


@functools.cache
def _decoder(slug: str) -> Decoder:
    return config.read_config(load()[slug].config)


def find(name: str) -> Model:
    """The model of this slug, name or alias, in whatever case. Raises `LookupError` with the nearest slugs."""
    return named.find(name, load(), alike=0.6)
