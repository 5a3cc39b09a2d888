"""Kernels that do on purpose what a good one does not, each for one comparison."""
