"""An exponential that LLVM can vectorise: Numba's own calls the C library once for each element."""

import math

import numpy as np
from numba import njit

from attnsite.kernels.plain.inner import INNER

LOG2_E = math.log2(math.e)


def fit_exp2(degree: int) -> np.ndarray:
    """Coefficients c1, c2, … (degree,) of 2^f ≈ 1 + c1·f + c2·f² + … on [−1/2, 1/2], float64: least relative squares.

    Fitted on Chebyshev points, with the constant term 1, so that 2^0 is exactly 1. The relative error is 1.0e-7 for
    degree 5 and 3e-8 for degree 6.
    """
    nodes = 0.5 * np.cos(np.pi * (np.arange(4000) + 0.5) / 4000)
    powers = np.vander(nodes, degree + 1, increasing=True)[:, 1:] / np.exp2(nodes)[:, None]
    fitted: np.ndarray = np.linalg.lstsq(powers, 1 - 1 / np.exp2(nodes), rcond=None)[0]
    return fitted


_LOG2_E = np.float32(LOG2_E)
_LOWEST = np.float32(-87.0)  # below it exp is (nearly) subnormal in float32, and becomes 0 here
_C1, _C2, _C3, _C4, _C5, _C6 = (np.float32(c) for c in fit_exp2(6))  # relative error 3e-8
_LN2_HIGH, _LN2_LOW = np.float32(0.693145751953125), np.float32(1.42860677e-06)  # ln 2 in two parts


@njit(**INNER, fastmath={"contract"})
def exp_shifted(x, shift, count, powers):
    """x[:count] = exp(x[:count] − shift), in place; x, float32, at most shift. NaN stays NaN.

    `powers` is int32 scratch of at least `count`: the powers of two are built there as bit patterns.
    A polynomial of degree 6 on the rest (Cody and Waite's reduction); about 1 ulp.
    """
    scale = powers.view(np.float32)
    for i in range(count):
        y = x[i] - shift
        y = _LOWEST if y < _LOWEST else y  # keeps NaN, unlike max()
        n = np.floor(y * _LOG2_E + np.float32(0.5))
        f = ((y - n * _LN2_HIGH) - n * _LN2_LOW) * _LOG2_E
        p = _C6 * f + _C5
        p = p * f + _C4
        p = p * f + _C3
        p = p * f + _C2
        p = p * f + _C1
        p = p * f + np.float32(1)
        powers[i] = (np.int32(n) + np.int32(127)) << np.int32(23)
        x[i] = p if x[i] - shift >= _LOWEST or x[i] != x[i] or shift != shift else np.float32(0)
    for i in range(count):
        x[i] *= scale[i]
