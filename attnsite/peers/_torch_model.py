"""The models of `attnsite/models` in PyTorch: the same parts, parameters and steps, through its autograd and AdamW.

Attention is `scaled_dot_product_attention`, which takes its flash backend on a CPU, and the optimiser is the fused one.
A configuration is anything with the names that `attnsite.models.config.Config` has; parameters come as arrays by name.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

ROPE_BASE = 10000.0


class Twin:
    """Parameters as tensors, and a step of training; `compiled` puts the loss through `torch.compile`."""

    def __init__(self, config: Any, parameters: Mapping[str, np.ndarray], descent: Any, *,
                 compiled: bool = False) -> None:  # fmt: skip
        self.config, self.descent = config, descent
        self.p = {name: torch.tensor(array).requires_grad_() for name, array in parameters.items()}
        matrices = [p for p in self.p.values() if p.ndim > 1]
        others = [p for p in self.p.values() if p.ndim == 1]
        groups = [{"params": matrices, "weight_decay": descent.decay}, {"params": others, "weight_decay": 0.0}]
        self.optimiser = torch.optim.AdamW([group for group in groups if group["params"]], lr=descent.rate,
                                           betas=(descent.beta1, descent.beta2), eps=descent.epsilon,
                                           fused=True)  # fmt: skip
        self.turns = self._turns() if config.positions == "rope" else None
        self.loss = torch.compile(self._loss, dynamic=False) if compiled else self._loss

    def _turns(self) -> tuple[torch.Tensor, torch.Tensor]:
        dim = self.config.head_width
        angles = np.arange(self.config.context)[:, None] * ROPE_BASE ** (-np.arange(0, dim, 2) / dim)
        return torch.tensor(np.cos(angles), dtype=torch.float32), torch.tensor(np.sin(angles), dtype=torch.float32)

    def _attend(self, h: torch.Tensor, layer: int) -> torch.Tensor:
        """h (batch, length, width)"""
        c, (batch, length, _) = self.config, h.shape
        inner, kv = c.heads * c.head_width, c.kv_heads * c.head_width
        q, k, v = (h @ self.p[f"layer{layer}.qkv"]).split([inner, kv, kv], dim=-1)
        q, k, v = (x.view(batch, length, -1, c.head_width).transpose(1, 2) for x in (q, k, v))
        if self.turns:
            q, k = self._rotate(q), self._rotate(k)
        grouped = {"enable_gqa": True} if c.kv_heads != c.heads else {}
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=c.causal, **grouped)
        return mixed.transpose(1, 2).reshape(batch, length, inner) @ self.p[f"layer{layer}.out"]

    def _rotate(self, x: torch.Tensor) -> torch.Tensor:
        assert self.turns
        cosines, sines = (table[: x.shape[2]] for table in self.turns)
        low, high = x.chunk(2, dim=-1)
        return torch.cat([low * cosines - high * sines, high * cosines + low * sines], dim=-1)

    def _norm(self, s: torch.Tensor, joint: int) -> torch.Tensor:
        if f"norm{joint}.gain" not in self.p:
            return s
        return F.layer_norm(s, s.shape[-1:], self.p[f"norm{joint}.gain"], self.p[f"norm{joint}.bias"])

    def logits(self, tokens: torch.Tensor) -> torch.Tensor:
        c = self.config
        s = F.embedding(tokens, self.p["embedding"])
        if c.positions == "learned":
            s = s + self.p["positions"][: tokens.shape[1]]
        h = self._norm(s, 0)
        for j, (kind, layer) in enumerate(c.sublayers):
            if kind == "attention":
                y = self._attend(h, layer)
            else:
                y = F.gelu(h @ self.p[f"layer{layer}.up"], approximate="tanh") @ self.p[f"layer{layer}.down"]
            if c.residual:
                y = y + (s if c.norm == "pre" else h)
            s, h = y, self._norm(y, j + 1)
        return h @ self.p["embedding" if c.tied else "output"].T

    def _loss(self, tokens: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return F.cross_entropy(self.logits(tokens).flatten(0, 1), targets.flatten(), ignore_index=-1)

    def step(self, tokens: np.ndarray, targets: np.ndarray, rate: float) -> float:
        """One step of training; the loss before it."""
        self.optimiser.zero_grad(set_to_none=True)
        loss = self.loss(torch.tensor(tokens), torch.tensor(targets))
        loss.backward()
        if self.descent.clip:
            torch.nn.utils.clip_grad_norm_(self.p.values(), self.descent.clip)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        self.optimiser.step()
        return float(loss.detach())
