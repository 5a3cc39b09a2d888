"""One share of a batch, through the decoder and back: all that a thread does on its own, in memory it keeps.

A model is a row of sublayers, attention and MLP in turn, with a joint before each and one before the output:

    s = what came before + the sublayer's result      h = LayerNorm(s), or s itself

With pre-norm s is what the residual carries on and every joint has a norm; with post-norm that is h, and the first
joint has none. Everything a joint or sublayer needs on the way back stays where the way forward has put it.

In float32 attention is `cpu_simd` and `cpu_simd_backward`, which read Q, K and V where the one product of all three
has left them; in float64, which is for checking, it is the reference. Products are NumPy's, hence BLAS.
"""

import math
from typing import Any

import numpy as np

from attnsite.kernels import cpu_simd, cpu_simd_backward, reference
from attnsite.models import _exponentials, _loops
from attnsite.models.config import Config, views

EPSILON = 1e-5  # of LayerNorm
ROPE_BASE = 10000.0
_REGISTER = 16  # floats of the widest register: flat buffers end with whole ones


class Decoder:
    """The memory for `batch` sequences of `length` tokens, and the two ways through it."""

    def __init__(self, config: Config, batch: int, length: int, dtype: Any = np.float32) -> None:
        self.config, self.batch, self.length, self.dtype = config, batch, length, dtype
        rows, width = batch * length, config.width
        inner, kv = config.heads * config.head_width, config.kv_heads * config.head_width
        joints, layers = len(config.sublayers) + 1, config.layers
        self.s = [self._new(rows, width) for _ in range(joints)]
        self.h = [self._new(rows, width) if j in config.norms else self.s[j] for j in range(joints)]
        self.means, self.scales = self._new(joints, rows), self._new(joints, rows)
        self.qkv = [self._new(rows, inner + 2 * kv) for _ in range(layers)]
        self.mixed = [self._new(rows, inner) for _ in range(layers)]  # what attention gives, before the output matrix
        self.gated = [self._new(rows, inner) for _ in range(layers)]
        self.lse = [np.zeros((batch, config.heads, length), dtype) for _ in range(layers)]
        self.hidden = [self._new(rows, config.hidden) for _ in range(layers if config.mlp else 0)]
        self.slopes = [self._new(rows, config.hidden) for _ in range(layers if config.mlp else 0)]
        self.y, self.dh, self.ds = (self._new(rows, width) for _ in range(3))
        self.d_qkv, self.d_mixed = self._new(rows, inner + 2 * kv), self._new(rows, inner)
        self.d_hidden = self._new(rows, config.hidden)
        self.logits, self.losses = self._new(rows, config.vocabulary), np.zeros(rows, dtype)
        self.d_gates = np.zeros((layers, config.heads), dtype)
        self.nothing = np.zeros((0, width), dtype)
        self.share, self.epsilon = dtype(1 / width), dtype(EPSILON)
        self.turns = rope_tables(length, config.head_width, dtype) if config.positions == "rope" else None

    def _new(self, rows: int, columns: int) -> np.ndarray:
        flat = np.zeros(-(-rows * columns // _REGISTER) * _REGISTER, self.dtype)
        return flat[: rows * columns].reshape(rows, columns)

    def forward(self, flat: np.ndarray, tokens: np.ndarray, gates: np.ndarray | None) -> np.ndarray:
        """The logits (rows, vocabulary) of tokens (batch, length); each head's result times its gate, if any."""
        p, config = views(self.config, flat), self.config
        positions = p["positions"] if config.positions == "learned" else self.nothing
        _loops.embed(tokens.reshape(-1), p["embedding"], positions, self.length, self.s[0])
        self._norm(0, p)
        for j, (kind, layer) in enumerate(config.sublayers):
            if kind == "attention":
                self._attend(layer, self.h[j], p, gates)
            else:
                np.matmul(self.h[j], p[f"layer{layer}.up"], out=self.slopes[layer])
                _exponentials.gelu(_whole(self.slopes[layer]), _whole(self.hidden[layer]))
                np.matmul(self.hidden[layer], p[f"layer{layer}.down"], out=self.y)
            carried = (self.s if config.norm == "pre" else self.h)[j] if config.residual else self.nothing
            if j + 1 in config.norms:
                _loops.join_normalise(self.s[j + 1], self.y, carried, *self._gains(j + 1, p), self.share, self.epsilon,
                                      self.h[j + 1], self.means[j + 1], self.scales[j + 1])  # fmt: skip
            else:
                _loops.join(self.s[j + 1], self.y, carried)
        return np.matmul(self.h[-1], p["embedding" if config.tied else "output"].T, out=self.logits)

    def _gains(self, joint: int, p: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        return p[f"norm{joint}.gain"], p[f"norm{joint}.bias"]

    def _norm(self, joint: int, p: dict[str, np.ndarray]) -> None:
        if joint in self.config.norms:
            _loops.normalise(self.s[joint], *self._gains(joint, p), self.share, self.epsilon, self.h[joint],
                             self.means[joint], self.scales[joint])  # fmt: skip

    def heads_of(self, qkv: np.ndarray) -> list[np.ndarray]:
        """q, k and v, (batch, heads, length, head width) each, as they lie in the one product."""
        config, made, start = self.config, [], 0
        for heads in (config.heads, config.kv_heads, config.kv_heads):
            columns = qkv[:, start : start + heads * config.head_width]
            made.append(self._per_head(columns, heads))
            start += heads * config.head_width
        return made

    def _per_head(self, columns: np.ndarray, heads: int) -> np.ndarray:
        return columns.reshape(self.batch, self.length, heads, self.config.head_width).swapaxes(1, 2)

    def _attend(self, layer: int, h: np.ndarray, p: dict[str, np.ndarray], gates: np.ndarray | None) -> None:
        """y = attention(h) times the output matrix."""
        config, qkv, mixed = self.config, self.qkv[layer], self.mixed[layer]
        np.matmul(h, p[f"layer{layer}.qkv"], out=qkv)
        if self.turns:
            _loops.rotate(qkv, config.heads + config.kv_heads, config.head_width, *self.turns, self.dtype(1))
        q, k, v = self.heads_of(qkv)
        out = self._per_head(mixed, config.heads)
        if self.dtype == np.float32:
            cpu_simd.attention(q, k, v, out, causal=config.causal, lse=self.lse[layer])
        else:
            out[...] = reference.rows(q, k, v, np.arange(self.length), causal=config.causal)
        if gates is not None:
            _loops.gate(mixed, gates[layer], config.head_width, self.gated[layer])
            mixed = self.gated[layer]
        np.matmul(mixed, p[f"layer{layer}.out"], out=self.y)

    def lose(self, targets: np.ndarray, share: float) -> np.ndarray:
        """Each row's loss; the logits become the gradient of share · their sum."""
        _exponentials.cross_entropy(self.logits, targets.reshape(-1), share, self.losses)
        return self.losses

    def backward(self, flat: np.ndarray, tokens: np.ndarray, gates: np.ndarray | None, gradient: np.ndarray) -> None:
        """Fill `gradient`, flat like the parameters, from the logits' gradient that `lose` has left."""
        p, g, config = views(self.config, flat), views(self.config, gradient), self.config
        for name, place in g.items():  # the others are written by products
            if not name.startswith("layer"):
                place[...] = 0
        self.d_gates[...] = 0
        output = "embedding" if config.tied else "output"
        np.matmul(self.logits.T, self.h[-1], out=g[output])
        np.matmul(self.logits, p[output], out=self.dh)
        carried = self.nothing
        for j in range(len(config.sublayers), -1, -1):
            self._join_back(j, carried, p, g)
            if j == 0:
                break
            kind, layer = config.sublayers[j - 1]
            if kind == "attention":
                self._attend_back(layer, self.h[j - 1], p, g, gates)
            else:
                np.matmul(self.hidden[layer].T, self.ds, out=g[f"layer{layer}.down"])
                np.matmul(self.ds, p[f"layer{layer}.down"].T, out=self.d_hidden)
                _loops.times(self.d_hidden.reshape(-1), self.slopes[layer].reshape(-1))
                np.matmul(self.h[j - 1].T, self.d_hidden, out=g[f"layer{layer}.up"])
                np.matmul(self.d_hidden, p[f"layer{layer}.up"].T, out=self.dh)
            carried = self.ds if config.residual else self.nothing
        d_positions = g["positions"] if config.positions == "learned" else self.nothing
        _loops.embed_back(tokens.reshape(-1), self.ds, self.length, g["embedding"], d_positions)

    def _join_back(self, j: int, carried: np.ndarray, p: dict[str, np.ndarray], g: dict[str, np.ndarray]) -> None:
        """ds, the gradient of s at joint j, from dh, that of h, and what the residual carries."""
        if j in self.config.norms:
            _loops.normalise_back(self.dh, carried, self.config.norm == "post", self.s[j], p[f"norm{j}.gain"],
                                  self.share, self.means[j], self.scales[j], self.ds, *self._gains(j, g))  # fmt: skip
        else:
            _loops.join(self.ds, self.dh, carried)

    def _attend_back(self, layer: int, h: np.ndarray, p: dict[str, np.ndarray], g: dict[str, np.ndarray],
                     gates: np.ndarray | None) -> None:  # fmt: skip
        """dh and the layer's two gradients, from ds, the gradient of its result."""
        config, mixed = self.config, self.mixed[layer]
        np.matmul((mixed if gates is None else self.gated[layer]).T, self.ds, out=g[f"layer{layer}.out"])
        np.matmul(self.ds, p[f"layer{layer}.out"].T, out=self.d_mixed)
        if gates is not None:
            _loops.gate_back(self.d_mixed, mixed, gates[layer], config.head_width, self.d_gates[layer])
        q, k, v = self.heads_of(self.qkv[layer])
        dq, dk, dv = self.heads_of(self.d_qkv)
        out, dout = self._per_head(mixed, config.heads), self._per_head(self.d_mixed, config.heads)
        if self.dtype == np.float32:
            cpu_simd_backward.gradients(q, k, v, out, self.lse[layer], dout, dq, dk, dv, causal=config.causal)
        else:
            for place, made in zip((dq, dk, dv), reference.gradients(q, k, v, dout, causal=config.causal), strict=True):
                place[...] = made
        if self.turns:
            _loops.rotate(self.d_qkv, config.heads + config.kv_heads, config.head_width, *self.turns, self.dtype(-1))
        np.matmul(h.T, self.d_qkv, out=g[f"layer{layer}.qkv"])
        np.matmul(self.d_qkv, p[f"layer{layer}.qkv"].T, out=self.dh)


def rope_tables(length: int, dim: int, dtype: Any) -> tuple[np.ndarray, np.ndarray]:
    """Cosines and sines (length, dim / 2) of each position's angles, computed in float64."""
    angles = np.arange(length)[:, None] * ROPE_BASE ** (-np.arange(0, dim, 2) / dim)
    return np.cos(angles).astype(dtype), np.sin(angles).astype(dtype)


def _whole(array: np.ndarray) -> np.ndarray:
    """A buffer of `_new` as one flat array of whole registers."""
    base = array.base
    if base is None or math.prod(base.shape) % _REGISTER:
        raise ValueError("not a buffer of this decoder")
    return base
