"""One layer of a 7-billion model: its products with weights, counted, and how long they take here at least."""

from attnsite.formulas.attention import Attention
from attnsite.records.quantity import Quantity
from attnsite.records.run_file import Run

WIDTH, HEADS, DIM = 4096, 32, 128
MLP_OVER_SQUARE = 8  # MLP weights over width², as the experiment `attention_share` takes them; a test compares them
ELEMENT_BYTES = 4  # the kernels' caches are float32, so the weights are too


def weights(kv_heads: int) -> int:
    """Weights of the layer: four projections and the MLP."""
    return Attention(WIDTH, HEADS, DIM, kv_heads).parameters() + MLP_OVER_SQUARE * WIDTH**2


def products(run: Run, kv_heads: int, tokens: int = 1) -> Quantity:
    """The least time of a layer's products with weights for so many tokens at once.

    The longer of reading each weight once, at the bandwidth that was measured, and of two FLOPs for each weight and
    token, at the rate of a matrix product that was measured; bounds are those of the rates.
    """
    read, matmul = run.ceiling("read"), run.ceiling("matmul")
    if read is None or matmul is None:
        raise LookupError("not measured yet on this machine: how fast it reads, and a matrix product")
    moved, done = ELEMENT_BYTES * weights(kv_heads), 2 * weights(kv_heads) * tokens
    work, rate = (moved, read) if moved / read.value >= done / matmul.value else (done, matmul)
    return Quantity(work / rate.value, "s", work / (rate.high or rate.value), work / (rate.low or rate.value))


def plus(one: Quantity, other: Quantity) -> Quantity:
    """The sum of two times; its bounds are the sums of theirs, which is cautious."""
    low, high = (
        (one.low or one.value) + (other.low or other.value),
        (one.high or one.value) + (other.high or other.value),
    )
    return Quantity(one.value + other.value, "s", low, high)


def times(one: Quantity, factor: float) -> Quantity:
    """A time so many times as long."""
    return Quantity(one.value * factor, "s", (one.low or one.value) * factor, (one.high or one.value) * factor)


def over(one: Quantity, other: Quantity) -> Quantity:
    """One time over another, with cautious bounds."""
    low = (one.low or one.value) / (other.high or other.value)
    return Quantity(one.value / other.value, "×", low, (one.high or one.value) / (other.low or other.value))
