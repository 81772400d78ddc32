"""Benchmarks: `pytest benchmarks --benchmark-only` prints ratios against peers and limits."""
