/* Quantities as `attnsite/records/quantity.py` prints them: three digits, and the unit's prefix chosen for the
   number. A test
   holds the two against each other. */
const THIN = "\u202f";
const DECIMAL = ["", "k", "M", "G", "T", "P"];
const prefixed = unit => [1000, DECIMAL.map(prefix => prefix + unit)];
const PREFIXES = {
  B: [1024, ["B", "KiB", "MiB", "GiB", "TiB", "PiB"]],
  FLOP: prefixed("FLOP"), "FLOP/s": prefixed("FLOP/s"), "B/s": prefixed("B/s"),
  parameters: [1000, ["", "thousand", "million", "billion", "trillion", "quadrillion"]],
};
const TIMES = [[1, "s"], [1e-3, "ms"], [1e-6, "µs"], [1e-9, "ns"]];

export const grouped = digits => digits.replace(/\B(?=(\d{3})+(?!\d))/g, THIN);

/* An exact tie goes to the even digit, as in Python; `long` has the same digits as `text` and many more. */
const even = (text, long, cut) => (/^50*(e|$)/.test(long.slice(cut)) && /[02468]\.?$/.test(long.slice(0, cut))
  ? long.slice(0, cut).replace(/\.$/, "") : text);

function fixed(value, places) {
  const long = value.toFixed(Math.min(100, places + 60));
  return even(value.toFixed(places), long, long.length - Math.min(60, 100 - places));
}

function power(value) {
  const [short, exponent] = value.toExponential(2).split("e");
  const size = String(Number(exponent)).replace(/[-\d]/g, sign => "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"["-0123456789".indexOf(sign)]);
  return `${even(short, value.toExponential(60), 4)}×10${size}`;
}

function rounded(value, digits) {
  if (value >= 1e15) return power(value);
  if (value >= 1e7 && !Number.isInteger(value)) value = Number(value.toPrecision(digits)); // a quotient has no nine true digits
  if (Number.isInteger(value)) return value >= 10_000 ? grouped(String(value)) : String(value);
  const exponent = Math.floor(Math.log10(value)), places = Math.max(0, digits - 1 - exponent);
  let text = fixed(value, places);
  if (places && Number(text) >= 10 ** (exponent + 1)) text = fixed(value, places - 1);
  const [whole, part] = text.split(".");
  return grouped(whole) + (part ? `.${part}` : "");
}

export function text(value, unit = "1", digits = 3) {
  let number = Number(value);
  if (unit === "1") return rounded(number, digits);
  if (unit === "%") return `${rounded(100 * number, digits)}%`;
  if (unit === "s") {
    const [scale, name] = TIMES.find(([s]) => number >= 0.9995 * s) || TIMES.at(-1);
    return rounded(number / scale, digits) + THIN + name;
  }
  if (!(unit in PREFIXES)) return rounded(number, digits) + (unit === "×" ? "" : THIN) + unit;
  const [base, names] = PREFIXES[unit];
  let step = 0;
  while (number >= base - 0.5 && step < names.length - 1) { number /= base; step += 1; }
  const shown = number >= 1e6 ? power(number) : rounded(number, digits);
  return names[step] ? shown + THIN + names[step] : shown;
}
