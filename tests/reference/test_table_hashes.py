"""The bench signature: tables of a fixed seed that must not change without a reason.

A change that is meant to change them writes the list anew (``tools/table_hashes.py --write``) and
gives its reason in the commit message. Sums, products and quotients of float64 are rounded in one
way everywhere, and kernels are compiled without leave to reorder them. Powers come from the
platform's library, whose last bits may differ: ways that take them (``dcfr`` and what came after
it) are compared where that is glibc's, with which the list was written.
"""

from __future__ import annotations

import platform

import pytest
from loaded_files import loaded

from cfr_shm.kernels.jit import JIT_DISABLED

with loaded("tools/table_hashes.py") as TABLE_HASHES:
    WAYS = TABLE_HASHES.ways()
#: One of each kernel of both modes, and what other games and workers add.
SHORT = [
    *(name for name in WAYS if name.startswith("leduc, ") and "compact" not in name),
    *(name for name in WAYS if name.startswith(("leduc_3, ", "push_or_fold"))),
    "leduc, external linear, compact",
]

POWERS = ("dcfr", "discounted", "pcfr_plus")

takes_its_powers_from_glibc = platform.libc_ver()[0] == "glibc"
needs_compilation = pytest.mark.skipif(JIT_DISABLED, reason="minutes in plain Python")


def compare(name):
    if not takes_its_powers_from_glibc and any(each in name for each in POWERS):
        pytest.skip("another library's powers")
    assert TABLE_HASHES.hash_of(WAYS[name]) == TABLE_HASHES.listed()[name]


def test_every_way_to_train_is_listed():
    assert [*TABLE_HASHES.listed()] == [*WAYS]


@needs_compilation
@pytest.mark.thorough
@pytest.mark.parametrize("name", SHORT)
def test_a_table_is_what_it_was(name):
    compare(name)


@needs_compilation
@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in WAYS if name not in SHORT])
def test_any_other_table_is_what_it_was(name):
    compare(name)
