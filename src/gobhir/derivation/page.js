// Typesets the formulas of a derivation's page. Until then, and without scripts, each is readable
// as LaTeX.
for (const place of document.querySelectorAll(".math")) {
  katex.render(place.textContent, place, { throwOnError: false, strict: "ignore" });
}
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
