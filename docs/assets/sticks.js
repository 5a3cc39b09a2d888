/* What follows from a form stays in sight beside it, as long as that leaves most of the window to the form: large type
   makes it as high as a phone. */
export function sticks(element) {
  const look = () => {
    element.classList.toggle("sticks", element.offsetHeight <= innerHeight / 3);
    if (!element.isConnected) removeEventListener("resize", look); // its page was left
  };
  new ResizeObserver(look).observe(element);
  addEventListener("resize", look);
}
