/* A sentence for who listens to the page instead of looking at it. */
const { make } = window.attnsite;

export function say(text) {
  const place = document.getElementById("attnsite-said") || make("p", { id: "attnsite-said", className: "said", role: "status" });
  document.body.append(place); // again after each page change, which may have taken it away
  setTimeout(() => { place.textContent = text; }, 50);
}
