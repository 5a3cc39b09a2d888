"""Options for functions that compiled code alone calls: they become machine code once, as a part of what calls them.

Numba optimises every function as a whole and makes machine code of it, although what is inlined never runs by itself;
with helpers of helpers each level does the work of all below it again. A function with these options is typed and
lowered as ever, and its code is handed on as it is to the function that calls it, where everything is optimised
together: the same bits come out, and all kernels of the CPU compile in half the processor time [69 for 160 s, on two
cores of a Cascade Lake]. That reaches below what Numba promises, so it is done for the versions that it was tried
with; any other one compiles the long way.
"""

from collections.abc import Generator
from typing import Any

import numba
from numba.core import compiler, typed_passes
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler_machinery import PassManager, register_pass

TRIED = ("0.68",)


class _Handed(JITCodeLibrary):
    """Code that is linked into other code and nothing else."""

    def _optimize_final_module(self) -> None:
        """Whoever links it in does."""

    def _finalize_final_module(self) -> None:
        self._finalize_dynamic_globals()
        self._finalized = True


@register_pass(mutates_CFG=True, analysis_only=False)
class _Lowering(typed_passes.NativeLowering):
    """Lower a function to code that is handed on, with no way for Python to call it."""

    _name = "attnsite_inner_lowering"

    def run_pass(self, state: Any) -> bool:
        name = state.func_id.func_qualname
        state.library = _Handed(state.targetctx.codegen(), name)
        state.flags.no_compile = state.flags.no_cpython_wrapper = state.flags.no_cfunc_wrapper = True
        super().run_pass(state)

        called = _refusal(name).send  # it has to be a function of Python's own, and one for each overload
        state.targetctx.insert_user_function(called, state.cr.fndesc, [state.library])
        state.reload_init.extend(state.library._reload_init)
        state.cr = state.cr._replace(cfunc=called)
        return True


def _refusal(name: str) -> Generator[None, None, None]:
    """What Python meets if it calls such a function itself."""
    raise TypeError(f"{name} is called by compiled code alone")
    yield


class _Compiler(compiler.CompilerBase):
    def define_pipelines(self) -> list[PassManager]:
        inner = PassManager("attnsite_inner")
        for each, text in compiler.DefaultPassBuilder.define_nopython_pipeline(self.state).passes:
            inner.add_pass(_Lowering if each is typed_passes.NativeLowering else each, text)
        inner.finalize()
        return [inner]


INNER: dict[str, Any] = {"nogil": True, "error_model": "numpy"}
if numba.__version__.rpartition(".")[0] in TRIED:
    INNER["pipeline_class"] = _Compiler
INLINE: dict[str, Any] = INNER | {"forceinline": True}
