/* Where kernels are compiled and called, away from the page: a worker of its own for each thread, with memories of its
   own. Its script comes from the network, so that the page's policy need not allow compiling. */
import { Kernel } from "./kernel_module.js";
import { verdict } from "./kernel_reference.js";

const modules = new Map(), kernels = new Map();
const now = () => performance.timeOrigin + performance.now(); // the same clock in all workers

const answers = {
  async load({ names }) {
    await Promise.all(names.map(async name => {
      const answer = await fetch(new URL(`kernels/${name}.wasm`, import.meta.url));
      if (!answer.ok) throw Error(`kernels/${name}.wasm: ${answer.status}`);
      modules.set(name, await WebAssembly.compile(await answer.arrayBuffer()));
    }));
    return { step: step() };
  },
  lay({ kernel, module, call }) {
    const key = `${kernel} ${module}`;
    if (!kernels.has(key)) kernels.set(key, new Kernel(modules.get(module)));
    kernels.get(key).lay(call);
  },
  check({ kernel, module, workload }) {
    const one = kernels.get(`${kernel} ${module}`);
    one.run();
    return verdict(one, workload);
  },
  async prove({ kernel, module }) {
    const one = kernels.get(`${kernel} ${module}`);
    one.run();
    const hash = await crypto.subtle?.digest("SHA-256", one.bits()); // browsers keep it from pages without https
    return hash && Array.from(new Uint8Array(hash), byte => byte.toString(16).padStart(2, "0")).join("");
  },
  time({ kernel, module, times }) {
    const one = kernels.get(`${kernel} ${module}`), start = now();
    for (let i = 0; i < times; i++) one.run();
    return { start, end: now() };
  },
};

/* The steps of the clock, in ms: browsers make it coarse. */
function step() {
  let least = Infinity, last = performance.now();
  for (let seen = 0; seen < 5;) {
    const next = performance.now();
    if (next > last) { least = Math.min(least, next - last); last = next; seen++; }
  }
  return least;
}

addEventListener("message", async ({ data: { id, ask, ...given } }) => {
  try {
    postMessage({ id, answer: await answers[ask](given) });
  } catch (error) {
    postMessage({ id, error: error.message, memory: error instanceof RangeError });
  }
});
