"""The kernels of the ladder as WebAssembly, for the browser of who reads: compiled from their own source."""
