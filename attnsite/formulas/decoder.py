"""A decoder as what its layers hold and keep: sums of parameters, of bytes, and of what a decode step reads."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property

from attnsite.formulas.counts import Count
from attnsite.formulas.dtypes import BF16, Dtype
from attnsite.formulas.layouts import Layout, growth


@dataclass(frozen=True)
class Experts:
    """`count` of them, of `size` parameters each, of which a token is sent to `chosen`."""

    count: int = 0
    chosen: int = 0
    size: int = 0

    def read(self, tokens: int) -> float:
        """How many are expected to be read for so many tokens, if each chose by chance: E (1 − (1 − k/E)^n)."""
        if not self.count:
            return 0.0
        return self.count * (1 - (1 - min(self.chosen, self.count) / self.count) ** tokens)


@dataclass(frozen=True)
class Mixer:
    """What mixes tokens in a layer: its parameters, its own norms among them, and its states. `pair` are multiply-adds
    of all heads for a visible pair of query and key; 0 where they are not modelled: sparse, linear and cross layers."""

    parameters: int
    states: tuple[Layout, ...] = ()
    experts: Experts = Experts()
    pair: int = 0


@dataclass(frozen=True)
class Mlp:
    """A layer's MLP: `parameters` are what every token meets: a dense MLP, shared experts, the router."""

    parameters: int = 0
    experts: Experts = Experts()


@dataclass(frozen=True)
class Layer:
    """`other` are norms, residual scales and whatever else every token meets."""

    kind: str
    mixer: Mixer
    mlp: Mlp = Mlp()
    other: int = 0

    @cached_property
    def experts(self) -> tuple[Experts, ...]:
        return tuple(experts for experts in (self.mixer.experts, self.mlp.experts) if experts.count)

    @cached_property
    def dense(self) -> int:
        return self.mixer.parameters + self.mlp.parameters + self.other

    @cached_property
    def parameters(self) -> int:
        return self.dense + sum(experts.count * experts.size for experts in self.experts)


@dataclass(frozen=True)
class Ends:
    """What is not in a layer. `rows` are tables of which a token takes a row: embeddings that are not the output
    layer's matrix, positions. `other`: final norm, blocks that several layers share."""

    rows: int
    output: int
    other: int = 0


@dataclass(frozen=True)
class Decoder:
    """A model, read from a config. `trace` says for each value which key it came from, `source` where in transformers
    the layout stands, `notes` what to know of this reading. An encoder's parameters are in `encoder`. `quantized` are
    the dtypes in which a file says that its routed experts and its other layers are stored, "" for `dtype`;
    `positions` the tokens that it says it is made for, 0 where it does not."""

    model_type: str
    layers: tuple[Layer, ...]
    ends: Ends
    source: str = ""
    encoder: int = 0
    dtype: str = ""
    quantized: tuple[str, str] = ("", "")
    positions: int = 0
    trace: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @cached_property
    def parameters(self) -> int:
        """All of them, a tied matrix once: as `model.num_parameters()` counts."""
        ends = self.ends.rows + self.ends.output + self.ends.other
        return ends + self.encoder + sum(layer.parameters for layer in self.layers)

    @cached_property
    def in_experts(self) -> int:
        """Parameters of routed experts."""
        return sum(e.count * e.size for layer in self.layers for e in layer.experts)

    @cached_property
    def in_layers(self) -> int:
        """Parameters of layers that are in no routed expert."""
        return sum(layer.dense for layer in self.layers)

    @cached_property
    def active(self) -> int:
        """Those that one token meets: of the experts its own; tables count whole, as in published figures."""
        unused = (max(e.count - e.chosen, 0) * e.size for layer in self.layers for e in layer.experts)
        return self.parameters - sum(unused)

    def parts(self) -> dict[str, int]:
        """Parameters by part; they add up to all."""
        found = {
            "embedding": self.ends.rows,
            "encoder": self.encoder,
            "attention or state space": sum(layer.mixer.parameters for layer in self.layers),
            "MLP": sum(layer.mlp.parameters for layer in self.layers),
            "routed experts": sum(e.count * e.size for layer in self.layers for e in layer.experts),
            "norms and other": self.ends.other + sum(layer.other for layer in self.layers),
            "output": self.ends.output,
        }
        return {name: count for name, count in found.items() if count}

    def experts_read(self, tokens: int) -> float:
        """Parameters of routed experts that so many tokens are expected to read, by chance."""
        return sum(e.read(tokens) * e.size for layer in self.layers for e in layer.experts)

    def met_in_a_step(self) -> int:
        """Parameters of the layers that one token is multiplied with: of the experts its own; no norms, no ends."""
        chosen = (min(e.chosen, e.count) * e.size for layer in self.layers for e in layer.experts)
        return sum(layer.mixer.parameters + layer.mlp.parameters for layer in self.layers) + sum(chosen)

    def pairs(self, visible: Callable[[Layout], int]) -> int:
        """Multiply-adds of attention, for as many pairs of query and key as `visible` says of a layer's first state."""
        mixers = (layer.mixer for layer in self.layers if layer.mixer.pair and layer.mixer.states)
        return sum(mixer.pair * visible(mixer.states[0]) for mixer in mixers)

    def states(self) -> dict[Layout, int]:
        """Every layout and the number of layers that have it, in order of first appearance."""
        found: dict[Layout, int] = {}
        for layer in self.layers:
            for state in layer.mixer.states:
                found[state] = found.get(state, 0) + 1
        return found

    def kv_bytes(self, count: Count, batch: int = 1, dtype: Dtype = BF16, model: Dtype = BF16) -> int:
        """Bytes of all states of so many sequences."""
        each = (layers * state.kept(count).bytes(dtype, model) for state, layers in self.states().items())
        return batch * sum(each)

    def kv_elements_per_token(self, tokens: int) -> Fraction:
        """Elements that one more token adds once there are so many."""
        return sum((layers * growth(state, tokens) for state, layers in self.states().items()), Fraction(0))
