"""What compiled kernels call besides their own code, as LLVM IR for wasm32: memory for arrays, and three functions.

Numba's code asks its runtime for arrays and counts who holds them; what is given back is kept for the next array of the
same size, so that a kernel that makes the same few arrays for each tile finds them where they were, in the cache. The
exponential is the algorithm of ARM's optimised routines, which glibc and musl have too, so that it gives their bits.
"""

import math

_TABLE = 32  # powers of two that the exponential begins with
# 2^r on [−1/64, 1/64], as the C library has it, in terms of 32·r.
_POLYNOMIAL = tuple(
    float.fromhex(c) / _TABLE**power
    for c, power in (("0x1.c6af84b912394p-5", 3), ("0x1.ebfce50fac4f3p-3", 2), ("0x1.62e42ff0c52d6p-1", 1))
)

_MEMORY = """
%Info = type { i64, ptr, ptr, ptr, i64, ptr } ; counted, -, the next free one, data, bytes, -
@free = internal global ptr null
@top = internal global i32 0

define void @begin(i32 %start) {
  store i32 %start, ptr @top
  store ptr null, ptr @free
  ret void
}

define void @NRT_MemInfo_call_dtor(ptr %info) noinline {
  %first = load ptr, ptr @free
  %link = getelementptr %Info, ptr %info, i32 0, i32 2
  store ptr %first, ptr %link
  store ptr %info, ptr @free
  ret void
}

define ptr @NRT_MemInfo_alloc_aligned(i64 %size, i32 %align) noinline {
entry:
  br label %look
look:
  %at = phi ptr [ @free, %entry ], [ %link, %other ]
  %info = load ptr, ptr %at
  %none = icmp eq ptr %info, null
  br i1 %none, label %fresh, label %there
there:
  %held = getelementptr %Info, ptr %info, i32 0, i32 4
  %bytes = load i64, ptr %held
  %link = getelementptr %Info, ptr %info, i32 0, i32 2
  %same = icmp eq i64 %bytes, %size
  br i1 %same, label %again, label %other
other:
  br label %look
again:
  %next = load ptr, ptr %link
  store ptr %next, ptr %at
  store i64 1, ptr %info
  ret ptr %info
fresh: ; 64 bytes for the counter, then whole cache lines
  %start = load i32, ptr @top
  %asked = trunc i64 %size to i32
  %more = add i32 %asked, 127
  %lines = and i32 %more, -64
  %end = add i32 %start, %lines
  store i32 %end, ptr @top
  %pages = call i32 @llvm.wasm.memory.size.i32(i32 0)
  %have = shl i32 %pages, 16
  %fits = icmp ule i32 %end, %have
  br i1 %fits, label %made, label %grow
grow:
  %lacking = sub i32 %end, %have
  %up = add i32 %lacking, 65535
  %count = lshr i32 %up, 16
  %before = call i32 @llvm.wasm.memory.grow.i32(i32 0, i32 %count)
  %refused = icmp eq i32 %before, -1
  br i1 %refused, label %full, label %made
full:
  call void @llvm.trap()
  unreachable
made:
  %new = inttoptr i32 %start to ptr
  store i64 1, ptr %new
  %size_at = getelementptr %Info, ptr %new, i32 0, i32 4
  store i64 %size, ptr %size_at
  %first = add i32 %start, 64
  %data = inttoptr i32 %first to ptr
  %data_at = getelementptr %Info, ptr %new, i32 0, i32 3
  store ptr %data, ptr %data_at
  ret ptr %new
}

define ptr @NRT_MemInfo_alloc_safe_aligned(i64 %size, i32 %align) {
  %info = call ptr @NRT_MemInfo_alloc_aligned(i64 %size, i32 %align)
  ret ptr %info
}

define ptr @NRT_MemInfo_alloc_safe(i64 %size) {
  %info = call ptr @NRT_MemInfo_alloc_aligned(i64 %size, i32 64)
  ret ptr %info
}

declare i32 @llvm.wasm.memory.size.i32(i32)
declare i32 @llvm.wasm.memory.grow.i32(i32, i32)
declare void @llvm.trap()
"""

# The product of 128 bits that LLVM asks for where the size of an array is multiplied with a check for overflow. It is
# not optimised: LLVM would see what it is, and have it call itself.
_PRODUCT = """
define void @__multi3(ptr %to, i64 %a, i64 %a_high, i64 %b, i64 %b_high) noinline optnone {
  %a0 = and i64 %a, 4294967295
  %a1 = lshr i64 %a, 32
  %b0 = and i64 %b, 4294967295
  %b1 = lshr i64 %b, 32
  %low = mul i64 %a0, %b0
  %carry = lshr i64 %low, 32
  %cross = mul i64 %a1, %b0
  %middle = add i64 %cross, %carry
  %middle_low = and i64 %middle, 4294967295
  %middle_high = lshr i64 %middle, 32
  %other = mul i64 %a0, %b1
  %second = add i64 %other, %middle_low
  %second_high = lshr i64 %second, 32
  %most = mul i64 %a1, %b1
  %most_1 = add i64 %most, %middle_high
  %most_2 = add i64 %most_1, %second_high
  %left = mul i64 %a_high, %b
  %right = mul i64 %a, %b_high
  %most_3 = add i64 %most_2, %left
  %high = add i64 %most_3, %right
  %product = mul i64 %a, %b
  store i64 %product, ptr %to
  %to_high = getelementptr i64, ptr %to, i32 1
  store i64 %high, ptr %to_high
  ret void
}
"""

