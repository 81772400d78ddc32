"""Stores that others see in order: an instruction where memory is weakly ordered, none on x86."""

from __future__ import annotations

import llvmlite.binding as llvm
import numpy as np
import pytest

from cfr_shm.kernels.jit import JIT_DISABLED, kernel
from cfr_shm.kernels.parts.atomics import atomic_load, atomic_store, in_order_for_all

pytestmark = pytest.mark.skipif(JIT_DISABLED, reason="looks at machine code")


def machine_code(compiled, triple):
    """Return what a compiled kernel is on another processor."""
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    machine = llvm.Target.from_triple(triple).create_target_machine(opt=3)
    (text,) = compiled.inspect_llvm().values()
    module = llvm.parse_assembly(text)
    module.triple, module.data_layout = triple, str(machine.target_data)
    return machine.emit_assembly(module)


@pytest.mark.parametrize(
    ("triple", "instruction", "times"),
    [
        ("aarch64-unknown-linux-gnu", "dmb\tish", 2),
        ("x86_64-unknown-linux-gnu", "mfence", 0),
        ("x86_64-unknown-linux-gnu", "lock", 0),
    ],
)
def test_a_flag_comes_after_what_it_stands_for(triple, instruction, times):
    first = 0  # Held by a closure, which is not kept in the cache: its code can be looked at.

    @kernel
    def tell_and_hear(data, flags):
        data[first] = 1
        in_order_for_all()
        atomic_store(flags, first, 1)
        seen = atomic_load(flags, 1)
        in_order_for_all()
        return data[1] + seen

    assert tell_and_hear(np.array([0, 20]), np.array([0, 1])) == 21
    assert machine_code(tell_and_hear, triple).count(instruction) == times
