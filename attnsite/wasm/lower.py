"""A function that Numba compiles, as a WebAssembly module: Numba's LLVM IR, LLVM's wasm32 back end, LLD.

Numba is told to optimise nothing and to know no processor (`settings.py`), so that nothing of x86 is in its IR; LLVM's
whole pipeline then runs for wasm32 with 128-bit vectors. A `prange` is a plain loop: a worker of the page runs one
thread and has a memory of its own. Each function gets an entry that reads its arguments from memory, in slots of eight
bytes: `entry_0(address)`; what lies in the slots is Numba's own order, which `record.py` lays out.
"""

import re
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import llvmlite.binding as llvm
from numba.core import compiler
from numba.core.registry import cpu_target

from attnsite.wasm import runtime

TRIPLE = "wasm32-unknown-unknown"
FEATURES = "+simd128,+bulk-memory,+nontrapping-fptoint,+sign-ext,+mutable-globals"
PAGES = 32  # of 64 KiB that a module's memory begins with; more is asked for as arrays need it
STACK = 1 << 18  # bytes
_ATTRIBUTES = re.compile(r'"(?:target-cpu|target-features|tune-cpu|probe-stack)"="[^"]*"')


def compiled(functions: Sequence[tuple[Any, Sequence[Any]]]) -> bytes:
    """An object of wasm32 with `entry_0`, `entry_1`, … for these Numba functions and the types of their arguments.

    Raises `ValueError` where code needs a function that a browser has not.
    """
    machine = _machine()
    whole = _parse(runtime.text(), machine)
    for number, (function, kinds) in enumerate(functions):
        name, text = _numba(function, tuple(kinds))
        part = _parse(text, machine)
        for each in (*part.functions, *part.global_variables):
            if not each.is_declaration:
                each.linkage = "external" if each.name == name else "internal"
        [found] = [each for each in part.functions if each.name == name]
        entry = _entry(number, name, [str(argument.type) for argument in found.arguments])
        part.link_in(_parse(entry, machine))
        [found] = [each for each in part.functions if each.name == name]
        found.linkage = "internal"
        _rename(part, name, f"function_{number}")
        whole.link_in(part)
    entries = [f"entry_{number}" for number in range(len(functions))]
    for each in whole.functions:
        if not each.is_declaration and each.name not in (*entries, "begin", "__multi3"):
            each.linkage = "internal"
    _optimise(whole, machine)
    _number(whole)
    if missing := sorted(f.name for f in whole.functions if f.is_declaration and not f.name.startswith("llvm.")):
        raise ValueError(f"calls {', '.join(missing)}, which no browser has: add it to attnsite/wasm/runtime.py")
    made: bytes = machine.emit_object(whole)
    return made


def _machine() -> llvm.TargetMachine:
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    target = llvm.Target.from_triple(TRIPLE)
    return target.create_target_machine(cpu="generic", features=FEATURES, opt=3, reloc="static", codemodel="default")


def _parse(text: str, machine: llvm.TargetMachine) -> llvm.ModuleRef:
    text = re.sub(r"^target (?:triple|datalayout) = .*\n?", "", text, flags=re.MULTILINE)
    head = f'target datalayout = "{machine.target_data}"\ntarget triple = "{TRIPLE}"\n'
    parsed = llvm.parse_assembly(head + text)
    parsed.verify()
    return parsed


def _numba(function: Any, kinds: tuple[Any, ...]) -> tuple[str, str]:
    """The name and the IR of a function for arguments of these types, with all that it calls, nothing optimised."""
    options = {name: value for name, value in function.targetoptions.items() if name not in ("parallel", "cache")}
    flags: Any = compiler.Flags()
    cpu_target.options.parse_as_flags(flags, options)
    flags.no_cpython_wrapper = flags.no_cfunc_wrapper = True
    made = compiler.compile_extra(cpu_target.typing_context, cpu_target.target_context, function.py_func, kinds, None,
                                  flags, locals={})  # fmt: skip
    text = _ATTRIBUTES.sub("", made.library.get_llvm_str())
    text = re.sub(r"\bcommon (?=(?:local_unnamed_addr |unnamed_addr )?global\b)", "internal ", text)
    for called, own in runtime.CALLS.items():
        text = re.sub(rf"@{re.escape(called)}(?=\()", f"@{own}", text)
    return made.fndesc.llvm_func_name, text


def _entry(number: int, name: str, kinds: Sequence[str]) -> str:
    """A function of one address that loads the arguments from slots of eight bytes and calls, as LLVM IR."""
    quoted = f'@"{name}"'
    lines, given = [], []
    for at, kind in enumerate(kinds[2:]):
        lines.append(f"  %p{at} = getelementptr i8, ptr %slots, i32 {8 * at}\n  %a{at} = load {kind}, ptr %p{at}")
        given.append(f"{kind} %a{at}")
    return "\n".join([
        f"declare i32 {quoted}({', '.join(kinds)})",
        f"define i32 @entry_{number}(ptr %slots) {{",
        "  %result = alloca i64\n  %error = alloca i64",
        *lines,
        f"  %status = call i32 {quoted}({', '.join(['ptr %result', 'ptr %error', *given])})",
        "  ret i32 %status\n}",
    ])  # fmt: skip


def _rename(part: llvm.ModuleRef, name: str, to: str) -> None:
    for each in part.functions:
        if each.name == name:
            each.name = to


def _number(whole: llvm.ModuleRef) -> None:
    """Give what is a module's own names by place: Numba's hold counters of the process, and an object keeps names."""
    for kind, those in (("f", whole.functions), ("g", whole.global_variables)):
        for number, each in enumerate(those):
            if each.linkage in (llvm.Linkage.internal, llvm.Linkage.private):
                each.name = f"{kind}_{number}"


def _optimise(whole: llvm.ModuleRef, machine: llvm.TargetMachine) -> None:
    tuning = llvm.create_pipeline_tuning_options(speed_level=3)
    tuning.loop_vectorization = tuning.slp_vectorization = True
    llvm.create_pass_builder(machine, tuning).getModulePassManager().run(
        whole, llvm.create_pass_builder(machine, tuning)
    )


def linked(code: bytes, entries: int, linker: str) -> bytes:
    """The module of an object, with what a page needs of it. Raises `ValueError` with what the linker says."""
    exports = ["__heap_base", "begin", *(f"entry_{number}" for number in range(entries))]
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "kernel.o"), Path(folder, "kernel.wasm")
        source.write_bytes(code)
        words = [*linker.split(), "--no-entry", "-O2", "--strip-all", "--gc-sections", "-z", f"stack-size={STACK}",
                 f"--initial-memory={PAGES << 16}", *(f"--export={name}" for name in exports), str(source), "-o",
                 str(target)]  # fmt: skip
        done = subprocess.run(words, capture_output=True, text=True)
        if done.returncode:
            raise ValueError(f"{linker} says: {done.stderr.strip()[:300]}")
        return target.read_bytes()
