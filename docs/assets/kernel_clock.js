/* Kernels timed in the reader's browser, as `attnsite/measure/clock.py` times them: checked first, warmed up until two
   rounds agree, called in turn, every sample kept. Calls are repeated until the browser's coarse clock can tell. */
const SAMPLE_MS = 20, STEPS = 50, AGREE = 0.1, WARM = 6, ROUNDS = [3, 9], LONGEST_S = 0.7, UNKNOWN = 1e-9, ROOM = 2 ** 25;
export const median = values => { const s = [...values].sort((a, b) => a - b), h = s.length >> 1; return s.length % 2 ? s[h] : (s[h - 1] + s[h]) / 2; };

export class Stopped extends Error {}

/* A worker that is asked and answers. */
class Thread {
  constructor(address) {
    this.worker = new Worker(address, { type: "module" });
    this.waiting = new Map();
    this.count = 0;
    this.worker.onmessage = ({ data }) => {
      const { done, failed } = this.waiting.get(data.id);
      this.waiting.delete(data.id);
      if ("error" in data) failed(Object.assign(Error(data.error), { memory: data.memory })); else done(data.answer);
    };
    this.worker.onerror = event => this.end(event.message || "the worker did not load");
  }
  ask(ask, given) {
    if (this.ended) return Promise.reject(this.ended);
    const id = this.count++;
    return new Promise((done, failed) => {
      this.waiting.set(id, { done, failed });
      this.worker.postMessage({ id, ask, ...given });
    });
  }
  end(why) {
    this.ended = why instanceof Error ? why : Error(why);
    this.worker.terminate(); // its memories go with it
    for (const { failed } of this.waiting.values()) failed(this.ended);
    this.waiting.clear();
  }
}

/* One measurement: `data` is an experiment's JSON, `about` the modules', `rows` what is known already, by row. */
export class Measurement {
  constructor(data, about, address, threads, rows) {
    Object.assign(this, { data, about, rows, threads });
    this.workers = Array.from({ length: threads }, () => new Thread(address));
    this.least = SAMPLE_MS;
    this.tried = new Set([...rows.values()].filter(row => row.samples).map(row => row.kernel));
  }

  stop(why) { for (const worker of this.workers) worker.end(new Stopped(why)); }

  all(count, ask, given) { return Promise.all(this.workers.slice(0, count).map(worker => worker.ask(ask, given))); }

  /* Measure for so many seconds; `tell` is told how far it is, from 0 to 1, and what is being done. */
  async run(seconds, tell) {
    const modules = [...new Set(this.data.cases.flatMap(one => Object.values(one.calls).map(call => call.module)))];
    tell(0, "loading the kernels");
    const loaded = await this.all(this.threads, "load", { names: modules });
    this.least = Math.max(SAMPLE_MS, STEPS * Math.max(...loaded.map(one => one.step)));
    this.bits = await this.prove(tell);
    const end = performance.now() + 1000 * seconds, start = performance.now();
    for (const one of this.plan()) {
      const left = end - performance.now();
      if (left <= 0 || (this.measured() && this.expected(one) > left)) continue;
      await this.time(one, Math.min(end, performance.now() + Math.max(200, left / 3)), what => tell(Math.min(1, (performance.now() - start) / (1000 * seconds)), what));
    }
    tell(1, "done");
  }

  /* Whether every kernel gives the bits that it gives natively at the same vector width: how many calls were compared.
     Throws where one does not. */
  async prove(tell) {
    tell(0, "comparing bits with the native kernels");
    const { slots: none, ...known } = this.about, asked = new Set(Object.keys(this.data.kernels));
    const mine = known.proofs.filter(one => asked.has(one.kernel) && this.uses(one.module));
    let same = 0;
    for (const { kernel, module, case: sizes, forms, slots, steps, sha256 } of mine) {
      await this.workers[0].ask("lay", { kernel, module, call: { sizes, forms, slots, steps } });
      const found = sha256 && await this.workers[0].ask("prove", { kernel, module });
      if (found && found !== sha256) throw Error(`${kernel} does not give its native bits here`);
      same += !!found;
    }
    return same;
  }

  uses(module) { return this.data.cases.some(one => Object.values(one.calls).some(call => call.module === module)); }

  /* Whether all kernels' arrays of a case fit into a 32nd of the device's memory; where that is not told, a phone has 2 GB. */
  fits({ case: { batch, heads, kv_heads, queries, keys, dim }, calls }) {
    const device = navigator.deviceMemory || (matchMedia("(pointer: coarse)").matches ? 2 : 8);
    return 8 * batch * dim * (heads * queries + kv_heads * keys) * Object.keys(calls).length <= ROOM * device;
  }

  measured() { return [...this.rows.values()].some(row => row.samples); }

  /* The cases in the order in which they are tried: those with the fewest samples, the quick ones, the smallest. */
  plan() {
    const samples = one => Math.min(...Object.keys(one.calls).map(kernel => this.rows.get(key(one, kernel))?.samples?.length ?? 0));
    return this.data.cases.filter(one => Object.keys(one.calls).length)
      .map(one => ({ one, rank: [samples(one), !one.quick, one.flops] }))
      .sort((a, b) => a.rank[0] - b.rank[0] || a.rank[1] - b.rank[1] || a.rank[2] - b.rank[2]).map(({ one }) => one);
  }

