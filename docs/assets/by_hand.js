/* Attention by hand: scores that a reader moves, softmax, and what the heads put out. The page as it was built is the
   first state, and says everything that is needed here: tokens, values, scores. See
   `attnsite/site/widgets/by_hand.py`. */

import { sticks } from "./sticks.js";

/* Weights of the keys that are seen; 0 for the others, and for all where none is. */
export function softmax(scores, seen) {
  const most = Math.max(...scores.filter((_, at) => seen[at]));
  const powers = scores.map((score, at) => (seen[at] ? Math.exp(score - most) : 0));
  const total = powers.reduce((a, b) => a + b, 0);
  return powers.map(power => (total ? power / total : 0));
}

/* The numbers `first` up to `end` of every value, times the weights. */
export const mixed = (weights, values, first, end) =>
  values[0].slice(first, end).map((_, at) => weights.reduce((sum, weight, token) => sum + weight * values[token][first + at], 0));

const PARTS = { single: [0, 4], first: [0, 2], second: [2, 4] };
const NAMES = { single: "the one head", first: "head 1", second: "head 2" };
const [WIDE, GAP, THICK, LARGEST] = [400, 48, 16, 4];
const signed = (number, places) => number.toFixed(places).replace(/^-(?=0(\.0*)?$)/, "").replace("-", "−");

export function start(element) {
  if (element.dataset.live) return;
  element.dataset.live = "yes";
  const form = element.querySelector("form"), { elements } = form, values = JSON.parse(element.dataset.values);
  const find = (kind, name) => element.querySelector(`[data-${kind}="${name}"]`);
  const words = [...element.querySelectorAll(".hand-picture text:not([data-line])")].slice(0, values.length).map(e => e.textContent);
  const place = token => WIDE / 2 + GAP * (token - (values.length - 1) / 2);
  const timers = new Map();
  element.querySelectorAll(".hand-seen").forEach(sticks);

  let touched; // a slider and its value: a finger that comes to scroll the page leaves both as they were
  form.addEventListener("pointerdown", ({ target }) => { touched = target.type === "range" ? [target, target.value] : null; });
  form.addEventListener("pointercancel", () => {
    if (!touched) return;
    [touched[0].value, touched] = [touched[1], null];
    show();
  });

  function show() {
    const query = Number(elements.query.value), scale = elements.scale.value;
    const seen = values.map((_, token) => !elements.causal.checked || token <= query);
    for (const panel of element.querySelectorAll(".hand-panel")) {
      const lines = panel.dataset.heads.split(" ").map(head => {
        const scores = values.map((_, token) => Number(elements[`${head}-${token}`].value));
        const [first, end] = PARTS[head], by = scale === "own" ? Math.sqrt(end - first) : Number(scale);
        const weights = softmax(scores.map(score => score / by), seen);
        weights.forEach((weight, token) => {
          const name = `${head}-${token}`, shown = seen[token] ? weight.toFixed(3) : "masked";
          find("score", name).textContent = signed(scores[token], scores[token] % 1 ? 1 : 0);
          find("weight", name).textContent = shown;
          find("bar", name).setAttribute("width", 100 * weight);
          find("line", name).setAttribute("stroke-width", THICK * weight);
          find("line", name).setAttribute("x1", place(query));
          elements[name].setAttribute("aria-valuetext", `${scores[token]}, weight ${shown}`);
        });
        find("scale", head).textContent = String(Number(by.toPrecision(3)));
        find("sum", head).textContent = weights.reduce((a, b) => a + b, 0).toFixed(3);
        mixed(weights, values, ...PARTS[head]).forEach((number, at) => {
          const name = `${head}-${first + at}`, width = Math.abs(number) / LARGEST * 50;
          find("out", name).textContent = signed(number, 3);
          find("bar", `out-${name}`).setAttribute("width", width);
          find("bar", `out-${name}`).setAttribute("x", number < 0 ? 50 - width : 50);
        });
        const [a, b] = weights.map((_, token) => token).sort((x, y) => weights[y] - weights[x]);
        return `${NAMES[head]} puts ${weights[a].toFixed(3)} on “${words[a]}” and ${weights[b].toFixed(3)} on “${words[b]}”`;
      });
      const line = `${lines.join("; ")}.`.replace(/^./, letter => letter.toUpperCase()), svg = panel.querySelector("svg");
      svg.setAttribute("aria-label", line);
      svg.querySelector("[data-line=query]").setAttribute("x", place(query));
      svg.querySelector("[data-line=query]").textContent = words[query];
      clearTimeout(timers.get(panel)); // said once, when the hand rests
      timers.set(panel, setTimeout(() => { const told = panel.querySelector("output"); if (told.value !== line) told.value = line; }, 400));
    }
  }

  form.addEventListener("input", show);
  form.addEventListener("reset", () => setTimeout(show));
  form.addEventListener("submit", event => event.preventDefault());
  show();
}
