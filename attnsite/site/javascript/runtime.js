/* What the translated Python needs: its integers are BigInt, its floats Number, its dicts and sets the classes below,
   its lists and tuples arrays. Each function does what the Python of its name does, for the values that formulas have. */

let it; // the left side of an `or`

class Failed extends Error {}
const fail = line => { throw new Failed(line); };
const whole = x => (typeof x === "boolean" ? BigInt(x) : x);
const integral = x => typeof x === "bigint" || typeof x === "boolean";

/* A key of a Map: equal values have the same, values of Python that differ have not. */
function key(x) {
  if (typeof x === "string" || typeof x === "bigint") return x;
  if (x instanceof Base) return `\u0000(${x.constructor.id}${[...x.constructor.fields.keys()].map(name => `\u0000${typeof x[name]}${key(x[name])}`)})`;
  if (Array.isArray(x)) return `\u0000[${x.map(one => typeof one + key(one))}]`;
  return typeof x === "boolean" || Number.isInteger(x) ? BigInt(x) : x;
}

class Dict {
  constructor(pairs = []) { this.held = new Map(); for (const [name, value] of pairs) this.set(name, value); }
  set(name, value) {
    const own = key(name), pair = this.held.get(own);
    if (pair) pair[1] = value; else this.held.set(own, [name, value]);
  }
  has(name) { return this.held.has(key(name)); }
  get(name, usual = null) { const pair = this.held.get(key(name)); return pair ? pair[1] : usual; }
  items() { return [...this.held.values()]; }
  keys() { return this.items().map(pair => pair[0]); }
  values() { return this.items().map(pair => pair[1]); }
  [Symbol.iterator]() { return this.keys()[Symbol.iterator](); }
}

class Collection extends Dict {
  constructor(values = []) { super([...values].map(value => [value, true])); }
  add(value) { this.set(value, true); return null; }
}

/* A class of the program. Its fields are a Map of names and of what makes their defaults; `inside` are those that no
   argument gives. */
let classes = 0;
class Base {
  constructor(...given) {
    let place = 0;
    for (const [name, usual] of this.constructor.fields) {
      const value = given[place++];
      this[name] = value !== undefined ? value : usual ? usual() : fail(`${name} is not given`);
    }
    this.__post_init__?.();
  }
}
Base.fields = new Map();
Base.inside = new Set();
function fields(one, ...own) {
  one.fields = new Map([...one.fields, ...own]);
  one.inside = new Set([...one.inside, ...own.filter(field => field[2]).map(field => field[0])]);
  one.id = ++classes;
}
const usual = (one, name, made) => { one.fields = new Map([...one.fields, [name, made]]); };
function replace(x, changes) {
  const { fields: all, inside } = x.constructor;
  return new x.constructor(...[...all.keys()].map(name => (name in changes ? changes[name] : inside.has(name) ? undefined : x[name])));
}
function cached(x, name, made) {
  const value = made();
  Object.defineProperty(x, name, { value, enumerable: false });
  return value;
}
const call = (f, ...given) => (typeof f === "function" ? (f.prototype instanceof Base ? new f(...given) : f(...given)) : f.__call__(...given));
const method = (x, name, ...given) => (typeof x[name] === "function" && !x.constructor.fields?.has(name) ? x[name](...given) : call(x[name], ...given));

/* --- numbers -------------------------------------------------------------------------------------------------------- */

const gcd = (a, b) => { while (b) [a, b] = [b, a % b]; return a < 0n ? -a : a; };
class Ratio {
  constructor(above, below = 1n) {
    const common = gcd(above, below) || 1n, sign = below < 0n ? -1n : 1n;
    [this.numerator, this.denominator] = [sign * above / common, sign * below / common];
  }
}
const ratio = x => (x instanceof Ratio ? x : new Ratio(whole(x)));
const Fraction = (above, below = 1n) => div(ratio(above), ratio(below));

/* a / b as the nearest double: a quotient of at least 70 bits, its last one set where something was left over. */
function quotient(a, b) {
  if (b === 0n) fail("division by zero");
  const negative = (a < 0n) !== (b < 0n);
  if (a < 0n) a = -a;
  if (b < 0n) b = -b;
  if (a < 2n ** 53n && b < 2n ** 53n) return (negative ? -1 : 1) * (Number(a) / Number(b));
  const shift = BigInt(Math.max(0, 70 - a.toString(2).length + b.toString(2).length));
  let found = (a << shift) / b;
  if (found * b !== a << shift) found |= 1n;
  return (negative ? -1 : 1) * Number(found) / 2 ** Number(shift);
}

