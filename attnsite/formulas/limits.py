"""What a device cannot beat: bytes that have to move and FLOPs that have to be done, for a prompt and a decode step.

The roofline (Williams et al. 2009): a step takes at least as long as its bytes at the memory's bandwidth, and as its
products at the peak rate. Left out, so that these stay bounds: activations, norms, positions, the softmax, transfers
between devices, and attention's products where `Mixer.pair` is 0 (sparse, linear and cross layers).
"""

from dataclasses import dataclass

from attnsite.formulas.decoder import Decoder
from attnsite.formulas.dtypes import Dtype, Stored
from attnsite.formulas.layouts import Layout

MEMORY, COMPUTE = "memory bandwidth", "compute"


@dataclass(frozen=True)
class Work:
    """What has to be done in one pass: `bytes` read from memory once, `flops` of products (two for a multiply-add)."""

    bytes: float
    flops: float

    def seconds(self, bandwidth: float, peak: float) -> float:
        """At least so long, at `bandwidth` bytes and `peak` FLOPs a second; a peak of 0 is not known."""
        return max(self.bytes / bandwidth, self.flops / peak if peak else 0.0)

    def limit(self, bandwidth: float, peak: float) -> str:
        """Which of the two is the longer."""
        return COMPUTE if peak and self.flops / peak > self.bytes / bandwidth else MEMORY


def size(parameters: float, weights: Dtype) -> float:
    """Bytes of so many parameters in a dtype, its scales included."""
    return parameters * weights.group_bytes / weights.group


def weights_read(decoder: Decoder, tokens: int, weights: Stored) -> float:
    """Bytes of what so many tokens are expected to read of the weights: no rows of tables, of experts those chosen."""
    ends = decoder.ends.output + decoder.ends.other
    experts = decoder.experts_read(tokens)
    return size(experts, weights.experts) + size(decoder.in_layers, weights.layers) + size(ends, weights.rest)


def decode_step(decoder: Decoder, tokens: int, batch: int, kv_bytes: int, weights: Stored, ranks: int = 1) -> Work:
    """One token for each of `batch` sequences of `tokens` tokens, on each of `ranks` devices that share weights and
    products evenly. `kv_bytes` are those of all sequences on one device: each is read once. Of experts those count that
    the batch is expected to choose if each token chose by chance, E (1 − (1 − k/E)^n)."""

    def seen(layout: Layout) -> int:
        return layout.seen(tokens)

    products = decoder.met_in_a_step() + decoder.ends.output + decoder.pairs(seen)
    return Work(
        weights_read(decoder, batch, weights) / ranks + kv_bytes,
        2.0 * batch * products / ranks,
    )


def prompt(decoder: Decoder, tokens: int, batch: int, weights: Stored, ranks: int = 1) -> Work:
    """`batch` prompts of `tokens` tokens up to their first new token, for which alone the output layer counts. The
    cache that is written and read again is left out."""

    def visible(layout: Layout) -> int:
        return layout.visible(tokens)

    products = tokens * decoder.met_in_a_step() + decoder.ends.output + decoder.pairs(visible)
    return Work(
        weights_read(decoder, batch * tokens, weights) / ranks,
        2.0 * batch * products / ranks,
    )
