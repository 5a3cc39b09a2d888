"""The vector type of compiled code, and the steps that the explicit-SIMD kernels are built of."""
