"""Kernels over a whole table: averages, discounts, statistics, best responses."""
