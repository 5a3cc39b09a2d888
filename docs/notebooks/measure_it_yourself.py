# %% [markdown]
# # Measure it yourself
#
# This page timed kernels while it was built, with the same code that `attnsite measure` uses: every kernel is checked
# against float64 first, then all are called in turn, and every sample is kept.
# The numbers below belong to the machine that built this copy of the site.

# %%
import statistics

from attnsite.records.workload import Timing, Workload
from attnsite.measure import candidates, machine, clock

workload = Workload(heads=4, queries=256, keys=256, dim=64, causal=True)
experiment = Timing(kernels=("cpu_*",), quick=(workload,), full=(workload,))
machine.describe()["cpu"], machine.threads()

# %% [markdown]
# ## Check, then time
#
# `enter` runs a kernel into an output full of NaN and compares it with float64.
# A kernel that cannot do the workload says why; one that is wrong would be refused here.

# %%
entered = []
for kernel in candidates.matching(experiment.kernels):
    try:
        entered += candidates.enter(kernel, workload, experiment, longest_s=2.0)
    except candidates.Skipped as reason:
        print(f"{kernel}: {reason}")
for _, row in entered:
    print(f"{row.kernel}: largest error {row.max_error:.1e}, allowed {row.bound:.1e}")

# %%
budget = clock.Budget(rounds=7, seconds=0.2)
load = clock.interleave([contestant for contestant, _ in entered], budget)
for contestant, _ in entered:
    median = statistics.median(contestant.samples)
    print(f"{contestant.name}: median {1e3 * median:.2f} ms of {len(contestant.samples)} samples")

# %% [markdown]
# ## Times do not travel, and ratios not far
#
# The fastest and the slowest of these kernels compute the same thing; by how much one is faster depends on the machine
# and on the shape, so a ratio belongs to both.

# %%
medians = {contestant.name: statistics.median(contestant.samples) for contestant, _ in entered}
slowest, fastest = max(medians, key=medians.get), min(medians, key=medians.get)
f"{fastest} is {medians[slowest] / medians[fastest]:.1f} times as fast as {slowest} here"

# %% [markdown]
# ## The reference machine
#
# What the same kernels did on the machine that the text quotes, by the number of heads:

# %%
from attnsite.site.pages.notebook_cells import Shown

Shown("heads_at_fixed_head_width", "measure_it_yourself")
