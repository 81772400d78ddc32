"""Compiled functions only: they take arrays and scalars, and know nothing else."""