function floored(a, b) {
  if (b === 0n) fail("division by zero");
  const found = a / b;
  return a % b !== 0n && (a < 0n) !== (b < 0n) ? found - 1n : found;
}
function floorModulo(a, b) {
  if (!b) fail("division by zero");
  const rest = a % b;
  return rest && (rest < 0) !== (b < 0) ? rest + b : rest;
}
const arithmetic = (ofIntegers, ofNumbers, ofRatios) => (a, b) => {
  [a, b] = [whole(a), whole(b)];
  if (typeof a === "bigint" && typeof b === "bigint") return ofIntegers(a, b);
  if (ofRatios && (a instanceof Ratio || b instanceof Ratio) && typeof a !== "number" && typeof b !== "number") return ofRatios(ratio(a), ratio(b));
  return ofNumbers(float(a), float(b));
};
const sums = arithmetic((a, b) => a + b, (a, b) => a + b, (a, b) => new Ratio(a.numerator * b.denominator + b.numerator * a.denominator, a.denominator * b.denominator));
const products = arithmetic((a, b) => a * b, (a, b) => a * b, (a, b) => new Ratio(a.numerator * b.numerator, a.denominator * b.denominator));
const sub = arithmetic((a, b) => a - b, (a, b) => a - b, (a, b) => sums(a, new Ratio(-b.numerator, b.denominator)));
const div = arithmetic(quotient, (a, b) => (b === 0 ? fail("division by zero") : a / b), (a, b) => new Ratio(a.numerator * b.denominator, a.denominator * b.numerator));
const mod = arithmetic(floorModulo, floorModulo);
const floordiv = arithmetic(floored, (a, b) => {
  if (b === 0) fail("division by zero");
  const found = (a - floorModulo(a, b)) / b, floor = Math.floor(found);
  return found - floor > 0.5 ? floor + 1 : floor;
});
const pow = arithmetic((a, b) => (b < 0n ? fail("a power below 0") : a ** b), (a, b) => a ** b);
const shl = (a, b) => a << b;
const neg = x => (x instanceof Ratio ? new Ratio(-x.numerator, x.denominator) : -whole(x));

function add(a, b) {
  if (typeof a === "bigint" && typeof b === "bigint") return a + b;
  if (typeof a === "string" && typeof b === "string") return a + b;
  if (Array.isArray(a) && Array.isArray(b)) return [...a, ...b];
  return a.__add__ ? a.__add__(b) : sums(a, b);
}
function mul(a, b) {
  if (typeof a === "bigint" && typeof b === "bigint") return a * b;
  if (typeof a === "string") return a.repeat(Math.max(0, Number(b)));
  if (Array.isArray(a)) return Array.from({ length: Math.max(0, Number(b)) }).flatMap(() => a);
  return products(a, b);
}
const bor = (a, b) => (a instanceof Collection ? new Collection([...a, ...b]) : a instanceof Dict ? new Dict([...a.items(), ...b.items()]) : a | b);

/* --- truth, equality, containers -------------------------------------------------------------------------------------- */

function truth(x) {
  if (x === null || x === undefined) return false;
  if (Array.isArray(x)) return x.length > 0;
  if (x instanceof Dict) return x.held.size > 0;
  return x instanceof Ratio ? x.numerator !== 0n : typeof x === "number" ? x !== 0 : Boolean(x);
}
function eq(a, b) {
  if (a === b) return true;
  if ((integral(a) || typeof a === "number") && (integral(b) || typeof b === "number")) return whole(a) == whole(b);
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((one, i) => eq(one, b[i]));
  if (a instanceof Ratio || b instanceof Ratio) return Boolean(a?.numerator !== undefined || integral(a)) && Boolean(b?.numerator !== undefined || integral(b)) && eq(ratio(a).numerator, ratio(b).numerator) && eq(ratio(a).denominator, ratio(b).denominator);
  if (a instanceof Dict && b instanceof Dict) return a.held.size === b.held.size && a.keys().every(name => b.has(name) && eq(a.get(name), b.get(name)));
  return a instanceof Base && b instanceof Base && key(a) === key(b);
}
const has = (held, x) => (held instanceof Dict ? held.has(x) : typeof held === "string" ? held.includes(x) : held.some(one => eq(one, x)));
function at(held, x) {
  if (held instanceof Dict) return held.has(x) ? held.get(x) : fail(`no key ${x}`);
  const i = Number(x), found = (typeof held === "string" ? [...held] : held).at(i);
  return found === undefined ? fail(`no place ${i}`) : found;
}
const slice = (held, from, to) => {
  const part = (typeof held === "string" ? [...held] : held).slice(from === null ? 0 : Number(from), to === null ? undefined : Number(to));
  return typeof held === "string" ? part.join("") : part;
};
const len = x => BigInt(x instanceof Dict ? x.held.size : typeof x === "string" ? [...x].length : x.length);
const list = (x = []) => [...x];
const set = values => new Collection(values);
const dict = (x = []) => new Dict(x instanceof Dict ? x.items() : x);
const fromkeys = values => new Collection(values);
const range = (from, to = null, step = 1n) => {
  if (to === null) [from, to] = [0n, from];
  const found = [];
  for (let i = whole(from); i < whole(to); i += step) found.push(i);
  return found;
};
const enumerate = values => [...values].map((value, i) => [BigInt(i), value]);
const zip = (a, b) => (a.length === b.length ? a.map((value, i) => [value, b[i]]) : fail("zip of unlike lengths"));
const map = (f, values) => [...values].map(value => call(f, value));
const sum = (values, start = 0n) => [...values].reduce(add, start);
const all = values => [...values].every(truth);
const any = values => [...values].some(truth);
const next = (values, usual) => (values.length ? values[0] : usual);
const extreme = better => (...given) => {
  const values = given.length === 1 ? [...given[0]] : given;
  return values.length ? values.reduce((a, b) => (better(b, a) ? b : a)) : fail("of nothing");
};
const min = extreme((a, b) => a < b), max = extreme((a, b) => a > b);
const before = (a, b) => {
  if (!Array.isArray(a)) return a < b;
  const i = a.findIndex((one, place) => !eq(one, b[place]));
  return i < 0 ? a.length < b.length : i < b.length && before(a[i], b[i]);
};
const sorted = (values, by = x => x) => [...values].sort((a, b) => (before(by(a), by(b)) ? -1 : before(by(b), by(a)) ? 1 : 0));
const minBy = (values, by) => [...values].reduce((a, b) => (before(by(b), by(a)) ? b : a));
const maxBy = (values, by) => [...values].reduce((a, b) => (before(by(a), by(b)) ? b : a));
const divmod = (a, b) => [floordiv(a, b), mod(a, b)];
const append = (held, x) => { held.push(x); return null; };
const extend = (held, values) => { held.push(...values); return null; };
const object = () => Symbol("object");

