"""JAX's `jax.nn.dot_product_attention`, compiled by XLA for the CPU.

XLA has no fused attention on a CPU: it computes the scores of all heads, a softmax whose steps it joins into few
passes, and the second product.

JAX wants heads after tokens, (batch, tokens, heads, dim), so the arrays are laid out that way and become JAX's own
before the clock starts, as they would in a program written with JAX; compiling is not timed either. A call ends when
its result is ready. `attention` turns the result back and copies it, `prepare` shows it turned, without a copy.
`is_causal` is aligned at the top left, so a boolean mask says bottom right where queries and keys differ in number.

XLA fixes its threads when it starts. `use_threads` settles them before the first call, from the variable NPROC that
XLA asks; another number later in the same process is refused.
"""

import os
from collections.abc import Callable

import jax
import numpy as np

from attnsite.peers import _mask

DEVICE = "cpu"
_started: list[int] = []  # the threads that XLA started with, once it has


def attention(q, k, v, out, *, causal):
    """q, out (batch, heads, queries, dim); k, v (batch, kv_heads, keys, dim); all float32."""
    out[...] = prepare(q, k, v, causal=causal)()


def prepare(q: np.ndarray, k: np.ndarray, v: np.ndarray, *, causal: bool) -> Callable[[], np.ndarray]:
    """The call, compiled: each makes a new output, seen as (batch, heads, queries, dim)."""
    inputs, compute = _lay_out(q, k, v, causal)
    compiled = jax.jit(compute).lower(*inputs).compile()
    return lambda: np.asarray(compiled(*inputs).block_until_ready()).swapaxes(1, 2)


def prepare_gradients(q: np.ndarray, k: np.ndarray, v: np.ndarray, dout: np.ndarray, *,
                      causal: bool) -> Callable[[], list[np.ndarray]]:  # fmt: skip
    """The backward pass of `jax.vjp`, compiled: each call makes new dq, dk, dv from `dout`, the output's gradient."""
    inputs, compute = _lay_out(q, k, v, causal)
    given = jax.device_put(np.ascontiguousarray(dout.swapaxes(1, 2)), jax.local_devices(backend="cpu")[0])
    _, pull = jax.jit(lambda q, k, v: jax.vjp(lambda *qkv: compute(*qkv, *inputs[3:]), q, k, v))(*inputs[:3])
    compiled = jax.jit(lambda pull, given: pull(given)).lower(pull, given).compile()
    return lambda: [np.asarray(made).swapaxes(1, 2) for made in jax.block_until_ready(compiled(pull, given))]


def _lay_out(q: np.ndarray, k: np.ndarray, v: np.ndarray, causal: bool) -> tuple[list[jax.Array], Callable]:
    """JAX's own arrays, (batch, tokens, heads, dim), with a mask where one is needed, and what to compute from them."""
    queries, keys = q.shape[2], k.shape[2]
    if causal and queries > keys:
        raise NotImplementedError("JAX gives a row that sees no key the mean of all values, not zeros")
    cpu = jax.local_devices(backend="cpu")[0]
    inputs = [jax.device_put(np.ascontiguousarray(array.swapaxes(1, 2)), cpu) for array in (q, k, v)]
    plain = _mask.needs_none(queries, keys, causal)
    if not plain and queries != keys:
        inputs.append(jax.device_put(_mask.bottom_right(queries, keys)[None, None], cpu))

    def compute(q: jax.Array, k: jax.Array, v: jax.Array, mask: jax.Array | None = None) -> jax.Array:
        return jax.nn.dot_product_attention(q, k, v, mask=mask, is_causal=not plain and mask is None)

    return inputs, compute


def use_threads(count: int) -> None:
    """Settle XLA's threads; raises `NotImplementedError` where XLA has started with another number."""
    if not _started:
        os.environ["NPROC"] = str(count)
        jax.local_devices(backend="cpu")
        _started.append(count)
    elif _started[0] != count:
        raise NotImplementedError(f"XLA started with {_started[0]} threads in this process and keeps them")
