"""Kernels that measure strategies: walks over public trees with all hands of a board at once."""
