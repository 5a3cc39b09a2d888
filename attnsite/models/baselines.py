"""What can be known of a text without attention: the loss of the frequencies of its bytes, and of pairs of them.

Both are counted in the nine tenths that models are trained on, with one added to each count so that no byte is
impossible, and asked of the same held-out bytes as a model, which are few: over other bytes they are others.
"""

from functools import cache

import numpy as np

from attnsite.models.corpus import HELD_OUT, Text, text
from attnsite.models.tasks import Batch

BYTES = 256
_VALIDATION = 2  # what a generator of `training` is for


def validated(length: int, batch: int, sequences: int) -> list[Batch]:
    """The held-out batches on which `training` validates such a plan: tokens and targets, each (sequences, length)."""
    rngs = (np.random.default_rng([_VALIDATION, number]) for number in range(-(-sequences // batch)))
    sizes = (min(batch, sequences - start) for start in range(0, sequences, batch))
    return [Text(length).sample(rng, size, held_out=True) for rng, size in zip(rngs, sizes, strict=True)]


def held_out(length: int, sequences: int, seed: int) -> list[Batch]:
    """Sequences of the last tenth as a generator made from `seed` draws them, in one batch."""
    return [Text(length).sample(np.random.default_rng(seed), sequences, held_out=True)]


def frequencies(batches: list[Batch]) -> float:
    """Nats a byte for who knows how frequent each byte is and nothing else."""
    seen = np.concatenate([targets.ravel() for _, targets in batches])
    return float(-np.log(_single()[seen]).mean())


def pairs(batches: list[Batch]) -> float:
    """Nats a byte for who knows how frequently each byte follows each other one, and the byte before."""
    before, seen = (np.concatenate([part.ravel() for part in parts]) for parts in zip(*batches, strict=True))
    return float(-np.log(_after()[before, seen]).mean())


def _seen() -> np.ndarray:
    source = np.frombuffer(text(), np.uint8)
    return source[: int(len(source) * (1 - HELD_OUT))]


@cache
def _single() -> np.ndarray:
    counts = np.bincount(_seen(), minlength=BYTES) + 1
    share: np.ndarray = counts / counts.sum()
    return share


@cache
def _after() -> np.ndarray:
    """By the byte before, the share of each that follows it."""
    source = _seen().astype(np.int64)
    counts = np.bincount(BYTES * source[:-1] + source[1:], minlength=BYTES**2).reshape(BYTES, BYTES) + 1
    share: np.ndarray = counts / counts.sum(axis=1, keepdims=True)
    return share
