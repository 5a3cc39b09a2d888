/* The head browser: what one query of the chosen map looks at, read out in numbers. Which head is shown, and in which
   state, the page and `heads.css` settle without this; the weights stand beside the small maps, in whole percent. */

/* In words, where a query looks most. `weights` are those of the keys up to its own, `letters` the tokens. */
export function reading(weights, letters, query) {
  const keys = weights.map((_, key) => key).sort((a, b) => weights[b] - weights[a]).filter(key => weights[key]).slice(0, 3);
  const found = keys.map(key => `${weights[key]}% to token ${key + 1}, “${letters[key]}”`).join("; ");
  return `Token ${query + 1}, “${letters[query]}”, attends ${found}.`;
}

export function start(element) {
  if (element.dataset.live) return;
  element.dataset.live = "yes";
  const { elements } = element.querySelector("form"), large = element.querySelector(".hb-large");
  const told = element.querySelector("output"), row = large.querySelector(".hb-query");
  const letters = [...large.querySelector(".hb-keys").textContent];

  function show() {
    const query = Number(elements.query.value);
    const map = element.querySelector(`#hb-${elements.state.value}-${elements.head.value}`);
    const line = reading(map.dataset.weights.split(";")[query].split(",").map(Number), letters, query);
    if (told.value !== line) told.value = line;
    row.setAttribute("d", `M0 ${query}H${letters.length}V${query + 1}H0Z`);
  }

  element.addEventListener("input", show);
  large.addEventListener("pointermove", event => {
    const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(large.getScreenCTM().inverse());
    const query = Math.floor(at.y);
    if (query < 0 || query >= letters.length || String(query) === elements.query.value) return;
    elements.query.value = query;
    show();
  });
  show();
}
