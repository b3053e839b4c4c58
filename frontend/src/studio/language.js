// Changing the language keeps the place: the same block, at the same height of the window.

import { all, config } from "./page.js";

const KEY = "gobhir:place";

/** The block that the reader has before them, and how far its top is from the window's. */
export function placeNow() {
  const block = all(".block[id]").find((b) => b.getBoundingClientRect().bottom > 90);
  return block && { slug: config.slug, block: block.id, top: block.getBoundingClientRect().top };
}

export function startLanguage() {
  const link = document.getElementById("language-switch");
  link?.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return; // a new tab starts at its top
    event.preventDefault();
    try {
      sessionStorage.setItem(KEY, JSON.stringify(placeNow() ?? null));
    } catch {
      // without session storage the page opens at its top
    }
    const address = new URL(location.href);
    address.searchParams.set("lang", link.hreflang);
    location.replace(address);
  });
}

/** After loading and typesetting: go where the other language was read. */
export function landedWhere() {
  let place = null;
  try {
    place = JSON.parse(sessionStorage.getItem(KEY));
    sessionStorage.removeItem(KEY);
  } catch {
    return;
  }
  if (place?.slug !== config.slug) return settle();
  const block = document.getElementById(place.block);
  if (block) scrollTo({ top: scrollY + block.getBoundingClientRect().top - place.top, behavior: "instant" });
}

// Formulas have changed heights since the browser went to the address's anchor.
function settle() {
  const id = decodeURIComponent(location.hash.slice(1));
  if (id && !id.includes("=")) document.getElementById(id)?.scrollIntoView({ behavior: "instant" });
}