/* --- kinds of values ---------------------------------------------------------------------------------------------------- */

const bool = x => truth(x);
const float = x => (x instanceof Ratio ? quotient(x.numerator, x.denominator) : Number(x));
const int = x => (x instanceof Ratio ? x.numerator / x.denominator : integral(x) ? whole(x) : typeof x === "string" ? BigInt(x) : BigInt(Math.trunc(x)));
const abs = x => (x < 0 ? neg(x) : whole(x));
const type = x => ({ boolean: bool, bigint: int, number: float, string: str })[typeof x] ?? (Array.isArray(x) ? list : x instanceof Dict ? dict : x?.constructor ?? null);
const Sequence = "a sequence";
const isinstance = (x, kinds) => kinds.some(kind => kind === type(x) || (kind === int && typeof x === "boolean")
  || (kind === Sequence && (Array.isArray(x) || typeof x === "string")) || (typeof kind === "function" && kind.prototype instanceof Base && x instanceof kind));
const is_integer = x => Number.isInteger(x);

/* --- texts ------------------------------------------------------------------------------------------------------------- */

const commas = x => String(x).replace(/\B(?=(\d{3})+(?!\d))/g, ",");
function floating(x) {
  if (!Number.isFinite(x)) return Number.isNaN(x) ? "nan" : x < 0 ? "-inf" : "inf";
  const [digits, power] = x.toExponential().split("e").map((part, i) => (i ? Number(part) : part));
  if (x === 0) return Object.is(x, -0) ? "-0.0" : "0.0";
  if (power < -4 || power >= 16) return `${digits}e${power < 0 ? "-" : "+"}${String(Math.abs(power)).padStart(2, "0")}`;
  return Number.isInteger(x) ? `${BigInt(x)}.0` : String(Math.abs(x) < 1e-6 ? x.toFixed(-power + digits.replace(/[-.]/g, "").length - 1) : x);
}
const SHORT = { "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t" };
function quoted(text) {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  return quote + [...text].map(letter => {
    if (letter === quote || SHORT[letter]) return SHORT[letter] ?? "\\" + letter;
    if (letter === " " || !/[\p{C}\p{Z}]/u.test(letter)) return letter;
    const code = letter.codePointAt(0), size = code < 256 ? 2 : code < 65536 ? 4 : 8;
    return `\\${{ 2: "x", 4: "u", 8: "U" }[size]}${code.toString(16).padStart(size, "0")}`;
  }).join("") + quote;
}
function repr(x) {
  if (typeof x === "string") return quoted(x);
  if (Array.isArray(x)) return `[${x.map(repr).join(", ")}]`;
  if (x instanceof Dict) return `{${x.items().map(([name, value]) => `${repr(name)}: ${repr(value)}`).join(", ")}}`;
  return str(x);
}
function str(x) {
  if (typeof x === "string") return x;
  if (x === null) return "None";
  if (typeof x === "boolean") return x ? "True" : "False";
  if (typeof x === "bigint") return String(x);
  if (typeof x === "number") return floating(x);
  return x.__str__ ? x.__str__() : repr(x);
}
const among = test => (text, ends) => (Array.isArray(ends) ? ends : [ends]).some(end => test(text, end));
const startsWith = among((text, start) => text.startsWith(start)), endsWith = among((text, end) => text.endsWith(end));
const startswith = startsWith, endswith = endsWith;
const join = (between, texts) => [...texts].join(between);
const removeprefix = (text, start) => (start && text.startsWith(start) ? text.slice(start.length) : text);
const isdecimal = text => /^\p{Nd}+$/u.test(text);
const log2 = x => Math.log2(float(x));
const NAMED = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#x27;" };
const escape = text => text.replace(/[&<>"']/g, letter => NAMED[letter]);
const lower = text => text.toLowerCase(), upper = text => text.toUpperCase();
