"""Clock, ceilings and check of kernels on a GPU."""
