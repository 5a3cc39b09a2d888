"""Backward: {fastest_full} as fast as the fastest library, {fastest_causal} with a causal mask

Speed-up of the gradients of q, k and v over the fastest of the other libraries, one mark for each shape. Above 1 the
kernel is faster.

The forward pass is not in these times: each library has made its own and kept what it wants to keep. What is compared
is one call of its backward pass: five matrix products where the attention weights are recomputed, four where a library
has kept them, as PyTorch's math backend does at the price of their memory. An upright line is the interquartile range
of the ratios of the rounds, and the level lines are geometric means; both axes are logarithmic.

A chart of {shapes} marks over the work of one call. In the geometric mean the kernel is {fastest_full} as fast as the
fastest other library without a mask and {fastest_causal} with a causal one; at the worst shape it is {worst}, at the
best {best}. It is slower at {lost} of the shapes.
"""

from typing import Any

import plotly.graph_objects as go

from attnsite.figures.toolkit import peers
from attnsite.records.quantity import Quantity
from attnsite.records.run_file import Run

EXPERIMENT = "peers_backward"
TITLE_COLUMNS = ("speed-up over it",)
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
