"""Heads taken out of a trained model by their gates: the loss without them, and which of them matter least."""

import numpy as np

from attnsite.models.model import Model
from attnsite.models.tasks import Batch

Head = tuple[int, int]  # layer and place in it


def all_heads(model: Model) -> list[Head]:
    """Every head, the first layer's first."""
    return [(layer, head) for layer in range(model.config.layers) for head in range(model.config.heads)]


def loss_without(model: Model, data: Batch, removed: list[Head], asked: np.ndarray | None = None) -> float:
    """The mean loss with the gates of those heads at 0 and of all others at 1; all are at 1 again afterwards.

    `asked`, bool like the tokens, says which of the targets count; None: all.
    """
    tokens, targets = data
    targets = targets if asked is None else np.where(asked, targets, -1)
    for head in removed:
        model.gates[head] = 0
    try:
        return model.loss(tokens, targets)
    finally:
        model.gates[...] = 1


def rises(model: Model, data: Batch, asked: np.ndarray | None = None) -> np.ndarray:
    """By how much the loss rises when one head alone is removed, in nats: (layers, heads)."""
    whole = loss_without(model, data, [], asked)
    alone = [loss_without(model, data, [head], asked) - whole for head in all_heads(model)]
    return np.array(alone).reshape(model.gates.shape)


def sensitivity(model: Model, data: Batch) -> np.ndarray:
    """How much the loss would change if a head were turned down a little: (layers, heads), in nats.

    The absolute derivative of a sequence's loss by the head's gate, the mean over the sequences, as in Michel et al.
    2019, section 4.1. It asks for no removal, one backward pass for each sequence.
    """
    total = np.zeros(model.gates.shape)
    for tokens, targets in zip(*data, strict=True):
        model.gradients(tokens[None], targets[None], of_gates=True)
        total += abs(model.gate_gradients)
    return total / len(data[0])


def by_layer(sensitivities: np.ndarray) -> np.ndarray:
    """The same divided by each layer's root of the sum of squares, as Michel et al. 2019 do: (layers, heads).

    Heads can then be compared within a layer only: every layer has the same norm, whether it matters or not.
    """
    made: np.ndarray = sensitivities / np.linalg.norm(sensitivities, axis=1, keepdims=True)
    return made


def least_first(importances: np.ndarray) -> list[Head]:
    """The heads in the order in which they are removed: those of the least importance first."""
    places = np.argsort(importances, axis=None, kind="stable")
    return [divmod(int(place), importances.shape[1]) for place in places]
