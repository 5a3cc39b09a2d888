/* What a reader does with a figure besides exploring it: the whole screen, its address, a PNG. Loaded at the first. */
import { say } from "./say.js";

const { bring, live, make, wake } = window.attnsite;

// --- its address ---------------------------------------------------------------------------------------------

export async function link(figure, button) {
  const { addressOf } = await bring("opened.js");
  const address = addressOf(figure);
  const own = figure.querySelector(".exhibit-machine option:checked")?.parentNode.matches("optgroup"); // on no other machine
  const done = await copy(address.href);
  if (!done) history.replaceState(history.state, "", address);
  const told = done ? "Copied" : "In the address bar";
  button.textContent = told;
  setTimeout(() => { button.textContent = "Copy link"; }, 2000);
  const rest = own ? " It shows the committed run: this one is on your machine alone." : "";
  if (own) figure.querySelector(".exhibit-note")?.replaceChildren(rest.trim());
  say((done ? "The link to this figure is copied." : "The link to this figure stands in the address bar.") + rest);
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
  const height = figure.offsetHeight, depth = figure.getBoundingClientRect().top;
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
    scrollBy({ top: figure.getBoundingClientRect().top - depth, behavior: "instant" }); // it stands where it stood, though the window was turned
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

const [WIDTH, HEIGHT, TIMES, SIDE, GAP] = [760, 420, 2, 12, 8];

/* Of the chart as it is now where there is one, else of the picture; on the ground of the theme that is shown. */
export async function png(figure, button) {
  button.disabled = true;
  try {
    const { svg, height } = await sheet(figure);
    const stem = figure.querySelector("[data-ending='.csv']").download.replace(/\.csv$/, "");
    const made = await raster(svg, height);
    const address = URL.createObjectURL(made);
    make("a", { href: address, download: `${stem}.png` }).click();
    setTimeout(() => URL.revokeObjectURL(address), 10000);
    say("The PNG is saved.");
  } finally {
    button.disabled = false;
  }
}

/* The picture with what it needs where it stands alone: title, what is drawn, machine, day and commit, address. The
   same as `attnsite/site/figures/sheet.py` makes for the SVG file. */
export async function sheet(figure) {
  const state = live.get(figure);
  const svg = state?.chart ? await drawn(state) : await pictured(figure);
  const { addressOf } = await bring("opened.js");
  const said = part => figure.querySelector(`[data-text="${part}"]`)?.textContent.replace(/[ \t\n]+/g, " ").trim() || "";
  const style = getComputedStyle(document.body), colour = name => style.getPropertyValue(`--figure-${name}`).trim();
  const texts = [];
  let y = GAP, top = 0;
  const write = (text, size, weight, ink) => {
    for (const line of wrapped(text, `${weight} ${size}px ${style.fontFamily}`)) {
      y += 1.35 * size;
      const words = make("span", {}, line).innerHTML; // escaped
      texts.push(`<text x="${SIDE}" y="${y.toFixed(1)}" style="font:${weight} ${size}px ${style.fontFamily.replaceAll('"', "'")};fill:${ink}">${words}</text>`);
    }
  };
  write(said("title"), 16, 650, colour("ink"));
  top = y + GAP;
  y = top + HEIGHT;
  write(said("caption"), 12, 400, colour("ink"));
  write(said("made"), 11, 400, colour("mute"));
  write(addressOf(figure).href, 11, 400, colour("mute"));
  const height = Math.round(y + 2 * GAP);
  const inner = svg.replace(/<svg (?:class="[^"]*" )?/, `<svg y="${top.toFixed(1)}" `);
  return { svg: `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}">${texts.join("")}${inner}</svg>`, height };
}

/* A text's lines, none wider than the sheet. */
function wrapped(text, font) {
  const pen = make("canvas").getContext("2d"), lines = [];
  pen.font = font;
  const fits = line => pen.measureText(line).width <= WIDTH - 2 * SIDE;
  for (const word of text.split(" ").flatMap(word => (fits(word) ? [word] : word.match(/.{1,80}/g)))) {
    const longer = lines.length ? `${lines.at(-1)} ${word}` : word;
    if (lines.length && fits(longer)) lines[lines.length - 1] = longer; else lines.push(word);
  }
  return lines;
}

async function drawn(state) {
  const { paint } = await bring("live.js"), { chart } = state;
  const { width: _, height: __, ...now } = chart.layout; // with its zoom, the ticks of that, and what is switched off
  const own = paint((state.shown || state.spec).layouts.wide);
  const wide = state.name === "wide" ? now : { ...own, xaxis: { ...own.xaxis, range: now.xaxis.range }, yaxis: { ...own.yaxis, range: now.yaxis.range } };
  const figure = { data: chart.data, layout: { ...wide, width: WIDTH, height: HEIGHT, shapes: [] } };
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

async function raster(svg, height) {
  const image = make("img", { width: WIDTH, height });
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svg)}`;
  await image.decode();
  const canvas = make("canvas", { width: WIDTH * TIMES, height: height * TIMES });
  const pen = canvas.getContext("2d");
  pen.fillStyle = getComputedStyle(document.body).getPropertyValue("--ground").trim();
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.drawImage(image, 0, 0, canvas.width, canvas.height);
  return new Promise((done, failed) => {
    canvas.toBlob(blob => (blob ? done(blob) : failed(Error("the browser made no PNG"))), "image/png");
  });
}
