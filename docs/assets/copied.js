/* What a reader copies: formulas as their TeX, and numbers as plain digits. A browser would give a formula without its
   ^ and _, and digits with thin spaces between them, which a spreadsheet takes for text.
   `figures.js` loads this when something is selected. */
const DISPLAY = { block: "$$", inline: "$" };

/* Digits without the spaces of thousands, a hyphen for a minus in front of them, and plain spaces before units. */
export const plain = text => text
  .replace(/(\d)[\u202f\u2009](?=\d{3}(?!\d))/g, "$1")
  .replace(/\u2212(?=[\d.])/g, "-")
  .replace(/[\u202f\u2009]/g, " ");

/* The range, wider where it begins or ends within a formula: half a formula says nothing. */
function whole(range) {
  const wide = range.cloneRange(), formula = node => (node.nodeType === Node.ELEMENT_NODE ? node : node.parentElement)?.closest("math");
  const [first, last] = [formula(range.startContainer), formula(range.endContainer)];
  if (first) wide.setStartBefore(first);
  if (last) wide.setEndAfter(last);
  return wide;
}

/* [text, HTML] of what is selected; null where the browser's own copy says the same. */
export function copied(selection) {
  if (!selection.rangeCount || selection.isCollapsed) return null;
  const around = selection.getRangeAt(0).commonAncestorContainer;
  const block = around.nodeType === Node.ELEMENT_NODE ? around : around.parentElement;
  if (block.closest("pre, .highlight")) return null; // a program is copied as it stands
  const parts = whole(selection.getRangeAt(0)).cloneContents();
  const formulas = [...parts.querySelectorAll("math[alttext]")], walk = document.createTreeWalker(parts, NodeFilter.SHOW_TEXT), mended = [];
  while (walk.nextNode()) {
    const { data, parentElement } = walk.currentNode;
    if (plain(data) !== data && !parentElement?.closest("pre")) mended.push(walk.currentNode);
  }
  if (!formulas.length && !mended.length) return null;
  for (const node of mended) node.data = plain(node.data);
  const box = document.createElement("div");
  box.className = "said md-typeset"; // laid out, since line breaks and tabs follow from that, and seen by nobody
  box.style.whiteSpace = "normal";
  box.append(parts);
  const html = box.innerHTML;
  for (const formula of formulas) {
    const mark = DISPLAY[formula.getAttribute("display")] || "$";
    formula.replaceWith(`${mark}${formula.getAttribute("alttext")}${mark}`);
  }
  document.body.append(box);
  const text = box.innerText;
  box.remove();
  return [text, html];
}

document.addEventListener("copy", event => {
  if (!event.clipboardData || event.target.closest?.("input, textarea")) return;
  const found = copied(getSelection());
  if (!found) return;
  event.preventDefault();
  event.clipboardData.setData("text/plain", found[0]);
  event.clipboardData.setData("text/html", found[1]);
});
