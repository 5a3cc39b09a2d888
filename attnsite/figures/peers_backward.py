"""Of the backward pass the fastest other library takes {fastest_full} our time, {fastest_causal} with a causal mask

How many times as long the fastest of the other libraries takes for the gradients of q, k and v as our kernel, one mark
for each shape. Below the line at 1 we lose.

The forward pass is not in these times: each library has made its own and kept what it wants to keep. What is compared
is one call of its backward pass: five matrix products where the weights are computed again, four where a library has
kept them, as PyTorch's math backend does at the price of their memory. An upright
line holds the middle half of the ratios of the rounds, and the level lines are geometric means; both axes are
logarithmic.

A chart of {shapes} marks over the work of one call. In the geometric mean the fastest other library takes
{fastest_full} our time without a mask and {fastest_causal} with a causal one; at the worst shape it takes {worst}, at
the best {best}. We lose at {lost} of the shapes.
"""

from typing import Any

import plotly.graph_objects as go

from attnsite.figures.toolkit import peers
from attnsite.records.quantity import Quantity
from attnsite.records.run_file import Run

EXPERIMENT = "peers_backward"
TITLE_COLUMNS = ("its time / ours",)
OURS = ("cpu_simd_backward",)


def values(run: Run) -> dict[str, Quantity]:
    those = peers.contests(run, OURS)
    errors = [
        contest.ours.max_error / peer.max_error
        for contest in those
        for name, peer in contest.peers.items()
        if name == "peer_torch_flash" and contest.ours.max_error and peer.max_error
    ]
    found = peers.summary(those)
    if errors:
        found["error_over_torch"] = peers.geomean([Quantity(error, "×") for error in errors])
    return found


def tabulate(runs: list[Run]) -> list[dict[str, Any]]:
    return peers.table(runs, OURS)


def draw(runs: list[Run]) -> go.Figure:
    return peers.draw_by_work(runs[0], OURS, products=5)
