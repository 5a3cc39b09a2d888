"""Instructions that numba-cuda has no function for: 16-byte loads and stores, asynchronous copies, tensor cores.

Each is LLVM IR or one line of PTX, and the only code here that a successor of numba-cuda would need anew. In the
simulator their twins in Python stand in their place (`cuda/ptx_simulated.py`), with the same names and the same
meaning; without numba-cuda there are only the names. Positions are element numbers in a contiguous array of any shape;
where 16 bytes move at once they begin at a multiple of 16 bytes.

Source: NVIDIA, Parallel Thread Execution ISA: `ld.v4`, `ex2.approx`, `cp.async`, `ldmatrix`, `mma.sync.m16n8k16`.
"""

from importlib import import_module
from typing import Any

from attnsite.kernels.cuda import driver

NAMES = (
    "load4", "store4", "exp2", "exchange", "copy16", "wait", "matrices", "matrices_turned",
    "multiply_bf16", "multiply_f16", "pack_bf16", "pack_f16",
)  # fmt: skip
load4: Any = None
store4: Any = None
exp2: Any = None
exchange: Any = None
copy16: Any = None
wait: Any = None
matrices: Any = None
matrices_turned: Any = None
multiply_bf16: Any = None
multiply_f16: Any = None
pack_bf16: Any = None
pack_f16: Any = None


