"""An architecture: how one `model_type` becomes layers. What it is made of are functions of the config's keys."""

from collections.abc import Callable
from dataclasses import dataclass

from attnsite.formulas.decoder import Decoder, Ends, Layer, Mixer, Mlp
from attnsite.formulas.keys import Keys
from attnsite.formulas.patterns import CACHED, kinds

MOST_LAYERS = 1024


@dataclass(frozen=True)
class Place:
    """Where a layer stands: its index, and its kind as `layer_types` calls it."""

    index: int
    kind: str


@dataclass(frozen=True)
class Architecture:
    """`source` is the class of transformers in which the layout stands, in `models/FOLDER/modeling_FOLDER.py`; the
    folder is the model type's own unless it is named. `norms` are vectors of the hidden size in each layer, a bias
    counted as one more."""

    source: str
    mixer: Callable[[Keys, Place], Mixer]
    mlp: Callable[[Keys, Place], Mlp]
    ends: Callable[[Keys], Ends]
    pattern: Callable[[Keys, int], list[str]] = lambda keys, layers: ["full_attention"] * layers
    norms: int | Callable[[Keys, Place], int] = 2
    folder: str = ""
    note: str = ""
    allowed: tuple[str, ...] = ("full_attention", "sliding_attention", "chunked_attention")
    layers: Callable[[Keys], int] = lambda keys: keys.integer("num_hidden_layers")
    encoder: Callable[[Keys], int] = lambda keys: 0
    adjust: Callable[[list[str]], list[str]] = list  # what the class does to kinds that a config names

    def cite(self, model_type: str) -> str:
        folder = self.folder or model_type.replace("-", "_")
        return f"models/{folder}/modeling_{folder}.py: {self.source}"

    def layer(self, keys: Keys, place: Place) -> Layer:
        norms = self.norms if isinstance(self.norms, int) else self.norms(keys, place)
        other = norms * keys.integer("hidden_size") if isinstance(self.norms, int) else norms
        return Layer(place.kind, self.mixer(keys, place), self.mlp(keys, place), other)

    def decoder(self, keys: Keys, model_type: str) -> Decoder:
        """All layers, one after the other."""
        count = self.layers(keys)
        if count > MOST_LAYERS:
            keys.log.fault(keys.place + "num_hidden_layers", f"is {count}, more than {MOST_LAYERS}", "look for a slip")
            count = 1
        found = self.adjust(kinds(keys, count, self.pattern, self.allowed))
        layers = tuple(self.layer(keys, Place(index, kind)) for index, kind in enumerate(found))
        if self.note:
            keys.log.note(self.note)
        unread = [kind for kind in dict.fromkeys(found) if kind not in CACHED]
        if unread:
            keys.log.note(f"layers that keep nothing: {', '.join(unread)}")
        return Decoder(
            model_type, layers, self.ends(keys), self.cite(model_type), self.encoder(keys),
            str(keys.value("dtype") or keys.value("torch_dtype") or ""),
        )  # fmt: skip