  /* How many ms a case will take, from what its kernels took for other cases. */
  expected(one) {
    let sum = 0;
    for (const kernel of Object.keys(one.calls)) {
      const call = this.guess(one, kernel);
      sum += call > LONGEST_S ? 0 : 6 * Math.max(this.least, 1000 * call) + 2000 * call;
    }
    return sum;
  }

  /* Seconds of a call, by what the kernel's last cases took for their operations; as of plain loops where none is known,
     but for the first case of a kernel: it is tried. */
  guess(one, kernel) {
    if (!this.tried.has(kernel)) return 0;
    const rates = [...this.rows.values()].filter(row => row.kernel === kernel && row.samples).map(row => median(row.samples) / row.flops);
    return one.flops * (rates.length ? Math.max(...rates.slice(-3)) : UNKNOWN);
  }

  /* All kernels of a case: laid out, checked, warmed up, then called in turn until `end`. */
  async time(one, end, tell) {
    const entered = [];
    for (const [kernel, { module, forms, shares }] of Object.entries(one.calls)) {
      const counts = Object.keys(shares).map(Number).filter(n => n <= this.threads), count = Math.max(...counts);
      const row = { case: one.case, kernel, flops: one.flops };
      if (!counts.length) { this.skip(row, "too_few_threads"); continue; }
      const { batch, heads, kv_heads } = one.case, part = batch * kv_heads / count;
      const sizes = { ...one.case, batch: 1, heads: part * heads / kv_heads, kv_heads: part };
      if (!this.fits(one)) { this.skip(row, "too_large", "more memory than this device should give a page"); continue; }
      if (this.guess(one, kernel) > LONGEST_S) { this.skip(row, "too_slow", "a call takes longer than a page should be busy"); continue; }
      this.tried.add(kernel);
      tell(`checking ${kernel} on ${words(one.case)}`);
      try {
        await this.all(count, "lay", { kernel, module, call: { sizes, forms, slots: this.data.slots, steps: shares[count] } });
        const { max_error, bound } = await this.workers[0].ask("check", { kernel, module, workload: sizes });
        Object.assign(row, { max_error, bound });
        if (!(max_error <= bound)) { this.skip(row, "wrong", `wrong: error ${max_error}, bound ${bound}`); continue; }
      } catch (error) {
        if (error instanceof Stopped || !error.memory) throw error;
        this.skip(row, "too_large"); // the browser gives no more memory
        continue;
      }
      const who = { kernel, module, count, row, warmups: [], samples: [] };
      if (await this.warm(who)) entered.push(who); else this.skip(row, "too_slow", "a call takes longer than a page should be busy");
    }
    for (let round = 0; round < ROUNDS[1] && (round < ROUNDS[0] || performance.now() < end); round++) {
      for (const who of entered) {
        tell(`timing ${who.kernel} on ${words(one.case)}`);
        who.samples.push(await this.sample(who, who.times));
      }
    }
    for (const { row, warmups, samples } of entered) {
      const before = this.rows.get(key(one, row.kernel));
      const all = [...(before?.samples || []), ...samples];
      this.rows.set(key(one, row.kernel), { ...row, samples: all, warmups: [...(before?.warmups || []), ...warmups], drift: drift(all) });
    }
  }

  /* Repeat until a sample is long enough for the clock and two agree: engines compile again what is called often. */
  async warm(who) {
    let last = await this.sample(who, 1);
    if (last > LONGEST_S) return false;
    for (let i = 0; i < WARM; i++) {
      who.times = Math.max(1, Math.ceil(this.least / 1000 / last));
      const next = await this.sample(who, who.times), apart = Math.abs(next - last) / next;
      who.warmups.push(next);
      last = next;
      if (i && apart <= AGREE) break;
    }
    who.times = Math.max(1, Math.ceil(this.least / 1000 / last));
    return true;
  }

  /* Seconds of a call: from the first worker's start to the last one's end. */
  async sample({ kernel, module, count }, times) {
    const spans = await this.all(count, "time", { kernel, module, times });
    const ms = Math.max(...spans.map(one => one.end)) - Math.min(...spans.map(one => one.start));
    return Math.max(ms, 1e-3) / 1000 / times;
  }

  skip(row, skip_code, skipped = REASONS[skip_code]) {
    if (!this.rows.get(key({ case: row.case }, row.kernel))?.samples) this.rows.set(key({ case: row.case }, row.kernel), { case: row.case, kernel: row.kernel, skipped, skip_code });
  }
}

export const REASONS = {
  too_large: "more memory or arithmetic than a page should take",
  too_few_threads: "needs threads, or shares of whole heads, that this browser does not have",
  refused: "has no way to do this workload",
  too_slow: "was not tried within the seconds that were given",
};
export const key = (one, kernel) => JSON.stringify([one.case, kernel]);
const words = ({ heads, queries, keys, dim }) => `${heads} × ${queries} × ${keys}, width ${dim}`;

/* By how much the later half of the samples differs from the earlier: a machine that gets hot slows down. */
function drift(samples) {
  const half = samples.length >> 1;
  return half ? median(samples.slice(-half)) / median(samples.slice(0, half)) - 1 : 0;
}
