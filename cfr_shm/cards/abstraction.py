"""What to build: methods and bucket counts for each street, checked before anything is computed.

A *family* names a method for every street; a street can also be given its own method.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from cfr_shm.cards.deck import deck_named
from cfr_shm.cards.isomorphism import STREETS
from cfr_shm.errors import UsageError

MAX_BUCKETS = 0xFFFF
#: Goes up when the same specification would give other buckets.
BUILD_VERSION = 3

PERCENTILE, EMD, OCHS, POTENTIAL, LOSSLESS = "percentile", "emd", "ochs", "potential", "lossless"

METHODS: Mapping[str, tuple[str, ...]] = {
    "preflop": (LOSSLESS, PERCENTILE, EMD),
    "flop": (PERCENTILE, EMD, POTENTIAL, OCHS, LOSSLESS),
    "turn": (PERCENTILE, EMD, OCHS, LOSSLESS),
    "river": (PERCENTILE, EMD, OCHS, LOSSLESS),
}

FAMILIES: Mapping[str, tuple[str, str, str, str]] = {
    PERCENTILE: (PERCENTILE, PERCENTILE, PERCENTILE, PERCENTILE),
    EMD: (EMD, EMD, EMD, EMD),
    OCHS: (EMD, EMD, EMD, OCHS),
    POTENTIAL: (EMD, POTENTIAL, EMD, OCHS),
    LOSSLESS: (LOSSLESS, LOSSLESS, LOSSLESS, LOSSLESS),
}


@dataclass(frozen=True)
class BucketSpec:
    """Everything that decides what the buckets will be.

    Attributes:
        deck: the deck's name.
        methods: preflop to river, each one of ``METHODS`` of its street.
        counts: buckets wanted on each street, 1 to 65,535; ``lossless`` ignores its own, and
            preflop is lossless by any method once the count reaches its hands.
        seed: of the clusterings.
        restarts: seedings that a clustering tries.

    Raises:
        UsageError: a method that the street does not have, or a number out of range.
    """

    deck: str = "standard"
    methods: tuple[str, str, str, str] = FAMILIES[OCHS]
    counts: tuple[int, int, int, int] = (169, 200, 200, 200)
    seed: int = 0
    restarts: int = 3

    def __post_init__(self) -> None:
        deck_named(self.deck)
        for street, method, count in zip(STREETS, self.methods, self.counts, strict=True):
            if method not in METHODS[street]:
                raise UsageError(
                    f"no method {method!r} for the {street}: expected one of"
                    f" {', '.join(METHODS[street])}"
                )
            if not 1 <= count <= MAX_BUCKETS:
                raise UsageError(f"{count} buckets for the {street}: expected 1 to {MAX_BUCKETS}")
        if not 0 <= self.seed < 2**63:
            raise UsageError(f"seed {self.seed}: expected 0 to 2**63 - 1")
        if not 1 <= self.restarts <= 1000:
            raise UsageError(f"{self.restarts} restarts: expected 1 to 1000")

    def to_json(self) -> dict[str, Any]:
        """Return the specification as plain JSON."""
        return {name: list(v) if isinstance(v, tuple) else v for name, v in asdict(self).items()}

    def key(self) -> str:
        """Return a short hash that names this specification's files in the cache."""
        text = json.dumps([BUILD_VERSION, self.to_json()], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def methods_from(text: str) -> tuple[str, str, str, str]:
    """Return the methods that ``text`` names: a family, or ``flop=emd,turn=emd,river=ochs``.

    Streets that the second form leaves out follow the family ``ochs``.

    Raises:
        UsageError: neither a family nor streets with their methods.
    """
    if text in FAMILIES:
        return FAMILIES[text]
    chosen = dict(zip(STREETS, FAMILIES[OCHS], strict=True))
    for part in text.split(","):
        street, equals, method = part.strip().partition("=")
        if not equals or street not in METHODS:
            raise UsageError(
                f"unknown method {part.strip()!r}: expected one of {', '.join(FAMILIES)},"
                " or e.g. 'flop=potential,turn=emd,river=ochs'"
            )
        if method not in METHODS[street]:
            raise UsageError(
                f"no method {method!r} for the {street}: expected one of"
                f" {', '.join(METHODS[street])}"
            )
        chosen[street] = method
    return chosen["preflop"], chosen["flop"], chosen["turn"], chosen["river"]
