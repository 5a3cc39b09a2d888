"""What a model is made of: its sizes and parts, its parameters by name, and their first values."""

import math
from dataclasses import dataclass

import numpy as np

CHOICES = {"positions": ("learned", "rope", "none"), "norm": ("pre", "post", "none")}
DECAYED = 2  # dimensions of a parameter from which on weight decay applies: matrices, not gains and biases


@dataclass(frozen=True)
class Config:
    """A decoder. Sizes of 0 mean the usual: as many KV heads as heads, heads of width / heads, no MLP."""

    vocabulary: int = 256
    width: int = 128
    layers: int = 4
    heads: int = 4
    kv_heads: int = 0
    head_width: int = 0
    context: int = 128
    mlp: int = 4  # the hidden width of the MLP in widths
    positions: str = "learned"
    norm: str = "pre"
    residual: bool = True
    causal: bool = True
    tied: bool = True  # the output matrix is the embedding
    first_scale: float = 1.0  # what the first values of all matrices inside the layers are multiplied with

    def __post_init__(self) -> None:
        object.__setattr__(self, "kv_heads", self.kv_heads or self.heads)
        for name, choices in CHOICES.items():
            if getattr(self, name) not in choices:
                raise ValueError(f"{name} is {getattr(self, name)!r}: make it one of {', '.join(choices)}")
        for name in ("vocabulary", "width", "layers", "heads", "kv_heads", "context"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}: make it at least 1")
        if not self.head_width and self.width % self.heads:
            raise ValueError(f"{self.heads} heads do not divide a width of {self.width}: give head_width")
        object.__setattr__(self, "head_width", self.head_width or self.width // self.heads)
        if self.heads % self.kv_heads:
            raise ValueError(f"{self.kv_heads} KV heads do not divide {self.heads} heads")
        if self.positions == "rope" and self.head_width % 2:
            raise ValueError(f"heads of {self.head_width} cannot be rotated in pairs: make their width even")

    @property
    def hidden(self) -> int:
        """The width inside the MLP."""
        return self.mlp * self.width

    @property
    def sublayers(self) -> tuple[tuple[str, int], ...]:
        """What stands one behind another: (kind, layer)."""
        kinds = ("attention", "mlp") if self.mlp else ("attention",)
        return tuple((kind, layer) for layer in range(self.layers) for kind in kinds)

    @property
    def norms(self) -> tuple[int, ...]:
        """The joints with a LayerNorm. Joint j lies before sublayer j; the last one before the output."""
        return {"pre": tuple(range(len(self.sublayers) + 1)), "post": tuple(range(1, len(self.sublayers) + 1)),
                "none": ()}[self.norm]  # fmt: skip

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Every parameter's name and shape, in the order in which they lie in memory."""
        inner, kv = self.heads * self.head_width, self.kv_heads * self.head_width
        made: dict[str, tuple[int, ...]] = {"embedding": (self.vocabulary, self.width)}
        if not self.tied:
            made["output"] = (self.vocabulary, self.width)
        if self.positions == "learned":
            made["positions"] = (self.context, self.width)
        for kind, layer in self.sublayers:
            if kind == "attention":
                made[f"layer{layer}.qkv"] = (self.width, inner + 2 * kv)
                made[f"layer{layer}.out"] = (inner, self.width)
            else:
                made[f"layer{layer}.up"] = (self.width, self.hidden)
                made[f"layer{layer}.down"] = (self.hidden, self.width)
        for joint in self.norms:
            made |= {f"norm{joint}.gain": (self.width,), f"norm{joint}.bias": (self.width,)}
        return made

    def group(self, name: str) -> int:
        """The layer that a parameter belongs to; −1 for embeddings, output and what lies behind the last layer."""
        if name.startswith("layer"):
            return int(name.removeprefix("layer").split(".")[0])
        if name.startswith("norm"):
            joint = int(name.removeprefix("norm").split(".")[0])
            sublayer = joint if self.norm == "pre" else joint - 1
            return self.sublayers[sublayer][1] if sublayer < len(self.sublayers) else -1
        return -1

    def count(self) -> int:
        """How many numbers the model has."""
        return sum(math.prod(shape) for shape in self.shapes().values())


def views(config: Config, flat: np.ndarray) -> dict[str, np.ndarray]:
    """Each parameter's place in one flat array."""
    made, start = {}, 0
    for name, shape in config.shapes().items():
        size = math.prod(shape)
        made[name] = flat[start : start + size].reshape(shape)
        start += size
    return made


def first_values(config: Config, seed: int) -> np.ndarray:
    """All parameters before training, flat, float32.

    Normal numbers: embeddings and positions with a standard deviation of 0.02 (GPT-2's), matrices with 1 / √(their
    inputs), and what writes into the residual stream divided by √(sublayers) more, so that its variance does not grow
    with depth (GPT-2's). Each parameter has random numbers of its own, so that models which share a matrix begin with
    the same one.
    """
    flat = np.zeros(config.count(), np.float32)
    for name, place in views(config, flat).items():
        rng = np.random.default_rng([seed, *name.encode()])
        if name.endswith(".gain"):
            place[...] = 1
        elif place.ndim == DECAYED:
            scale = 0.02
            if name.startswith("layer"):
                scale = config.first_scale / math.sqrt(len(place))
                if config.residual and name.endswith((".out", ".down")):
                    scale /= math.sqrt(len(config.sublayers))
            place[...] = rng.standard_normal(place.shape, dtype=np.float32) * np.float32(scale)
    return flat
