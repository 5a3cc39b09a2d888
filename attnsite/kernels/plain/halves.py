"""Numbers of 16 bits outside of compiled code: float32 arrays rounded to them, and back."""

import numpy as np


def to_bfloat16(x: np.ndarray) -> np.ndarray:
    """The bits of bfloat16, uint16, of the same shape: rounded to nearest, ties to even; NaN stays NaN."""
    bits = np.ascontiguousarray(x, np.float32).view(np.uint32)
    rounded = ((bits + 0x7FFF + (bits >> 16 & 1)) >> 16).astype(np.uint16)
    return np.where(bits & 0x7FFFFFFF > 0x7F800000, np.uint16(0x7FC0), rounded)


def from_bfloat16(bits: np.ndarray) -> np.ndarray:
    """What those bits stand for, in float32."""
    return (bits.astype(np.uint32) << 16).view(np.float32)
