/* What a run's file is, for files from anywhere: the same shape as `attnsite/records/shape.py` asks for, with bounds on
   its size.
   Nothing of a file is trusted: no name in it becomes a property, no text in it becomes HTML, no number is unbounded. */
const FORMAT = 3; // 1 had no codes beside the sentences of skipped rows, 2 no passes
const MOST_ROWS = 20000, MOST_SAMPLES = 10000, MOST_NAMES = 60, MOST_TEXT = 4000;
const KINDS = ["timing", "memory", "study", "count"];
const text = value => typeof value === "string" && value.length <= MOST_TEXT;
const object = value => typeof value === "object" && value !== null && !Array.isArray(value);
const number = value => typeof value === "number" && value >= 0 && value < 1e30; // what a clock or a counter says
const list = value => Array.isArray(value);
const numeric = value => typeof value === "number" || ["nan", "inf", "-inf"].includes(value);
const HEAD = new Map(Object.entries({ format: Number.isInteger, experiment: text, kind: text, machine: text, sweep: text,
  digest: text, rows_digest: text, kernels: list, provenance: object, rows: list, complete: value => typeof value === "boolean" }));
const PROVENANCE = new Map(Object.entries({ machine: object, software: object, started: text, seconds: number, steadiness: object }));
const ROW = new Map(Object.entries({ case: object, kernel: text, kernel_digest: text, stage: text, seed: Number.isInteger,
  samples: list, warmups: list, values: object, max_error: numeric, bound: numeric, skipped: text, skip_code: text,
  passes: list, busy: list, switched: list, retaken: Number.isInteger }));

const named = name => (name.length > 40 ? `${name.slice(0, 39)}…` : name);

/* A run, and every way in which the text is none; `experiments` are those that the site knows, by name. */
export function read(source, experiments) {
  const faults = [];
  let data;
  try {
    data = JSON.parse(source);
  } catch (error) {
    const cut = /^\s*[{[]/.test(source) && (/end of|unterminated/i.test(error.message) || !/[}\]]\s*$/.test(source));
    faults.push(!source.trim() ? "is empty." : cut ? "ends in the middle: copy the whole file." : "is not valid JSON: choose a file that `attnsite measure` wrote.");
    return { run: null, faults };
  }
  if (!object(data) || !Object.hasOwn(data, "format")) return { run: null, faults: ["is not a run: it has no format number."] };
  if (!Number.isInteger(data.format) || data.format < 1) return { run: null, faults: ["is not a run: its format is no number from 1 on."] };
  if (data.format > FORMAT) {
    return { run: null, faults: [`has format ${data.format}, newer than the ${FORMAT} that this site reads: ask a newer site.`] };
  }
  shaped(faults, "", data, HEAD, [...HEAD.keys()].filter(name => name !== "rows_digest")); // the first files have none
  if (faults.length) return { run: null, faults };
  shaped(faults, "provenance.", data.provenance, PROVENANCE, [...PROVENANCE.keys()]);
  if (!KINDS.includes(data.kind)) faults.push(`kind is none of ${KINDS.join(", ")}.`);
  if (!["quick", "full"].includes(data.sweep)) faults.push("sweep is neither quick nor full.");
  if (!/^\w{1,60}$/.test(data.machine)) faults.push("machine is no name of letters, digits and underscores.");
  const entry = experiments.get(data.experiment);
  if (!entry) faults.push(`asks “${named(data.experiment)}”, an experiment that this site does not have.`);
  else if (entry.kind !== data.kind) faults.push(`says that it is a ${named(data.kind)}, but ${data.experiment} is a ${entry.kind}.`);
  if (data.rows.length > MOST_ROWS) faults.push(`has ${data.rows.length} rows, more than the ${MOST_ROWS} that are read.`);
  else data.rows.forEach((row, at) => checked(faults, row, `row ${at + 1}`, data.kind === "timing", data.format > 1));
  if (faults.length) return { run: null, faults };
  const rows = data.rows.filter(row => row.skipped === undefined).map(answered);
  return { run: { experiment: data.experiment, kind: data.kind, machine: data.machine, sweep: data.sweep, complete: data.complete,
    started: data.provenance.started.slice(0, 10), rows }, faults };
}

function shaped(faults, where, value, shape, needed) {
  for (const name of needed) if (!Object.hasOwn(value, name)) faults.push(`${where}${name} is missing.`);
  for (const name of Object.keys(value)) {
    if (!shape.has(name)) faults.push(`${where}${named(name)} is not a field of a run.`);
    else if (!shape.get(name)(value[name])) faults.push(`${where}${name} is not what a run has there.`);
  }
}

function checked(faults, row, where, timed, coded) {
  if (!object(row)) { faults.push(`${where} is not an object.`); return; }
  const before = faults.length;
  shaped(faults, `${where}.`, row, ROW, ["case"]);
  if (faults.length > before) return;
  if (coded && (row.skipped === undefined) !== (row.skip_code === undefined)) faults.push(`${where} has one of skipped and skip_code without the other.`);
  for (const name of ["samples", "warmups", "passes", "busy", "switched"]) {
    const taken = row[name] || [];
    if (taken.length > MOST_SAMPLES) faults.push(`${where}.${name} are more than ${MOST_SAMPLES}.`);
    else if (!taken.every(number)) faults.push(`${where}.${name} hold something that is not a valid measurement.`);
    else if (timed && taken.includes(0) && ["samples", "warmups"].includes(name)) faults.push(`${where}.${name} hold a time of 0, which no call takes.`);
  }
  for (const name of ["case", "values"]) {
    const held = Object.entries(row[name] || {});
    if (held.length > MOST_NAMES) faults.push(`${where}.${name} has more than ${MOST_NAMES} names.`);
    else if (!held.every(([key, value]) => key.length <= 80 && shallow(value))) faults.push(`${where}.${name} holds what runs do not hold there.`);
  }
}

/* A number, a text, a truth, nothing, or a list of such (values may hold a list of lists). */
const shallow = (value, depth = 0) => value === null || ["number", "boolean"].includes(typeof value) || text(value)
  || (list(value) && depth < 2 && value.length <= MOST_SAMPLES && value.every(one => shallow(one, depth + 1)));

/* What a row answers: which question it is (`key`), and its quantities by name. */
function answered(row) {
  const quantities = new Map();
  if (row.samples?.length) quantities.set("", median(passes(row).map(median)));
  else for (const [name, value] of Object.entries(row.values || {})) {
    if (typeof value === "number") quantities.set(name, value);
    else if (list(value) && value.length <= MOST_NAMES) value.forEach((one, at) => typeof one === "number" && quantities.set(`${name}, ${at + 1}`, one));
  }
  const known = Object.entries(row.case).sort(([a], [b]) => (a < b ? -1 : 1));
  return { case: new Map(known), kernel: row.kernel ?? null, stage: row.stage ?? null,
    key: JSON.stringify([known, row.kernel ?? null, row.stage ?? null, row.seed ?? null]), quantities };
}

/* The samples of each pass that took some. */
const passes = ({ samples, passes: sizes }) => {
  let at = 0;
  return (sizes?.length ? sizes : [samples.length]).map(size => samples.slice(at, at += size)).filter(part => part.length);
};
const median = samples => {
  const sorted = [...samples].sort((a, b) => a - b), half = sorted.length >> 1;
  return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
};

/* Our own run, which needs no check: it was published by the site that reads it. */
export const ours = data => ({ machine: data.machine, kind: data.kind, rows: data.rows.filter(row => row.skipped === undefined).map(answered) });
