// Typesets the formulas of a derivation's page (asking.js stands before this). Until then, and
// without scripts, each is readable as LaTeX. A long page does so as it is read: the formulas that
// come near the screen.
const AT_ONCE = 1500;
const formulas = document.querySelectorAll(".math");
if (formulas.length <= AT_ONCE || document.querySelector(".paper")) formulas.forEach(typeset);
else {
  const near = new IntersectionObserver((seen) => {
    for (const { isIntersecting, target } of seen) {
      if (!isIntersecting) continue;
      near.unobserve(target);
      if (target.matches(".math")) typeset(target);
      else target.querySelectorAll(".math").forEach(typeset);
    }
    reach();
  }, { rootMargin: "150%" });
  // What a box that scrolls sideways hides is never near, so it is asked of the box.
  const boxed = Array.from(formulas, (place) => place.closest(".chain, .table") ?? place);
  for (const block of new Set(boxed)) near.observe(block);
}
void document.body.offsetHeight; // only what has been laid out asks for its fonts
// What has to be scrolled can be reached with the keyboard.
function reach() {
  const boxes = [...document.querySelectorAll(".chain, .table")];
  const wide = boxes.map((box) => box.scrollWidth > box.clientWidth + 1);
  boxes.forEach((box, k) => {
    if (wide[k]) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  });
}
document.fonts.ready.then(reach);
addEventListener("resize", reach);
// In a closed fold nothing has a width yet.
addEventListener("toggle", reach, true);

// Who answers, without a network: the page's own line, what the page carries, or a line of Python.
const page = document.querySelector("main");
const carried = document.querySelector("template.answers")?.content;
function told(question) {
  const named = (attribute) => `[${attribute}="${CSS.escape(question)}"]`;
  const line = page.querySelector(`:not(.asked *) > ${named("data-makes")}:not([data-zero])`);
  if (line) return `<div class="chain">${asWritten(line)}</div>`;
  const answer = carried?.querySelector(named("data-answer"));
  return answer ? answer.innerHTML : null;
}
function python(question) {
  const [before, after] = JSON.parse(page.dataset.words).python.split("{code}");
  const said = made("p");
  said.append(before, made("code", "", `e.why("${question}")`), after);
  return said.outerHTML;
}
if (page.dataset.words) asking(page, (question) => told(question) ?? python(question));

// On paper nothing scrolls and nothing opens: what is too wide becomes smaller, folds are opened.
function fit() {
  const boxes = [...document.querySelectorAll(".chain, .table")];
  for (const box of boxes) zoom(box, "");
  // First all is measured, then all is changed: a page is laid out once, not once for each box.
  const ratios = boxes.map((box) => box.clientWidth / box.scrollWidth);
  boxes.forEach((box, k) => ratios[k] < 0.998 && zoom(box, ratios[k]));
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
  formulas.forEach(typeset);
  document.body.style.width = "178mm";
  fit();
});
addEventListener("afterprint", () => {
  document.body.style.width = "";
  for (const box of document.querySelectorAll(".chain, .table")) zoom(box, "");
  for (const fold of closed) fold.open = false;
  closed.clear();
});
