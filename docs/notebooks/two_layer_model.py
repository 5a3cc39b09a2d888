# %% [markdown]
# # A two-layer model, its heads and their roles
#
# A model of two layers with four heads each, attention only, is trained here from nothing on sequences that repeat.
# Then its heads are read by what they look at, the induction heads among them are found, and heads are removed.
# It is the model of the question *Do attention heads specialise?*, with fewer
# steps: `STEPS=1400 python docs/notebooks/two_layer_model.py` in a checkout trains it as long as there, in well under
# two minutes on two cores.

# %%
import os

import numpy as np

from attnsite.experiments import _removal, head_roles
from attnsite.models import heads
from attnsite.models.training import Training

steps = int(os.environ.get("STEPS", "900"))
case = {"width": 64, "layers": 2, "heads": 4, "steps": steps}
task = head_roles.TASK
tokens, targets = task.sample(np.random.default_rng(1), 1)
print(f"{head_roles.config(case).count()} parameters; a sequence repeats after {task.periods(tokens)[0]} tokens:")
tokens[0]

# %% [markdown]
# ## Training
#
# Every row has a step's loss. It falls slowly until the model has found out how to look back, and then at once.

# %%
run = Training(head_roles.config(case), task, head_roles.plan(case), seed=0).run()
model = run.model
for step in range(0, steps, max(1, steps // 14)):
    print(f"step {step:5}   loss {run.rows[step]['loss']:.3f}")

# %%
tokens, targets = task.sample(np.random.default_rng(2), 64, held_out=True)
asked = task.repeated(tokens)  # the targets that can be known
seen = model.look(tokens)
right = (seen.logits.argmax(axis=-1) == targets)[asked].mean()
f"{100 * right:.1f} % of the tokens that can be known are right"

# %% [markdown]
# ## Finding the induction heads
#
# `seen.maps` holds every weight, `(layers, batch, heads, queries, keys)`.
# A head's induction score is the mean weight on the tokens that followed the query's token when it stood earlier.

# %%
scores = heads.induction(seen.maps, tokens)
scores.round(2)

# %%
layer, head = np.unravel_index(scores.argmax(), scores.shape)
word, _ = head_roles.spelled()
weights = model.look(word).maps[layer, 0, head]
print(f"layer {layer + 1}, head {head + 1}, over a word that begins again")
for query in range(16, 24):
    key = weights[query].argmax()
    looks, found = (head_roles.LETTERS[word[0, at]] for at in (query, key))
    print(f"“{looks}”, token {query + 1}, puts {weights[query, key]:.2f} on “{found}”, token {key + 1}")

# %% [markdown]
# ## The role of each head
#
# The same for the other scores. A head is named by the greatest of them where that is at least a half.

# %%
roles = head_roles.read(seen.maps, tokens)["roles"]
for layer, names in enumerate(roles):
    print(f"layer {layer + 1}:", ", ".join(names))

# %% [markdown]
# ## Removing heads
#
# A head is removed by its gate. First each alone, then all that share a role.

# %%
data = tokens, targets
whole = _removal.loss_without(model, data, [], asked)
print(f"loss of the whole model: {whole:.3f}")
_removal.rises(model, data, asked).round(3)

# %%
for name in sorted({name for names in roles for name in names}):
    loss = _removal.loss_without(model, data, head_roles.having(roles, name), asked)
    print(f"without all heads of the role “{name}”: {loss:.3f}")

# %% [markdown]
# ## What the study found
#
# Five models from five seeds, with more steps than above: there the roles are the same in each, and which head has them
# is not; after as few steps as above their number differs.

# %%
from attnsite.site.pages.notebook_cells import Shown

Shown("head_roles", "two_layer_model")
