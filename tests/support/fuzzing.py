"""Feed readers what nobody has foreseen: a value or a refusal in one line, nothing else."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import NamedTuple

from hypothesis import HealthCheck, given, settings
from mutations import mutated

from cfr_shm.errors import CfrShmError
from cfr_shm.telemetry.plain_text import plain_line

LONG = "CFR_SHM_FUZZ_EXAMPLES" in os.environ
EXAMPLES = int(os.environ.get("CFR_SHM_FUZZ_EXAMPLES", "60"))


class Target(NamedTuple):
    """A reader: what it is fed, and from which inputs the mutations begin."""

    read: Callable[[bytes], object]
    seeds: tuple[bytes, ...]


def text(read: Callable[[str], object]) -> Callable[[bytes], object]:
    """Feed a reader of texts, also with what came from an argument that is no UTF-8."""
    return lambda given: read(given.decode("utf-8", "surrogateescape"))


def meaning_or_refusal(target: Target) -> None:
    """Feed a reader its seeds' mutations: fixed ones, or new ones in a long run."""

    @settings(
        max_examples=EXAMPLES,
        derandomize=not LONG,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(mutated(target.seeds))
    def fed(given: bytes) -> None:
        try:
            target.read(given)
        except CfrShmError as error:
            line = plain_line(" ".join(str(error).split()))
            assert line
            assert "\n" not in line

    fed()
