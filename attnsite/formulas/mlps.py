"""MLPs of a layer: dense, or routed experts with shared ones beside them, by the keys of the config."""

from collections.abc import Callable
from dataclasses import dataclass

from attnsite.formulas.architecture import Place
from attnsite.formulas.blocks import gated_mlp, matrix, plain_mlp
from attnsite.formulas.decoder import Experts, Mlp
from attnsite.formulas.keys import Keys
from attnsite.formulas.mixers import Flag, flag
from attnsite.formulas.patterns import sparse_layers


@dataclass(frozen=True)
class Dense:
    """Three matrices where it is gated, else two. `extra` is what an activation or a norm inside has."""

    gated: bool = True
    bias: Flag = False
    size: str = "intermediate_size"
    times: int = 0  # so many times the hidden size, where there is no key
    extra: int = 0
    norm: bool = False  # over the inner width

    def inner(self, keys: Keys) -> int:
        if not self.size:
            return self.times * keys.integer("hidden_size")
        if self.times:
            return keys.integer(self.size, self.times * keys.integer("hidden_size"), why=f"{self.times} × hidden_size")
        return keys.integer(self.size)

    def parameters(self, keys: Keys, inner: int) -> int:
        shape = gated_mlp if self.gated else plain_mlp
        own = self.extra + (inner if self.norm else 0)
        return shape(keys.integer("hidden_size"), inner, flag(keys, self.bias)) + own

    def __call__(self, keys: Keys, place: Place) -> Mlp:
        return Mlp(self.parameters(keys, self.inner(keys)))


def all_sparse(keys: Keys, layers: int) -> list[bool]:
    return [True] * layers


@dataclass(frozen=True)
class Sparse:
    """`count` experts of width `size`, `chosen` of them for a token, a router; shared ones are one MLP whose width is
    their number (`shared`) times `size`, or the key `shared_size`. Where a layer is not sparse, `dense`."""

    count: str = "num_experts"
    chosen: str = "num_experts_per_tok"
    size: str = "moe_intermediate_size"
    shared: str = ""
    shared_size: str = ""
    shared_gate: bool = False
    dense: Dense = Dense()
    where: Callable[[Keys, int], list[bool]] = sparse_layers
    gated: bool = True
    router_bias: Flag = False
    expert_bias: bool = False
    per_expert: int = 0  # parameters that a router has for each expert: a correction that is trained
    extra_vectors: int = 0  # of the hidden size

    def __call__(self, keys: Keys, place: Place) -> Mlp:
        layers = keys.integer("num_hidden_layers", place.index + 1)
        where = self.where(keys, max(layers, place.index + 1))
        count = keys.integer(self.count, 0, least=0)
        if not where[place.index] or not count:
            return self.dense(keys, place)
        hidden, size = keys.integer("hidden_size"), keys.integer(self.size)
        shape = gated_mlp if self.gated else plain_mlp
        each = shape(hidden, size, self.expert_bias)
        common = matrix(hidden, count, flag(keys, self.router_bias)) + self.per_expert * count
        common += self.extra_vectors * hidden
        if inner := self.shared_inner(keys, size):
            common += shape(hidden, inner, flag(keys, self.dense.bias)) + (hidden if self.shared_gate else 0)
        return Mlp(common, Experts(count, keys.integer(self.chosen), each))

    def shared_inner(self, keys: Keys, size: int) -> int:
        if self.shared_size:
            return keys.integer(self.shared_size, 0, least=0, why="none")
        return size * keys.integer(self.shared, 0, least=0, why="none") if self.shared else 0
