/* Attention in float64, and as plain loops of float32 make it: what a kernel's output is compared with, as
   `attnsite/measure/correctness.py` does, on some rows of some heads. */
import { rounded } from "./kernel_inputs.js";

const HEADS = 4, WORK = 4e6; // products of the rows that are compared, at most
const FLOOR = 4 * 2 ** -23;

/* The largest error of the output over the compared rows, and the bound: twice that of plain float32. */
export function verdict(kernel, workload) {
  const { batch, heads, kv_heads, queries, keys, dim } = kernel.sizes, { q, k, v } = kernel.inputs;
  const out = kernel.output(), form = kernel.forms.out, pairs = spread(batch * heads, HEADS);
  const rows = spread(queries, Math.max(2, Math.min(8, Math.floor(WORK / (pairs.length * keys * dim)))));
  let error = 0, plain = 0, most = 0;
  for (let i = 0; i < v.length; i++) most = Math.max(most, Math.abs(v[i]));
  for (const pair of pairs) {
    const kv = Math.floor(pair / heads) * kv_heads + Math.floor(pair % heads / (heads / kv_heads));
    for (const row of rows) {
      const at = (pair * queries + row) * dim, seen = sight(workload, queries, keys, row);
      const exact = attend(q, at, k, v, kv * keys * dim, keys, dim, seen, x => x, x => x);
      const single = attend(q, at, k, v, kv * keys * dim, keys, dim, seen, Math.fround, x => rounded(x, form));
      for (let d = 0; d < dim; d++) {
        const gap = Math.abs(out[at + d] - exact[d]);
        error = gap <= error ? error : gap; // keeps NaN
        plain = Math.max(plain, Math.abs(single[d] - exact[d]));
      }
    }
  }
  for (let i = 0; i < out.length; i++) if (out[i] !== out[i]) { error = NaN; break; }
  return { max_error: error, bound: 2 * plain + FLOOR * most };
}

/* Up to `count` whole numbers below `end`, spread over all, the first and the last among them. */
function spread(end, count) {
  const found = new Set();
  for (let i = 0; i < count; i++) found.add(Math.round(count > 1 ? i * (end - 1) / (count - 1) : 0));
  return [...found];
}

/* Whether a query sees a key, as a workload says it. */
function sight({ causal, window = 0, blocks = [] }, queries, keys, row) {
  const place = row + keys - queries, [size, near, every] = blocks;
  const count = size ? Math.ceil(queries / size) : 0, length = count ? Math.ceil(queries / count) : 0;
  return key => {
    if (causal && key > place || window && key <= place - window) return false;
    if (!size) return true;
    const from = Math.floor(place / length), to = Math.floor(key / length);
    return from - to < near || (every > 0 && (to + 1) % every === 0);
  };
}

function attend(q, at, k, v, from, keys, dim, seen, step, round) {
  const scores = new Float64Array(keys), out = new Float64Array(dim), scale = step(1 / Math.sqrt(dim));
  let largest = -Infinity, total = 0;
  for (let j = 0; j < keys; j++) {
    if (!seen(j)) continue;
    let sum = 0;
    for (let d = 0; d < dim; d++) sum = step(sum + step(q[at + d] * k[from + j * dim + d]));
    scores[j] = step(sum * scale);
    largest = Math.max(largest, scores[j]);
  }
  for (let j = 0; j < keys; j++) {
    if (!seen(j)) continue;
    const weight = step(Math.exp(step(scores[j] - largest)));
    total = step(total + weight);
    for (let d = 0; d < dim; d++) out[d] = step(out[d] + step(round(weight) * v[from + j * dim + d]));
  }
  return out.map(x => (total > 0 ? round(step(x / total)) : 0));
}
