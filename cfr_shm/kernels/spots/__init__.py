"""Kernels that solve spots: full width, hand by hand, sixteen lanes at a time."""
