"""Kernels of hold'em: betting, dealing, hand ranks, equities, clustering."""
