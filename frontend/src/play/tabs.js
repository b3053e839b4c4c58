// Two ways to a model: by touch, or as code. One of the two sections is shown.

import { make, t } from "../studio/page.js";

const WAYS = ["touch", "code"];

/** Fill `box` with a tab for each section; `chosen(way)` is called when another one is shown.
    Returns what shows one. */
export function startTabs(box, chosen) {
  const tabs = WAYS.map((way) => make("button", {
    type: "button", role: "tab", id: `tab-${way}`, "aria-controls": way, onclick: () => show(way),
  }, t(`play.page.${way}`)));
  // keys: play.page.touch, play.page.code
  box.setAttribute("role", "tablist");
  box.setAttribute("aria-label", t("play.page.how"));
  box.append(...tabs);
  for (const way of WAYS) {
    const section = document.getElementById(way);
    section.setAttribute("role", "tabpanel");
    section.setAttribute("aria-labelledby", `tab-${way}`);
    section.removeAttribute("aria-label");
  }
  box.addEventListener("keydown", (event) => {
    if (!["ArrowLeft", "ArrowRight"].includes(event.key)) return;
    event.preventDefault();
    event.stopPropagation(); // the arrows also walk through the training
    show(WAYS.find((way) => document.getElementById(way).hidden));
    tabs.find((tab) => tab.tabIndex === 0).focus();
  });

  function show(way) {
    tabs.forEach((tab, k) => {
      const here = WAYS[k] === way;
      tab.setAttribute("aria-selected", `${here}`);
      tab.tabIndex = here ? 0 : -1;
      document.getElementById(WAYS[k]).hidden = !here;
    });
    document.getElementById("content").dataset.way = way;
    chosen(way);
  }
  return show;
}
