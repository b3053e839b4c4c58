// Search on the static site, as course/search does it; the index is a script, already folded.

import { config, count, make, t } from "../studio/page.js";
import { fold, find } from "./finding.js";
import { script } from "./server.js";

export async function startSearch() {
  const form = document.querySelector("form.search");
  const list = document.getElementById("found");
  if (!form) return;
  if (!list) return; // another page's box: the form leads to the search page
  const field = form.elements.q;
  const show = () => {
    const items = find(field.value, globalThis.gobhirIndex);
    list.replaceChildren(...items.map(shown));
    const nothing = fold(field.value) ? t("book.search.nothing", { query: field.value }) : t("book.search.hint");
    document.getElementById("found-count").textContent = items.length
      ? t("book.search.found", { count: count(items.length) }) : nothing;
  };
  field.value = new URLSearchParams(location.search).get("q") ?? "";
  await script(`${config.static}site/index.${config.lang}.js`);
  field.addEventListener("input", show);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    show();
  });
  show();
}

const shown = (item) =>
  make("li", {},
    make("a", { href: item.address }, item.title),
    make("span", { class: "kind" }, t(`book.search.${item.kind}`)), // keys: book.search.*
    make("p", {}, item.said));
