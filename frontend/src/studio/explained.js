// A derivation among a cell's outputs: typeset like the playground's, its numbers are asked of the
// kernel that showed it (studio/live.py). A chunk of its own, loaded at the first such output.

import { asking } from "../../../src/gobhir/derivation/asking.js";
import { reachable, shaped } from "./derivation.js";
import { config, t } from "./page.js";

const MODULE = '__import__("gobhir.studio.live", fromlist=["answer"])';

/** Fill `box` with the page. `checked(html)` lets nothing through that could act. */
export function showPage(box, { page, html }, kernel, checked) {
  const room = shaped(checked(html));
  for (const heading of room.querySelectorAll("h2")) {
    heading.setAttribute("aria-level", heading.matches(".title") ? 3 : 4); // it stands inside of a lesson
  }
  room.querySelectorAll("[id]").forEach((part) => part.removeAttribute("id")); // a page may be shown twice
  box.replaceChildren(room);
  reachable(room);
  if (!kernel || !room.querySelector("[data-words]")) return;
  asking(room, async (ask) => {
    const request = JSON.stringify({ page, ask, lang: config.lang });
    const answer = await kernel.value(`${MODULE}.answer(${JSON.stringify(request)})`).catch((error) => {
      throw error.why ? new Error(t(`studio.lost.${error.why}`)) : error; // keys: studio.lost.*
    });
    if (answer.message) throw new Error(answer.message[config.lang]);
    return checked(answer.html);
  });
}
