"""A model: its parameters, and a batch cut into shares that threads take one by one.

How a batch is cut depends on `shares` only, each share is computed by one thread with BLAS on that thread alone, and
sums over shares are added up in one order: results are the same bit for bit for any number of threads. (Another BLAS,
or another processor, may round otherwise.) It is also faster than giving every product to all threads: they meet once
a step, where BLAS and loops that share the work each time would meet a hundred times.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numba import get_num_threads, set_num_threads

from attnsite.kernels.plain.blas import single_blas_thread
from attnsite.models.config import Config, first_values, views
from attnsite.models.decoder import Decoder

SHARES = 4


class Seen(NamedTuple):
    """What a model does with some tokens: for looking at, not for speed."""

    maps: np.ndarray  # (layers, batch, heads, queries, keys), the weights of every head
    states: np.ndarray  # (joints, batch, length, width), the residual stream before each sublayer and at the end
    logits: np.ndarray  # (batch, length, vocabulary)


class Model:
    """Parameters and what is computed with them. `gates` (layers, heads): 1 keeps a head, 0 removes it."""

    def __init__(self, config: Config, seed: int = 0, *, shares: int = SHARES, dtype: Any = np.float32) -> None:
        self.config, self.seed, self.shares, self.dtype = config, seed, shares, dtype
        self.flat = first_values(config, seed).astype(dtype)
        self.gates = np.ones((config.layers, config.heads), dtype)
        self.gate_gradients = np.zeros_like(self.gates)
        self._decoders: dict[tuple[int, int, int], Decoder] = {}
        self._made: np.ndarray = np.zeros((0, 0), dtype)

    @property
    def parameters(self) -> dict[str, np.ndarray]:
        """Each parameter by name: a view of `flat`, which may be written to."""
        return views(self.config, self.flat)

    def _cut(self, tokens: np.ndarray) -> list[tuple[Decoder, slice]]:
        """The shares of a batch, each with its memory."""
        batch, length = tokens.shape
        if length > self.config.context:
            raise ValueError(f"{length} tokens are more than the context of {self.config.context}")
        made, start = [], 0
        for share in range(min(self.shares, batch)):
            size = batch // self.shares + (share < batch % self.shares) if batch >= self.shares else 1
            key = share, size, length
            if key not in self._decoders:
                self._decoders[key] = Decoder(self.config, size, length, self.dtype)
            made.append((self._decoders[key], slice(start, start + size)))
            start += size
        return made

    def _gates(self, asked: bool = False) -> np.ndarray | None:
        return self.gates if asked or (self.gates != 1).any() else None

    def losses(self, tokens: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """Each token's loss in nats, (batch, length); 0 where the target is −1."""
        found, gates = np.empty(tokens.shape, self.dtype), self._gates()

        def work(decoder: Decoder, part: slice) -> None:
            decoder.forward(self.flat, tokens[part], gates)
            found[part] = decoder.lose(targets[part], 0.0).reshape(found[part].shape)

        spread([(work, cut) for cut in self._cut(tokens)])
        return found

    def loss(self, tokens: np.ndarray, targets: np.ndarray) -> float:
        """The mean loss over all targets that are asked for."""
        return float(self.losses(tokens, targets).sum(dtype=np.float64) / max(1, (targets >= 0).sum()))

    def gradients(self, tokens: np.ndarray, targets: np.ndarray, *, of_gates: bool = False) -> tuple[float, np.ndarray]:
        """The mean loss, and each share's part of its gradient (shares, numbers), to be added up.

        Valid until the next call. With `of_gates`, `gate_gradients` (layers, heads) is filled too: how fast the loss
        changes as a head is turned up, the measure of a head's importance of Michel et al. 2019 without its sign.
        """
        share, gates, cuts = 1 / max(1, int((targets >= 0).sum())), self._gates(of_gates), self._cut(tokens)
        if self._made.shape != (len(cuts), len(self.flat)):
            self._made = np.zeros((len(cuts), len(self.flat)), self.dtype)

        def work(decoder: Decoder, part: slice, gradient: np.ndarray) -> float:
            decoder.forward(self.flat, tokens[part], gates)
            loss = decoder.lose(targets[part], share).sum(dtype=np.float64)
            decoder.backward(self.flat, tokens[part], gates, gradient)
            return float(loss)

        losses = spread([(work, (*cut, made)) for cut, made in zip(cuts, self._made, strict=True)])
        if of_gates:
            self.gate_gradients[...] = sum(decoder.d_gates for decoder, _ in cuts)
        return sum(losses) * share, self._made

    def look(self, tokens: np.ndarray) -> Seen:
        """Every head's map and every state, in plain NumPy from the queries and keys that the kernels were given."""
        config, (batch, length) = self.config, tokens.shape
        decoder = Decoder(config, batch, length, self.dtype)
        with single_blas_thread():
            logits = decoder.forward(self.flat, tokens, self._gates()).reshape(batch, length, -1)
        maps = np.empty((config.layers, batch, config.heads, length, length), self.dtype)
        for layer in range(config.layers):
            q, k, _ = decoder.heads_of(decoder.qkv[layer])
            k = np.repeat(k, config.heads // config.kv_heads, axis=1)
            scores = q @ k.swapaxes(2, 3) / np.sqrt(self.dtype(config.head_width))
            if config.causal:
                scores[..., ~np.tri(length, dtype=bool)] = -np.inf
            weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
            maps[layer] = weights / weights.sum(axis=-1, keepdims=True)
        states = np.stack(decoder.s if config.norm == "pre" else decoder.h)
        return Seen(maps, states.reshape(len(states), batch, length, -1), logits)


def spread(jobs: list[tuple[Callable[..., Any], tuple]]) -> list[Any]:
    """Do all jobs on as many threads as Numba has, BLAS on one in each; their results, in order."""
    threads = min(len(jobs), get_num_threads())
    with single_blas_thread():
        if threads == 1:
            before = get_num_threads()
            set_num_threads(1)
            try:
                return [_quiet(job, arguments) for job, arguments in jobs]
            finally:
                set_num_threads(before)
        waiting = [_pool(threads).submit(_quiet, job, arguments) for job, arguments in jobs]
        return [future.result() for future in waiting]


def _quiet(job: Callable[..., Any], arguments: tuple) -> Any:
    """A model that diverges is a result: its infinities are no news."""
    with np.errstate(all="ignore"):
        return job(*arguments)


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, "attnsite-models", initializer=set_num_threads, initargs=(1,))
