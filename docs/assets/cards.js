/* Cards: the source of a citation, where a number comes from, what a term means. Loaded when the first of such links is
   pointed at, reached by key or tapped; without it each has its text as a title. */
const { make } = window.attnsite;
const LEADS = { cite: "Go to the source in the list", term: "Go to the glossary", quantity: "See where it comes from" };
const HEADER = 48; // px that the theme's header covers
let card = null, owner = null, inside = false, timer;

export function show(link, tapped = false) {
  if (!link.matches(":hover, :focus")) return; // left again while this was loading
  clearTimeout(timer);
  if (owner === link) return;
  hide();
  let content;
  if (link.matches(".cite")) {
    const source = document.getElementById(decodeURIComponent(link.hash.slice(1)));
    if (!source) return;
    content = [...source.cloneNode(true).childNodes].filter(node => !(node.matches && node.matches(".back")));
    const place = link.dataset.place;
    if (place) content.unshift(make("p", { className: "card-place" }, place));
  } else {
    content = link.title.split(" · ").map(line => make("span", { className: "card-line" }, line));
  }
  if (tapped) { // who taps finds this sooner than that a second tap follows the link
    const kind = Object.keys(LEADS).find(name => link.classList.contains(name));
    content.push(make("a", { className: "card-go", href: link.href }, LEADS[kind]));
  }
  owner = link;
  link.dataset.title = link.title;
  link.removeAttribute("title");
  card = make("div", { className: "card md-typeset", id: "attnsite-card", role: "tooltip" }, ...content);
  for (const node of card.querySelectorAll("[id]")) node.removeAttribute("id");
  card.addEventListener("pointerenter", () => clearTimeout(timer));
  card.addEventListener("pointerleave", event => { if (event.pointerType === "mouse") later(); }); // a finger leaves by being lifted
  card.addEventListener("click", event => { if (event.target.closest("a")) setTimeout(hide); });
  document.body.append(card);
  link.setAttribute("aria-describedby", card.id);
  const box = link.getBoundingClientRect(), own = card.getBoundingClientRect();
  const left = Math.max(8, Math.min(box.left, document.documentElement.clientWidth - own.width - 8));
  const [under, over] = [innerHeight - box.bottom - 14, box.top - HEADER - 14]; // it never lies on what it is about
  const below = own.height <= under || under >= over;
  const height = Math.min(own.height, Math.max(96, below ? under : over));
  if (height < own.height) card.style.maxHeight = `${height}px`;
  card.style.left = `${left + scrollX}px`;
  card.style.top = `${(below ? box.bottom + 6 : box.top - height - 6) + scrollY}px`;
}

export function hide() {
  clearTimeout(timer);
  if (owner) {
    owner.removeAttribute("aria-describedby");
    owner.title = owner.dataset.title;
    delete owner.dataset.title;
  }
  card?.remove();
  card = owner = null;
}

function later() {
  clearTimeout(timer);
  timer = setTimeout(hide, 200);
}

document.addEventListener("pointerover", event => {
  if (event.pointerType === "mouse" && owner && event.target.closest?.("a") !== owner && !event.target.closest?.(".card")) later();
});
document.addEventListener("pointerdown", event => { inside = Boolean(event.target.closest?.(".card")); }, true);
document.addEventListener("pointerup", event => { // and not as soon as it comes down, when it may scroll
  if (event.pointerType !== "mouse" && owner && event.target.closest?.("a") !== owner && !event.target.closest?.(".card")) hide();
});
document.addEventListener("focusout", event => { if (event.target === owner && !inside) later(); });
document.addEventListener("keydown", event => {
  inside = false;
  if (event.key === "Escape") hide();
});
