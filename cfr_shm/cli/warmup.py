"""``cfr-shm warmup``: compile all kernels into the cache, ahead of the first run."""

from __future__ import annotations

import argparse

DESCRIPTION = (
    "Compile all kernels into the cache, so that the first run starts at once. The cache lies in "
    "the user's cache directory, or where CFR_SHM_CACHE_DIR says."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare nothing: the command takes no arguments."""


def run(namespace: argparse.Namespace) -> int:  # noqa: ARG001 - the same for every command
    """Compile; return the exit code."""
    import time

    from cfr_shm.cli.session import print_lines, say

    started = time.monotonic()
    from cfr_shm.kernels.cache import CACHE_USABLE, cache_directory
    from cfr_shm.kernels.warm import compile_betting_kernels, compile_kernels

    compile_kernels(say)
    compile_betting_kernels(say)
    from cfr_shm.engine.algorithm_kernels import compile_all

    compile_all()
    seconds = time.monotonic() - started
    where = f"in {cache_directory()}" if CACHE_USABLE else "but cannot be cached"
    print_lines([f"kernels are ready {where} ({seconds:.1f} s)"])
    return 0
