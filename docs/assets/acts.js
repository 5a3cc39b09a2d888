/* What a reader does with a figure besides exploring it: the whole screen, its address, a PNG. Loaded at the first. */
import { say } from "./say.js";

const { bring, live, make, wake } = window.attnsite;

// --- its address ---------------------------------------------------------------------------------------------

export async function link(figure, button) {
  const address = new URL(location.href);
  address.search = "";
  address.hash = figure.id;
  const done = await copy(address.href);
  if (!done) location.hash = figure.id;
  const told = done ? "Copied" : "In the address bar";
  button.textContent = told;
  setTimeout(() => { button.textContent = "Copy link"; }, 2000);
  say(done ? "The link to this figure is copied." : "The link to this figure stands in the address bar.");
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch { // a page that was not loaded over https has no clipboard: as it was done before there was one
    const held = make("textarea", { value: text, className: "said", readOnly: true });
    const before = document.activeElement;
    document.body.append(held);
    held.select();
    const done = document.execCommand("copy");
    held.remove();
    before?.focus({ preventScroll: true });
    return done;
  }
}

// --- the whole screen ----------------------------------------------------------------------------------------

/* The figure moves into a dialog, which holds the focus and knows Escape; the browser's full screen is added where it
   is to be had. Whatever ends either ends both, and the figure goes back to its place. */
export async function full(figure, button) {
  const held = document.querySelector("dialog.exhibit-full");
  if (held) { held.close(); return; }
  const dialog = make("dialog", { className: "exhibit-full md-typeset", "aria-labelledby": figure.getAttribute("aria-labelledby") });
  const paper = matchMedia("print");
  const height = figure.offsetHeight, depth = scrollY;
  const leave = () => { if (!document.fullscreenElement) dialog.close(); };
  const print = () => dialog.close();
  figure.before(dialog);
  const place = make("div", { className: "exhibit-place" });
  place.style.height = `${height}px`; // the page keeps its length, and the reader the place
  dialog.before(place);
  dialog.append(figure);
  button.textContent = "Leave full screen";
  dialog.addEventListener("close", () => {
    document.removeEventListener("fullscreenchange", leave);
    removeEventListener("beforeprint", print);
    paper.removeEventListener("change", print);
    place.replaceWith(figure);
    dialog.remove();
    button.textContent = "Full screen";
    if (document.fullscreenElement) document.exitFullscreen().catch(() => {});
    scrollTo({ top: depth, behavior: "instant" });
    button.focus({ preventScroll: true });
  }, { once: true });
  addEventListener("beforeprint", print);
  paper.addEventListener("change", print);
  dialog.showModal();
  button.focus();
  try {
    await document.documentElement.requestFullscreen?.();
    if (dialog.open) document.addEventListener("fullscreenchange", leave); else if (document.fullscreenElement) await document.exitFullscreen();
  } catch { /* the dialog fills the window, which is what this browser allows */ }
  if (figure.isConnected && figure.matches(".is-chart") && figure.dataset.still !== "yes") wake(figure);
}

// --- a PNG ---------------------------------------------------------------------------------------------------

const [WIDTH, HEIGHT, TIMES] = [760, 420, 2];

/* Of the chart as it is now where there is one, else of the picture; on the ground of the theme that is shown. */
export async function png(figure, button) {
  button.disabled = true;
  try {
    const state = live.get(figure);
    const svg = state?.chart ? await drawn(state) : await pictured(figure);
    const stem = figure.querySelector("[data-ending='.csv']").download.replace(/\.csv$/, "");
    const made = await raster(svg);
    const address = URL.createObjectURL(made);
    make("a", { href: address, download: `${stem}.png` }).click();
    setTimeout(() => URL.revokeObjectURL(address), 10000);
    say("The PNG is saved.");
  } finally {
    button.disabled = false;
  }
}

async function drawn(state) {
  const { layout, paint } = await bring("live.js");
  const figure = { data: paint((state.shown || state.spec).data), layout: layout(state, { width: WIDTH, height: HEIGHT }, "wide") };
  const made = await window.Plotly.toImage(figure, { format: "svg", width: WIDTH, height: HEIGHT });
  return decodeURIComponent(made.slice(made.indexOf(",") + 1));
}

async function pictured(figure) {
  const answer = await fetch(figure.dataset.spec.replace(/\.json$/, "-wide.svg"));
  if (!answer.ok) throw Error(`the picture did not load: ${answer.status}`);
  const style = getComputedStyle(document.body);
  const names = ["ink", "grid", "mute", "paper", "ours", "ours-2", "other", "other-2", "ours-2-ink", "other-2-ink"];
  const now = names.map(name => `--${name}:${style.getPropertyValue(`--figure-${name}`).trim()}`).join(";");
  return (await answer.text()).replace("</style>", `:root:root{${now}}</style>`); // the page's theme, not the system's
}

async function raster(svg) {
  const image = make("img", { width: WIDTH, height: HEIGHT });
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svg)}`;
  await image.decode();
  const canvas = make("canvas", { width: WIDTH * TIMES, height: HEIGHT * TIMES });
  const pen = canvas.getContext("2d");
  pen.fillStyle = getComputedStyle(document.body).getPropertyValue("--ground").trim();
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.drawImage(image, 0, 0, canvas.width, canvas.height);
  return new Promise((done, failed) => {
    canvas.toBlob(blob => (blob ? done(blob) : failed(Error("the browser made no PNG"))), "image/png");
  });
}