_EXPONENTIAL = """
@powers = internal constant [{count} x i64] [{powers}]

define float @attnsite_expf(float %x) noinline {{
  %low = fcmp olt float %x, -200.0
  %a = select i1 %low, float -200.0, float %x
  %high = fcmp ogt float %a, 200.0
  %b = select i1 %high, float 200.0, float %a
  %wide = fpext float %b to double
  %z = fmul double %wide, {inverse}
  %k = fadd double %z, {shift}
  %bits = bitcast double %k to i64
  %whole = fsub double %k, {shift}
  %r = fsub double %z, %whole
  %place = and i64 %bits, {last}
  %entry = getelementptr [{count} x i64], ptr @powers, i32 0, i64 %place
  %power = load i64, ptr %entry
  %up = shl i64 %bits, {exponent}
  %sum = add i64 %power, %up
  %s = bitcast i64 %sum to double
  %p = fmul double {c0}, %r
  %q = fadd double %p, {c1}
  %r2 = fmul double %r, %r
  %t = fmul double {c2}, %r
  %y = fadd double %t, 1.0
  %u = fmul double %q, %r2
  %v = fadd double %u, %y
  %w = fmul double %v, %s
  %out = fptrunc double %w to float
  ret float %out
}}
"""

# log(x) = exponent · ln 2 + 2·atanh((m − 1) / (m + 1)), for normal numbers, 0, infinity and NaN; a few units in the
# last place of float64, and the kernels round it to float32.
_LOGARITHM = """
define double @attnsite_log(double %x) noinline {{
  %bits = bitcast double %x to i64
  %shifted = sub i64 %bits, 4604544271217802189 ; of √½
  %e = ashr i64 %shifted, 52
  %back = shl i64 %e, 52
  %mbits = sub i64 %bits, %back
  %m = bitcast i64 %mbits to double
  %below = fsub double %m, 1.0
  %above = fadd double %m, 1.0
  %s = fdiv double %below, %above
  %s2 = fmul double %s, %s
{series}
  %twice = fmul double %sum_0, 2.0
  %log = fmul double %twice, %s
  %exponent = sitofp i64 %e to double
  %whole = fmul double %exponent, {ln2}
  %usual = fadd double %whole, %log
  %zero = fcmp oeq double %x, 0.0
  %a = select i1 %zero, double 0xFFF0000000000000, double %usual
  %negative = fcmp olt double %x, 0.0
  %b = select i1 %negative, double 0x7FF8000000000000, double %a
  %infinite = fcmp oeq double %x, 0x7FF0000000000000
  %nan = fcmp uno double %x, %x
  %as_is = or i1 %infinite, %nan
  %c = select i1 %as_is, double %x, double %b
  ret double %c
}}
"""

# What LLVM would leave to a C library, and what is called in its place.
CALLS = {"llvm.exp.f32": "attnsite_expf", "expf": "attnsite_expf", "llvm.log.f64": "attnsite_log",
         "log": "attnsite_log", "sqrt": "llvm.sqrt.f64", "sqrtf": "llvm.sqrt.f32"}  # fmt: skip


def _hex(number: float) -> str:
    """A float64 as LLVM writes it exactly."""
    return f"0x{_bits(number):016X}"


def _bits(number: float) -> int:
    mantissa, exponent = math.frexp(abs(number))
    return (number < 0) << 63 | (exponent + 1022) << 52 | int(mantissa * 2**53) & (1 << 52) - 1


def text() -> str:
    """The runtime as LLVM IR, to be linked with a kernel's."""
    powers = (_bits(2 ** (i / _TABLE)) - (i << 52) // _TABLE for i in range(_TABLE))
    exponential = _EXPONENTIAL.format(
        count=_TABLE, last=_TABLE - 1, exponent=52 - _TABLE.bit_length() + 1, shift=_hex(1.5 * 2**52),
        powers=", ".join(f"i64 {power}" for power in powers),
        inverse=_hex(float.fromhex("0x1.71547652b82fep+0") * _TABLE),
        c0=_hex(_POLYNOMIAL[0]), c1=_hex(_POLYNOMIAL[1]), c2=_hex(_POLYNOMIAL[2]),
    )  # fmt: skip
    terms, lines = 11, []
    last = _hex(1 / (2 * terms + 1))
    for i in range(terms - 1, -1, -1):
        lines += [f"  %by_{i} = fmul double {last}, %s2", f"  %sum_{i} = fadd double %by_{i}, {_hex(1 / (2 * i + 1))}"]
        last = f"%sum_{i}"
    return _MEMORY + _PRODUCT + exponential + _LOGARITHM.format(series="\n".join(lines), ln2=_hex(math.log(2)))
