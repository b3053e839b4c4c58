// Formulas: <span class="math inline|display" data-tex="...">, typeset by KaTeX.

import { all } from "./page.js";

/** Typeset the formulas in `root`; gives way to the page every few milliseconds. */
export async function typeset(root = document) {
  if (!window.katex) return;
  let since = performance.now();
  for (const span of all(".math[data-tex]:not(.typeset)", root)) {
    window.katex.render(span.dataset.tex, span, {
      displayMode: span.classList.contains("display"),
      throwOnError: false,
      strict: "ignore", // Bangla inside \text{} is meant
      trust: false,
    });
    span.classList.add("typeset");
    if (span.classList.contains("display")) scrollsByKey(span);
    else keepSuffix(span);
    if (performance.now() - since > 40) {
      await new Promise((resolve) => setTimeout(resolve));
      since = performance.now();
    }
  }
}

// A comma, or a Bangla ending such as -এর, never begins a line of its own after a short formula.
function keepSuffix(span) {
  const after = span.nextSibling;
  const suffix = after?.nodeType === Node.TEXT_NODE && after.data.match(/^(?:[.,;:!?।)”"]|-\S+)+/)?.[0];
  if (!suffix || span.dataset.tex.length > 20) return;
  const glued = document.createElement("span");
  glued.className = "glued";
  span.replaceWith(glued);
  glued.append(span, suffix);
  after.data = after.data.slice(suffix.length);
}

// A wide formula scrolls sideways; whoever has no mouse does it with the arrow keys.
function scrollsByKey(span) {
  if (span.scrollWidth > span.clientWidth + 1) span.tabIndex = 0;
}
