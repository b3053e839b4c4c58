// A derivation's fragment (derivation/html.py) as an element of the page, with its formulas typeset.

import { typeset } from "../../../src/gobhir/derivation/asking.js";
import { all } from "./page.js";

const AT_ONCE = 300;
const SLICE = 40; // milliseconds

/** The fragment, typeset as far as a screen or two shows; the rest follows by itself. */
export function shaped(html) {
  const room = document.createElement("div");
  room.innerHTML = html; // our own server's, or the learner's own kernel's, escaped there
  const title = room.querySelector("h1"); // the page has one of its own
  if (title) title.outerHTML = `<h2 class="title">${title.innerHTML}</h2>`;
  const formulas = all(".math", room);
  formulas.slice(0, AT_ONCE).forEach(typeset);
  follow(room, formulas.slice(AT_ONCE));
  return room;
}

async function follow(room, formulas) {
  let since = performance.now();
  for (const place of formulas) {
    if (performance.now() - since > SLICE) {
      await new Promise((resolve) => setTimeout(resolve));
      since = performance.now();
      if (!room.isConnected) return; // another step is shown by now
    }
    typeset(place);
  }
}

/** What is wider than the screen can be scrolled by keyboard. */
export function reachable(room) {
  for (const box of all(".chain, .table", room)) {
    if (box.scrollWidth > box.clientWidth + 1) box.tabIndex = 0;
  }
}
