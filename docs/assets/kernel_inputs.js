/* Numbers to compute with, the same bits as `attnsite/wasm/inputs.py` makes, and the forms in which kernels keep them. */
const SCALE = Math.fround(Math.sqrt(3) / 65536);
export const SEEDS = { q: 1, k: 2, v: 3 };
const mixed = x => {
  x = Math.imul(x ^ (x >>> 16), 0x85EBCA6B);
  x = Math.imul(x ^ (x >>> 13), 0xC2B2AE35);
  return x ^ (x >>> 16);
};

/* `count` numbers of mean 0 and variance 1, as float32. */
export function numbers(count, seed) {
  const made = new Float32Array(count), start = Math.imul(seed, 0x9E3779B9);
  for (let i = 0; i < count; i++) {
    const a = mixed(start + 2 * i | 0), b = mixed(start + 2 * i + 1 | 0);
    made[i] = Math.fround((a & 0xFFFF) + (a >>> 16) + (b & 0xFFFF) + (b >>> 16) - 131070) * SCALE;
  }
  return made;
}

const word = new Float32Array(1), bits = new Uint32Array(word.buffer);

/* The bits of bfloat16 and of float16, rounded to nearest, ties to even; the numbers here are finite and small. */
const toBrain = x => { word[0] = x; const b = bits[0]; return (b + 0x7FFF + (b >>> 16 & 1)) >>> 16; };
const fromBrain = h => { bits[0] = h << 16; return word[0]; };
function toHalf(x) {
  const sign = x < 0 || Object.is(x, -0) ? 0x8000 : 0, size = Math.abs(x);
  if (size < 2 ** -14) return sign | even(size * 2 ** 24); // subnormal: whole steps of 2^-24
  const power = Math.floor(Math.log2(size)) + (size >= 2 ** (Math.floor(Math.log2(size)) + 1));
  return sign | ((power + 15) << 10) + even((size / 2 ** power - 1) * 1024);
}
function even(x) {
  const low = Math.floor(x), rest = x - low;
  return rest > 0.5 || (rest === 0.5 && low % 2) ? low + 1 : low;
}
function fromHalf(h) {
  const sign = h & 0x8000 ? -1 : 1, power = h >> 10 & 31, rest = h & 1023;
  if (power === 31) return rest ? NaN : sign * Infinity;
  return sign * (power ? 2 ** (power - 15) * (1 + rest / 1024) : rest * 2 ** -24);
}

/* Float32 numbers in a form ("f4", "bf2", "f2", or "i1" with a factor for each row of `dim`), and what they then stand
   for. */
export function kept(values, form, dim) {
  if (form === "f4") return { stored: values, means: values };
  if (form === "i1") return quantised(values, dim);
  const [to, from] = form === "bf2" ? [toBrain, fromBrain] : [toHalf, fromHalf];
  const stored = Uint16Array.from(values, to);
  return { stored, means: Float32Array.from(stored, from) };
}

function quantised(values, dim) {
  const rows = values.length / dim, codes = new Int8Array(values.length), scales = new Float32Array(rows), means = new Float32Array(values.length);
  for (let r = 0; r < rows; r++) {
    let most = 0;
    for (let d = r * dim; d < (r + 1) * dim; d++) most = Math.max(most, Math.abs(values[d]));
    scales[r] = most / 127;
    for (let d = r * dim; d < (r + 1) * dim; d++) {
      const share = scales[r] > 0 ? Math.fround(values[d] / scales[r]) : 0;
      codes[d] = Math.sign(share) * even(Math.abs(share));
      means[d] = codes[d] * scales[r];
    }
  }
  return { stored: codes, means, scales };
}

/* What an output in a form stands for. */
export const read = (stored, form) => (form === "f4" ? stored : Float32Array.from(stored, form === "bf2" ? fromBrain : fromHalf));
/* A number rounded to the form. */
export const rounded = (x, form) => (form === "bf2" ? fromBrain(toBrain(x)) : form === "f2" ? fromHalf(toHalf(x)) : Math.fround(x));
