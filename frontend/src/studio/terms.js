// Glossary terms and numbers from the code carry their meaning as a title. A phone has no pointer
// to hold over them, and a screen reader skips titles: a tap, or Enter, shows it in a small box, a
// term's with the way to its card, which a second tap takes.

import { make, t } from "./page.js";

let shown = null;

export function startTerms() {
  document.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return; // the card, in a tab of its own
    const said = event.target.closest?.(".term, .num");
    if (said?.matches(".term")) {
      if (shown?.term === said) return;
      event.preventDefault();
    }
    if (!event.target.closest?.("#term-box")) toggle(said);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") toggle(null);
  });
}

function toggle(term) {
  const again = shown?.term === term;
  shown?.box.remove();
  shown?.term.removeAttribute("aria-describedby");
  shown = null;
  if (!term?.title || again) return;
  const box = make("span", { class: "meaning", id: "term-box", role: "tooltip" }, term.title);
  const link = term.querySelector("a")?.getAttribute("href");
  if (link) box.append(" ", make("a", { href: link }, t("studio.lesson.card")));
  document.body.append(box);
  const place = term.getBoundingClientRect();
  const room = document.documentElement.clientWidth;
  box.style.left = `${Math.max(8, Math.min(place.left, room - box.offsetWidth - 8)) + scrollX}px`;
  box.style.top = `${place.bottom + 6 + scrollY}px`;
  term.setAttribute("aria-describedby", "term-box");
  shown = { term, box };
}
