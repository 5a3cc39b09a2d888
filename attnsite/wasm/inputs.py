"""Numbers to compute with that Python and a page make alike, bit for bit: `docs/assets/kernel_inputs.js` is the other.

Each is the sum of four whole numbers of 16 bits that a hash of its place gives, shifted to the mean and scaled to the
variance of a standard normal one. The sum is exact in float32 and the scale rounds once.
"""

import numpy as np

SCALE = np.float32(np.sqrt(3) / 65536)  # of the sum of four uniform numbers of variance 65536²/12 each
SEEDS = {"q": 1, "k": 2, "v": 3}


def numbers(shape: tuple[int, ...], seed: int) -> np.ndarray:
    """float32 of that shape, mean 0, variance 1, within ±3.5; `seed` below 2**32."""
    places = np.arange(int(np.prod(shape)), dtype=np.uint32) * np.uint32(2) + np.uint32(seed * 0x9E3779B9 & 0xFFFFFFFF)
    first, second = _mixed(places), _mixed(places + np.uint32(1))
    total = (first & 0xFFFF) + (first >> 16) + (second & 0xFFFF) + (second >> 16)
    return ((total.astype(np.int32) - 131070).astype(np.float32) * SCALE).reshape(shape)


def _mixed(x: np.ndarray) -> np.ndarray:
    """The end of MurmurHash3, which leaves no bit where it was."""
    x = (x ^ (x >> 16)) * np.uint32(0x85EBCA6B)
    x = (x ^ (x >> 13)) * np.uint32(0xC2B2AE35)
    return x ^ (x >> 16)
