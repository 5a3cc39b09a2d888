"""Runs the twins of the GPU's instructions in numba-cuda's simulator and prints what came out, as JSON.

Started by test_cuda_simulator: the simulator's switch is read when numba-cuda is imported.
"""

import json

import numpy as np

from attnsite.kernels.cuda import ptx
from attnsite.kernels.cuda.driver import cuda, float32, jit, uint32
from attnsite.kernels.plain.halves import from_bfloat16, to_bfloat16
from attnsite.measure.gpu import ceilings as gpu_ceilings

PITCH = 12  # words from one row in shared memory to the next


def main() -> dict[str, object]:
    load4, store4, exp2, exchange = ptx.load4, ptx.store4, ptx.exp2, ptx.exchange
    copy16, wait = ptx.copy16, ptx.wait
    matrices, matrices_turned = ptx.matrices, ptx.matrices_turned
    found: dict[str, object] = {}
    rng = np.random.default_rng(3)

    def products(multiply, pack):
        @jit
        def kernel(a, b, turned, out, packed):
            """out[0] = a bᵀ, out[1] = a · turned, (16, 8) each: keys row by row, and values row by row."""
            shared = cuda.shared.array(48 * PITCH, uint32)
            t = cuda.threadIdx.x
            for i in range(t, 48 * 2, 32):
                r, c = i // 2, i % 2 * 4
                if r < 16:
                    copy16(shared, r * PITCH + c, a, r * 8 + c, True)
                elif r < 32:
                    copy16(shared, r * PITCH + c, b, (r - 16) * 8 + c if r < 24 else 0, r < 24)
                else:
                    copy16(shared, r * PITCH + c, turned, (r - 32) * 8 + c, True)
            wait()
            cuda.syncthreads()
            x = matrices(shared, t % 16 * PITCH + t // 16 * 4)
            y = matrices(shared, (16 + t % 8) * PITCH + t // 8 % 2 * 4)
            z = matrices_turned(shared, (32 + t % 16) * PITCH + t // 16 * 4)
            for i in range(2):
                four = z if i else y
                c = multiply(x[0], x[1], x[2], x[3], four[0], four[1], 1.0, 1.0, 1.0, 1.0)
                for e in range(4):
                    out[i, t // 4 + e // 2 * 8, t % 4 * 2 + e % 2] = c[e]
            packed[t] = pack(float32(t) + float32(1 / 3), -float32(t))

        return kernel

    for kind, to, back in (("bf16", to_bfloat16, from_bfloat16), ("f16", lambda x: x.astype(np.float16), np.float32)):
        a, b, turned = (to(rng.standard_normal((n, 16), dtype=np.float32)) for n in (16, 8, 16))
        out, packed = np.full((2, 16, 8), np.nan, np.float32), np.zeros(32, np.uint32)
        words = [array.view(np.uint32) for array in (a, b, turned)]
        products(getattr(ptx, f"multiply_{kind}"), getattr(ptx, f"pack_{kind}"))[1, 32](*words, out, packed)
        wide_a, wide_b, wide_turned = (np.asarray(back(array), np.float32) for array in (a, b, turned))
        exact = np.stack([wide_a @ wide_b.T, wide_a @ wide_turned[:, :8]]) + 1
        found[f"product_{kind}"] = float(np.abs(out - exact).max())
        numbers = np.arange(32, dtype=np.float32)
        pairs = np.stack([numbers + np.float32(1 / 3), -numbers], axis=1)
        found[f"pack_{kind}"] = bool((packed == to(pairs).view(np.uint32)[:, 0]).all())

    @jit
    def moving(source, target, swapped, powers):
        t = cuda.threadIdx.x
        four = load4(source, 4 * t)
        store4(target, 4 * t, four[3], four[2], four[1], four[0])
        swapped[t] = exchange(float32(t), 5)
        powers[t] = exp2(float32(t - 16))

    source = np.arange(32, dtype=np.float32).reshape(2, 2, 2, 4)
    target, swapped, powers = np.zeros_like(source), np.zeros(8, np.float32), np.zeros(8, np.float32)
    moving[1, 8](source, target, swapped, powers)
    found["reversed"] = bool((target == source[..., ::-1]).all())
    found["swapped"] = bool((swapped == (np.arange(8) ^ 5)).all())
    found["powers"] = bool((powers == 2.0 ** (np.arange(8) - 16)).all())

    @jit
    def crooked(source, target):
        store4(target, 0, *load4(source, 2))

    try:
        crooked[1, 1](source, target)
    except IndexError as error:
        found["crooked"] = str(error)

    for name, make in (("fma", gpu_ceilings.fma), ("tensor_cores", gpu_ceilings.tensor_cores)):
        made = make(3)
        made.call()
        found[f"{name}_work"] = made.work
    out = cuda.device_array(32, np.float32)
    gpu_ceilings._multiply_add[1, 32](out, np.float32(0.5), np.float32(1), 40)
    found["fma_sum"] = float(out.copy_to_host()[7])
    gpu_ceilings._multiply_tiles[1, 32](out, 2)
    found["tile_sum"] = float(out.copy_to_host()[7])
    found["copied"] = gpu_ceilings.copy(1 << 10).work
    return found


if __name__ == "__main__":
    print(json.dumps(main()))
