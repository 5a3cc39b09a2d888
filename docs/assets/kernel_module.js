/* A kernel's module with a memory of its own: arrays laid out as the compiled code takes them, and the call itself.
   What lies in the slots of a call was recorded from the kernel's own Python entry: `attnsite/wasm/record.py`. */
import { kept, numbers, read, SEEDS } from "./kernel_inputs.js";

const PAGE = 65536;
const BYTES = { f4: 4, f8: 8, i8: 8, i4: 4, u2: 2, u1: 1 };
const size = shape => shape.reduce((all, one) => all * one, 1);

/* One kernel that can be called on one case after another. */
export class Kernel {
  constructor(compiled) {
    this.instance = new WebAssembly.Instance(compiled, {});
    this.memory = this.instance.exports.memory;
  }

  /* Lay out a call: `sizes` are those of the share, `steps` the numbers of an entry and of its slots in `slots`.
     Throws RangeError where the browser gives no more memory. */
  lay({ sizes, forms, steps, slots }) {
    const { exports } = this.instance;
    this.top = exports.__heap_base.value + 63 & ~63;
    this.arrays = new Map();
    this.again = []; // arrays of whole numbers, which are as they were before each call
    for (const step of steps) for (const at of step.slice(1)) if (Array.isArray(slots[at]) && slots[at].length > 2) this.place(slots[at]);
    this.calls = steps.map(([entry, ...places]) => [exports[`entry_${entry}`], this.block(places.map(at => slots[at]))]);
    this.forms = forms;
    this.sizes = sizes;
    this.inputs = {};
    for (const name of ["q", "k", "v"]) this.fill(name, forms[name === "v" ? "k" : name]);
    for (const [name, { kind, at, count }] of this.arrays) { // the output, and scratch
      if (/^[qkv]/.test(name) || !kind.startsWith("f") && name !== "out") continue;
      new Uint8Array(this.memory.buffer, at, count * BYTES[kind]).fill(0xFF); // NaN in every form
    }
    exports.begin(this.top);
  }

  take(bytes) {
    const at = this.top;
    this.top = at + bytes + 63 & ~63;
    const lacking = this.top - this.memory.buffer.byteLength;
    if (lacking > 0) this.memory.grow(Math.ceil(lacking / PAGE)); // throws a RangeError itself
    return at;
  }

  place([kind, shape, name, whole]) {
    const count = size(shape);
    if (name === "" || this.arrays.has(name)) return;
    const at = this.take(Math.max(64, count * BYTES[kind]));
    this.arrays.set(name, { kind, at, count });
    if (!whole) return;
    const list = Array.isArray(whole) ? whole : [];
    for (let i = 0; !Array.isArray(whole) && i < whole.runs.length; i += 2) for (let n = 0; n < whole.runs[i + 1]; n++) list.push(whole.runs[i]);
    const put = () => {
      const held = this.view(name);
      for (let i = 0; i < list.length; i++) held[i] = kind === "i8" ? BigInt(list[i]) : list[i];
    };
    if (list.length <= 64) this.again.push(put); else put();
  }

  view(name) {
    const { kind, at, count } = this.arrays.get(name);
    const Type = { f4: Float32Array, f8: Float64Array, i8: BigInt64Array, i4: Int32Array, u2: Uint16Array, u1: Uint8Array }[kind];
    return new Type(this.memory.buffer, at, count);
  }

  /* The slots of one entry: eight bytes each, in Numba's order. */
  block(given) {
    const words = given.flatMap(slot => {
      if (!Array.isArray(slot)) return [["int", slot]];
      if (slot.length === 2) return [["real", slot[1]]];
      const [kind, shape, name] = slot, strides = shape.map((_, i) => BYTES[kind] * size(shape.slice(i + 1)));
      const at = name === "" ? 64 : this.arrays.get(name).at;
      return [0, 0, size(shape), BYTES[kind], at, ...shape, ...strides].map(word => ["int", word]);
    });
    const at = this.take(8 * words.length), view = new DataView(this.memory.buffer);
    words.forEach(([how, word], i) => (how === "real" ? view.setFloat32(at + 8 * i, word, true) : view.setBigInt64(at + 8 * i, BigInt(word), true)));
    return at;
  }

  fill(name, form) {
    const { batch, heads, kv_heads, queries, keys, dim } = this.sizes;
    const count = batch * dim * (name === "q" ? heads * queries : kv_heads * keys);
    const { stored, means, scales } = kept(numbers(count, SEEDS[name]), form, dim);
    const put = (where, from) => {
      const { at } = this.arrays.get(where);
      new Uint8Array(this.memory.buffer, at, from.byteLength).set(new Uint8Array(from.buffer, from.byteOffset, from.byteLength));
    };
    put(name, stored);
    if (scales) put(`${name}_scales`, scales);
    this.inputs[name] = means;
  }

  /* One call of the kernel. */
  run() {
    for (const put of this.again) put();
    for (const [entry, at] of this.calls) if (entry(at) !== 0) throw Error("the kernel ended with an error");
  }

  /* What it wrote, as float32; and its very bits. */
  output() { return read(this.view("out"), this.forms.out); }
  bits() { const { kind, at, count } = this.arrays.get("out"); return new Uint8Array(this.memory.buffer, at, count * BYTES[kind]).slice(); }
}
