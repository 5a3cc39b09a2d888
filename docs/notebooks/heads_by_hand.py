# %% [markdown]
# # Heads by hand
#
# Multi-head attention in a few lines of NumPy: cut a width into heads, attend in each, put the results side by side.
# Then the same with the kernels of this site, and a count of what changes with the number of heads.
# Every cell below was executed when this page was built.

# %%
import numpy as np

from attnsite.records import registry
from attnsite.formulas.attention import Attention
from attnsite.records.workload import Workload

width, tokens = 64, 48
rng = np.random.default_rng(0)
x = rng.standard_normal((tokens, width), dtype=np.float32)
w_q, w_k, w_v, w_o = rng.standard_normal((4, width, width), dtype=np.float32) / np.float32(width**0.5)

# %% [markdown]
# ## Cut, attend, concatenate
#
# The projections are the same matrices for any number of heads; only the reading of their columns differs.


# %%
def split(a, heads):
    """(tokens, width) as (heads, tokens, width / heads)."""
    return a.reshape(len(a), heads, -1).transpose(1, 0, 2)


def multi_head(x, heads):
    q, k, v = (split(x @ w, heads) for w in (w_q, w_k, w_v))
    scores = q @ k.transpose(0, 2, 1) / np.float32((width // heads) ** 0.5)  # (heads, tokens, tokens)
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    weights /= weights.sum(-1, keepdims=True)
    return (weights @ v).transpose(1, 0, 2).reshape(len(x), width) @ w_o


{heads: multi_head(x, heads).shape for heads in (1, 4, 16)}

# %% [markdown]
# ## The kernels agree
#
# Each kernel of this site gets `q`, `k` and `v` as `(batch, heads, tokens, dim)` and fills `out`.
# Largest difference from the lines above, for four heads:

# %%
heads = 4
q, k, v = (split(x @ w, heads)[None] for w in (w_q, w_k, w_v))
by_hand = multi_head(x, heads)
differences = {}
for name in ("reference", "cpu_naive", "cpu_blas", "cpu_online"):
    out = np.full_like(q, np.nan)
    registry.module("kernels", name).attention(*(np.ascontiguousarray(a) for a in (q, k, v)), out, causal=False)
    together = out[0].transpose(1, 0, 2).reshape(tokens, width) @ w_o
    differences[name] = float(np.abs(together - by_hand).max())
differences

# %%
assert max(differences.values()) < 1e-5

# %% [markdown]
# ## What changes with the number of heads
#
# Weights and floating-point operations of the two products do not; the number of scores does.

# %%
for heads in (1, 2, 4, 8, 16):
    layer = Attention(width=width, heads=heads, dim=width // heads)
    print(f"{heads:2} heads: {layer.parameters()} weights, {layer.core_flops(tokens, tokens)} FLOPs, "
          f"{layer.scores(tokens, tokens)} exponentials")

# %% [markdown]
# The same at the width of a real model:

# %%
from attnsite.site.pages.notebook_cells import Shown

Shown("flat_and_growing", "heads_by_hand")

# %% [markdown]
# ## One head can hold only so much
#
# The scores of a head have a rank of at most its width, whatever the context.

# %%
for dim in (4, 16, 64):
    q, k, _ = Workload(heads=1, queries=48, keys=48, dim=dim).inputs()
    print(f"width {dim}: rank {np.linalg.matrix_rank(q[0, 0].astype(float) @ k[0, 0].astype(float).T)}")
