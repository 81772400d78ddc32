"""Parts that kernels are built from: random numbers, rows, atomics, meetings."""
