/* JSON as Python's `json` reads it: 1 and 1.0 are two kinds of number, integers are exact, NaN and Infinity are numbers
   (config files of state-space models have them), and a key that stands twice is a fault, as in `attnsite cost`. */

const DEEPEST = 400;
const NUMBER = /-?(?:0|[1-9]\d*)(\.\d+)?([eE][-+]?\d+)?/y;
const WORDS = [["null", null], ["true", true], ["false", false], ["NaN", NaN], ["Infinity", Infinity], ["-Infinity", -Infinity]];
const ESCAPED = { '"': '"', "\\": "\\", "/": "/", b: "\b", f: "\f", n: "\n", r: "\r", t: "\t" };

class NotJson extends Error {
  constructor(what, text, place) { super(what); this.line = text.slice(0, place).split("\n").length; }
}

/* The value of a text. Throws NotJson, with the line. */
function parsed(text) {
  let place = 0, depth = 0;
  const wrong = (what, where = place) => { throw new NotJson(what, text, where); };
  const space = () => { while (" \t\n\r".includes(text[place]) && place < text.length) place += 1; };
  function word() {
    const start = place++, parts = [];
    for (;;) {
      const letter = text[place];
      if (letter === undefined) wrong("Unterminated string starting at", start);
      if (letter === '"') { place += 1; return parts.join(""); }
      if (letter < " ") wrong("Invalid control character at");
      if (letter !== "\\") { parts.push(letter); place += 1; continue; }
      const next = text[place + 1];
      if (next === undefined) wrong("Unterminated string starting at", start);
      if (next === "u") {
        const code = text.slice(place + 2, place + 6);
        if (!/^[\da-fA-F]{4}$/.test(code)) wrong("Invalid \\uXXXX escape", place + 1);
        parts.push(String.fromCharCode(parseInt(code, 16)));
        place += 6;
      } else {
        if (!(next in ESCAPED)) wrong("Invalid \\escape");
        parts.push(ESCAPED[next]);
        place += 2;
      }
    }
  }
  function object() {
    const found = new Dict();
    place += 1;
    space();
    if (text[place] === "}") { place += 1; return found; }
    for (;;) {
      if (text[place] !== '"') wrong("Expecting property name enclosed in double quotes");
      const name = word();
      if (found.has(name)) wrong(`${quoted(name)} stands twice`);
      space();
      if (text[place] !== ":") wrong("Expecting ':' delimiter");
      place += 1;
      found.set(name, value());
      space();
      const mark = text[place++];
      if (mark === "}") return found;
      if (mark !== ",") wrong("Expecting ',' delimiter", place - 1);
      space();
    }
  }
  function list() {
    const found = [];
    place += 1;
    space();
    if (text[place] === "]") { place += 1; return found; }
    for (;;) {
      found.push(value());
      space();
      const mark = text[place++];
      if (mark === "]") return found;
      if (mark !== ",") wrong("Expecting ',' delimiter", place - 1);
    }
  }
  function number() {
    NUMBER.lastIndex = place;
    const found = NUMBER.exec(text);
    if (!found) wrong("Expecting value");
    if (found[0].length > 4300) wrong("A number has more than 4300 digits");
    place += found[0].length;
    return found[1] || found[2] ? Number(found[0]) : BigInt(found[0]);
  }
  function value() {
    space();
    if (depth > DEEPEST) wrong("Objects are nested too deep");
    const letter = text[place];
    if (letter === '"') return word();
    if (letter === "{" || letter === "[") {
      depth += 1;
      const found = letter === "{" ? object() : list();
      depth -= 1;
      return found;
    }
    for (const [name, meant] of WORDS) if (text.startsWith(name, place)) { place += name.length; return meant; }
    return number();
  }
  if (text[0] === "\ufeff") wrong("Unexpected UTF-8 BOM (decode using utf-8-sig)");
  const found = value();
  space();
  if (place < text.length) wrong("Extra data");
  return found;
}
