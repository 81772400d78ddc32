"""Compile the parts of kernels no further than the kernels need, which inline them.

Numba makes a library of every function: it optimises it, and turns it into machine code. Nobody
runs a part's machine code, and what a part's optimiser has done the kernel's does again. So a part
is left as what the kernel links in: 16 s of compiling for the default kernel become 10, and its
tables and its rate stay the same (docs/adr/0004-compiling.md).
"""

from __future__ import annotations

from typing import Any

from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import CompilerBase, DefaultPassBuilder
from numba.core.compiler_machinery import register_pass
from numba.core.typed_passes import NativeLowering


class _PartLibrary(JITCodeLibrary):
    """The code of a part, to be linked into kernels; there is no function to be called in it."""

    def _optimize_final_module(self) -> None:
        """Leave it to the kernel's library."""

    def _finalize_final_module(self) -> None:
        """Check it, but make no machine code."""
        self._finalize_dynamic_globals()
        self._verify_declare_only_symbols()
        self._finalized = True


@register_pass(mutates_CFG=True, analysis_only=False)
class _PartLowering(NativeLowering):
    """Lower a part into a ``_PartLibrary``."""

    _name = "part_lowering"

    def run_pass(self, state: Any) -> bool:
        codegen = state.targetctx.codegen()
        state.library = _PartLibrary(codegen, state.func_id.func_qualname)
        state.library.enable_object_caching()
        state.flags.no_compile = True
        super().run_pass(state)
        # What calls of it are resolved by, in the place of a function.
        key = object()
        lowered = state["cr"]
        state.targetctx.insert_user_function(key, lowered.fndesc, [state.library])
        state["cr"] = type(lowered)(lowered.fndesc, lowered.call_helper, key, lowered.env)
        return True


class PartCompiler(CompilerBase):
    """Numba's compiler, but for what it does last."""

    def define_pipelines(self) -> list[Any]:
        """Return the steps of compiling a part."""
        steps = DefaultPassBuilder.define_nopython_pipeline(self.state)
        steps.passes = [
            (_PartLowering, "lower a part") if step is NativeLowering else (step, text)
            for step, text in steps.passes
        ]
        steps.finalize()
        return [steps]
