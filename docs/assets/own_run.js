/* What was measured in a browser as a run's file, of the project's format: `attnsite/records/run_file.py` reads it, and
   its hash of the rows is made as it makes it. What a browser does not tell is said to be so. */
import { key, median, REASONS } from "./kernel_clock.js";

const FORMAT = 3;

/* A number as Python writes it, so that both hash the same text. */
function plain(x) {
  if (Number.isInteger(x) && Math.abs(x) < 1e16) return String(x);
  const text = String(x), [digits, power] = text.includes("e") ? text.split("e") : [text, null];
  const size = Math.abs(x);
  if (size >= 1e-4 && size < 1e16) return text;
  if (power !== null) return `${digits}e${Number(power) < 0 ? "-" : "+"}${String(Math.abs(power)).padStart(2, "0")}`;
  const zeros = text.match(/^-?0\.(0+)/)[1].length, rest = text.replace(/^-?0\.0+/, ""); // 0.00001234 is 1.234e-05 there
  return `${x < 0 ? "-" : ""}${rest[0]}${rest.length > 1 ? `.${rest.slice(1)}` : ""}e-${String(zeros + 1).padStart(2, "0")}`;
}

const line = value => (typeof value === "number" ? plain(value) : Array.isArray(value) ? `[${value.map(line).join(", ")}]`
  : value && typeof value === "object" ? `{${Object.entries(value).map(([name, one]) => `${JSON.stringify(name)}: ${line(one)}`).join(", ")}}`
    : JSON.stringify(value));

/* The text of the file. `seconds` is how long was measured in all, `started` when it began. */
export async function written(data, rows, { started, seconds, threads }) {
  const known = [...rows.values()].filter(row => row.samples);
  const quick = new Set(data.cases.filter(one => one.quick).map(one => JSON.stringify(one.case)));
  const sweep = known.every(row => quick.has(JSON.stringify(row.case))) ? "quick" : "full";
  const kernels = Object.keys(data.kernels);
  const lines = data.cases.filter(one => sweep === "full" || one.quick).flatMap(one => kernels.map(kernel => {
    const row = rows.get(key(one, kernel)), head = { case: one.case, kernel, kernel_digest: data.kernels[kernel] };
    if (row?.samples) {
      const warmups = row.warmups.length ? { warmups: row.warmups } : {};
      return { ...head, samples: row.samples, ...warmups, max_error: row.max_error, bound: row.bound };
    }
    const code = row?.skip_code ?? one.skipped[kernel] ?? "too_slow";
    return { case: one.case, kernel, skipped: row?.skipped ?? REASONS[code], skip_code: code };
  })).map(line);
  const spreads = known.map(row => quartile(row.samples)), spread = median(spreads);
  const head = {
    format: FORMAT, experiment: data.experiment, kind: "timing", machine: "browser", sweep, digest: data.digests[sweep], kernels,
    provenance: {
      machine: { cpu: "not told by browsers", architecture: "wasm32", threads, system: system(), vectors: "simd128" },
      software: { browser: browser() },
      started, seconds: Number(seconds.toFixed(1)), steadiness: { verdict: spread <= 0.1 ? "steady" : "noisy", median_spread: Number(spread.toFixed(4)) },
    },
    complete: true, rows_digest: await hash(lines.join("\n")),
  };
  const top = Object.entries(head).filter(([, value]) => value !== "").map(([name, value]) => `${JSON.stringify(name)}: ${line(value)}`);
  return `{\n${top.join(",\n")},\n"rows": [\n${lines.join(",\n")}\n]\n}\n`;
}

/* The interquartile range of some samples, as a share of their median. */
function quartile(samples) {
  const sorted = [...samples].sort((a, b) => a - b), at = share => {
    const place = share * (sorted.length - 1), low = Math.floor(place);
    return sorted[low] + (place - low) * ((sorted[low + 1] ?? sorted[low]) - sorted[low]);
  };
  return (at(0.75) - at(0.25)) / at(0.5);
}

/* "" where the browser keeps the function from pages that did not come over https. */
async function hash(text) {
  const found = await crypto.subtle?.digest("SHA-256", new TextEncoder().encode(text));
  return found ? Array.from(new Uint8Array(found, 0, 8), byte => byte.toString(16).padStart(2, "0")).join("") : "";
}

const word = text => text.replace(/[^\w ,:;()+/=-]/g, " ").slice(0, 60).trim() || "unknown";
const system = () => word(navigator.userAgentData?.platform || navigator.platform || "");
function browser() {
  const known = navigator.userAgentData?.brands?.find(one => !/not.?a.?brand/i.test(one.brand) && one.brand !== "Chromium");
  if (known) return word(`${known.brand} ${known.version}`);
  const [, name, version] = navigator.userAgent.match(/(Firefox|Edg|OPR|Chrome)\/(\d+)/) || navigator.userAgent.match(/(Version)\/(\d+).*Safari/) || [];
  return word(name ? `${name === "Version" ? "Safari" : name} ${version}` : "");
}
