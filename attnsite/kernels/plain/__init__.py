"""What kernels share that is neither a vector in a register nor CUDA."""
