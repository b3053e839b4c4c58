// Printing: everything that is folded on the screen is open on paper.

import { all } from "./page.js";

export function startPrint() {
  for (const link of all("a.print")) {
    link.addEventListener("click", (event) => {
      event.preventDefault();
      print();
    });
  }
  let opened = [];
  addEventListener("beforeprint", () => {
    opened = all(".lesson-body details.folded:not([open])");
    for (const details of opened) details.open = true;
  });
  addEventListener("afterprint", () => {
    for (const details of opened) details.open = false;
  });
  if (new URLSearchParams(location.search).get("view") === "print") addEventListener("load", () => print());
}