def _define() -> dict[str, Any]:
    """The instructions for the compiler."""
    from llvmlite import ir

    cuda = driver.cuda
    types, cgutils = cuda.types, import_module("numba.cuda.cgutils")
    intrinsic = import_module("numba.cuda.extending").intrinsic
    real, word, index = ir.FloatType(), ir.IntType(32), ir.IntType(64)

    def place(context: Any, builder: Any, kind: Any, array: Any, at: Any, number: Any) -> Any:
        """The address of an element; signed positions are widened."""
        data = context.make_array(kind)(context, builder, array).data
        return builder.gep(data, [at if number.bitwidth == 64 else builder.sext(at, index)])

    def shared(builder: Any, pointer: Any) -> Any:
        """The address as an offset into the block's shared memory."""
        return builder.ptrtoint(builder.addrspacecast(pointer, ir.PointerType(word, 3)), word)

    def assemble(builder: Any, result: Any, kinds: list[Any], text: str, where: str, given: Any, ordered: bool) -> Any:
        code = ir.InlineAsm(ir.FunctionType(result, kinds), text, where, side_effect=ordered)
        return builder.call(code, list(given))

    def together(builder: Any, result: Any, kinds: list[Any], text: str, where: str, given: Any) -> Any:
        """An instruction of a whole warp, which must neither go into a branch that some threads take nor leave one."""
        code = ir.InlineAsm(ir.FunctionType(result, kinds), text, where, side_effect=True)
        return builder.call(code, list(given), attrs=("convergent", "nounwind"))

    def unpacked(builder: Any, struct: Any) -> Any:
        return cgutils.pack_array(builder, [builder.extract_value(struct, i) for i in range(4)])

    @intrinsic
    def load4(typing, array, at):
        def generate(context, builder, signature, given):
            kind = context.get_data_type(signature.args[0].dtype)
            where = place(context, builder, signature.args[0], given[0], given[1], signature.args[1])
            four = builder.load(builder.bitcast(where, ir.VectorType(kind, 4).as_pointer(_space(where))), align=16)
            return cgutils.pack_array(builder, [builder.extract_element(four, word(i)) for i in range(4)])

        return types.UniTuple(array.dtype, 4)(array, at), generate

    @intrinsic
    def store4(typing, array, at, x, y, z, w):
        def generate(context, builder, signature, given):
            kind = ir.VectorType(context.get_data_type(signature.args[0].dtype), 4)
            where = place(context, builder, signature.args[0], given[0], given[1], signature.args[1])
            four = ir.Constant(kind, ir.Undefined)
            for i in range(4):
                four = builder.insert_element(four, given[2 + i], word(i))
            builder.store(four, builder.bitcast(where, kind.as_pointer(_space(where))), align=16)
            return context.get_dummy_value()

        return types.void(array, at, *[array.dtype] * 4), generate

    @intrinsic
    def exp2(typing, x):
        def generate(context, builder, signature, given):
            return assemble(builder, real, [real], "ex2.approx.ftz.f32 $0, $1;", "=f,f", given, False)

        return types.float32(types.float32), generate

    @intrinsic
    def copy16(typing, target, to, source, at, there):
        def generate(context, builder, signature, given):
            a = place(context, builder, signature.args[0], given[0], given[1], signature.args[1])
            b = place(context, builder, signature.args[2], given[2], given[3], signature.args[3])
            b = builder.ptrtoint(builder.addrspacecast(b, ir.PointerType(word, 1)), index)
            size = builder.select(given[4], word(16), word(0))
            text, where = "cp.async.cg.shared.global [$0], [$1], 16, $2;", "r,l,r,~{memory}"
            assemble(builder, ir.VoidType(), [word, index, word], text, where, [shared(builder, a), b, size], True)
            return context.get_dummy_value()

        return types.void(target, to, source, at, types.boolean), generate

    @intrinsic
    def wait(typing):
        def generate(context, builder, signature, given):
            assemble(builder, ir.VoidType(), [], "cp.async.wait_all;", "~{memory}", [], True)
            return context.get_dummy_value()

        return types.void(), generate

    def loading(turned: str) -> Any:
        text = f"ldmatrix.sync.aligned.m8n8.x4{turned}.shared.b16 {{$0,$1,$2,$3}}, [$4];"

        @intrinsic
        def load(typing, array, at):
            def generate(context, builder, signature, given):
                where = shared(
                    builder, place(context, builder, signature.args[0], given[0], given[1], signature.args[1])
                )
                kind = ir.LiteralStructType([word] * 4)
                got = together(builder, kind, [word], text, "=r,=r,=r,=r,r,~{memory}", [where])
                return unpacked(builder, got)

            return types.UniTuple(types.uint32, 4)(array, at), generate

        return load

    def multiplying(kind: str) -> Any:
        text = f"mma.sync.aligned.m16n8k16.row.col.f32.{kind}.{kind}.f32 "
        text += "{$0,$1,$2,$3}, {$4,$5,$6,$7}, {$8,$9}, {$10,$11,$12,$13};"

        @intrinsic
        def multiply(typing, a0, a1, a2, a3, b0, b1, c0, c1, c2, c3):
            def generate(context, builder, signature, given):
                result = ir.LiteralStructType([real] * 4)
                where = "=f,=f,=f,=f,r,r,r,r,r,r,f,f,f,f"
                return unpacked(builder, together(builder, result, [word] * 6 + [real] * 4, text, where, given))

            u, f = types.uint32, types.float32
            return types.UniTuple(f, 4)(u, u, u, u, u, u, f, f, f, f), generate

        return multiply

    def packing(kind: str) -> Any:
        @intrinsic
        def pack(typing, low, high):
            def generate(context, builder, signature, given):
                text = f"cvt.rn.{kind}x2.f32 $0, $2, $1;"
                return assemble(builder, word, [real, real], text, "=r,f,f", given, False)

            return types.uint32(types.float32, types.float32), generate

        return pack

    @intrinsic
    def exchange(typing, x, mask):
        def generate(context, builder, signature, given):
            mask = builder.trunc(given[1], word) if signature.args[1].bitwidth > 32 else given[1]
            text = "shfl.sync.bfly.b32 $0, $1, $2, 31, -1;"
            return together(builder, real, [real, word], text, "=f,f,r", [given[0], mask])

        return types.float32(types.float32, mask), generate

    made = {"load4": load4, "store4": store4, "exp2": exp2, "exchange": exchange, "copy16": copy16}
    made |= {"wait": wait, "matrices": loading(""), "matrices_turned": loading(".trans")}
    made |= {f"multiply_{kind}": multiplying(kind) for kind in ("bf16", "f16")}
    return made | {f"pack_{kind}": packing(kind) for kind in ("bf16", "f16")}


def _space(pointer: Any) -> int:
    """The address space that a pointer points into."""
    return int(getattr(pointer.type, "addrspace", 0))


if driver.SIMULATED:
    from attnsite.kernels.cuda import ptx_simulated

    globals().update({name: getattr(ptx_simulated, name) for name in NAMES})
elif driver.INSTALLED:
    globals().update(_define())
