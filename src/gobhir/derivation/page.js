// Typesets the formulas of a derivation's page. Until then, and without scripts, each is readable
// as LaTeX.
for (const place of document.querySelectorAll(".math")) {
  katex.render(place.textContent, place, { throwOnError: false, strict: "ignore" });
}
void document.body.offsetHeight; // only what has been laid out asks for its fonts
// What has to be scrolled can be reached with the keyboard.
function reach() {
  for (const box of document.querySelectorAll(".chain, .table")) {
    if (box.scrollWidth > box.clientWidth + 1) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  }
}
document.fonts.ready.then(reach);
addEventListener("resize", reach);
// In a closed fold nothing has a width yet.
addEventListener("toggle", reach, true);

// On paper nothing scrolls and nothing opens: what is too wide becomes smaller, folds are opened.
function fit() {
  for (const box of document.querySelectorAll(".chain, .table")) {
    zoom(box, "");
    if (box.scrollWidth > box.clientWidth + 1) zoom(box, box.clientWidth / box.scrollWidth);
  }
}
function zoom(box, ratio) {
  for (const part of box.children) part.style.zoom = ratio;
}
if (document.querySelector(".paper")) document.fonts.ready.then(fit);
const closed = new Set();
addEventListener("beforeprint", () => {
  for (const fold of document.querySelectorAll("details:not([open])")) {
    closed.add(fold);
    fold.open = true;
  }
  document.body.style.width = "178mm";
  fit();
});
addEventListener("afterprint", () => {
  document.body.style.width = "";
  for (const box of document.querySelectorAll(".chain, .table")) zoom(box, "");
  for (const fold of closed) fold.open = false;
  closed.clear();
});
