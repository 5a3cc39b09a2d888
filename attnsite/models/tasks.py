"""Two tasks made from a seed that a model solves by attention only: repeated sequences and associative recall.

repeats    7 3 9 4 · 7 3 9 4 · 7 3 …    the period differs from sequence to sequence, so no fixed distance helps:
                                        find the token's last occurrence and copy what came next (induction)
recall     a4 c1 b7 d2 · c? a? d?       pairs of key and value, then keys whose value is asked for
"""

from dataclasses import dataclass

import numpy as np

Batch = tuple[np.ndarray, np.ndarray]  # tokens and targets, int64 (size, length); a target of −1 is not asked for


@dataclass(frozen=True)
class Repeats:
    """Random tokens, repeated from a random place on; every next token is asked for, the first ones in vain.

    With `distinct`, no token occurs twice in a period, so that a token's last occurrence says what follows.
    """

    vocabulary: int = 64
    length: int = 64
    shortest: int = 8  # period
    longest: int = 32
    distinct: bool = False

    def __post_init__(self) -> None:
        if self.distinct and self.longest > self.vocabulary:
            raise ValueError(f"{self.vocabulary} tokens are too few for {self.longest} distinct ones")

    def sample(self, rng: np.random.Generator, size: int, *, held_out: bool = False) -> Batch:
        """There are so many sequences that a held-out one is simply another."""
        periods = rng.integers(self.shortest, self.longest + 1, size)
        if self.distinct:
            fresh = rng.permuted(np.tile(np.arange(self.vocabulary), (size, 1)), axis=1)[:, : self.longest]
        else:
            fresh = rng.integers(0, self.vocabulary, (size, self.longest))
        whole = fresh[np.arange(size)[:, None], np.arange(self.length + 1)[None, :] % periods[:, None]]
        return whole[:, :-1], whole[:, 1:]

    def repeated(self, tokens: np.ndarray) -> np.ndarray:
        """Where a target is a token that came before at the same place of the period: bool, like `tokens`."""
        return np.arange(tokens.shape[1])[None, :] + 1 >= self.periods(tokens)[:, None]

    def periods(self, tokens: np.ndarray) -> np.ndarray:
        """Each sequence's period: the least shift that leaves it as it is."""
        shifts = range(self.shortest, self.longest + 1)
        same = np.stack([(tokens[:, shift:] == tokens[:, :-shift]).all(axis=1) for shift in shifts])
        return self.shortest + same.argmax(axis=0)


@dataclass(frozen=True)
class Recall:
    """`pairs` different keys with a value each, then `asked` of those keys, whose values are the targets."""

    keys: int = 32
    values: int = 32
    pairs: int = 16
    asked: int = 16

    @property
    def vocabulary(self) -> int:
        return self.keys + self.values

    @property
    def length(self) -> int:
        return 2 * self.pairs + self.asked

    def sample(self, rng: np.random.Generator, size: int, *, held_out: bool = False) -> Batch:
        keys = rng.permuted(np.tile(np.arange(self.keys), (size, 1)), axis=1)[:, : self.pairs]
        values = rng.integers(self.keys, self.vocabulary, (size, self.pairs))
        asked = rng.integers(0, self.pairs, (size, self.asked))
        shown = np.stack([keys, values], axis=2).reshape(size, -1)
        tokens = np.concatenate([shown, np.take_along_axis(keys, asked, axis=1)], axis=1)
        targets = np.full_like(tokens, -1)
        targets[:, 2 * self.pairs :] = np.take_along_axis(values, asked, axis=1)
        return tokens, targets
