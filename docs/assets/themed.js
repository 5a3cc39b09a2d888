/* Still pictures in the page's theme where the browser does not see to it. In WebKit what stands in an <img> always asks
   for the light colours, whatever page and system want; so the picture's address says which, `#dark` or `#light`, and
   the style sheet of the picture knows both. It is one file, loaded once. `figures.js` loads this in WebKit alone. */

const bare = address => address.split("#")[0];

/* WebKit draws a picture whose address changes behind the # only when it is put into the page anew. */
const dress = (image, theme) => {
  const source = image.previousElementSibling;
  if (source?.srcset) source.srcset = bare(source.srcset) + theme;
  image.src = bare(image.src) + theme;
  image.replaceWith(image.cloneNode());
};

let printing = false; // what is printed is light

const all = () => {
  const theme = !printing && document.body.dataset.mdColorScheme === "slate" ? "#dark" : "#light";
  for (const image of document.querySelectorAll(".exhibit-stage img")) if (!image.src.endsWith(theme)) dress(image, theme);
};

/* New pages, another machine's pictures, the reader's switch. */
new MutationObserver(all).observe(document.body, {
  subtree: true, childList: true, attributes: true, attributeFilter: ["data-md-color-scheme", "src"],
});
for (const event of ["beforeprint", "afterprint"]) addEventListener(event, () => { printing = event === "beforeprint"; all(); });
all();
