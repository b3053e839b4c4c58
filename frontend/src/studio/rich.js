// Short texts of the course (an explanation, a cause): `code`, **strong**, *emphasis*, $formula$.

import { make } from "./page.js";
import { typeset } from "./maths.js";

const MARK = /`([^`]+)`|\*\*([^*]+)\*\*|\*([^*]+)\*|\$([^$]+)\$/g;

/** The text as elements; nothing in it can become HTML. */
export function rich(text) {
  const span = make("span", { class: "rich" });
  let at = 0;
  for (const match of text.matchAll(MARK)) {
    const [whole, code, strong, emphasis, tex] = match;
    span.append(text.slice(at, match.index));
    if (code) span.append(make("code", {}, code));
    else if (strong) span.append(make("strong", {}, strong));
    else if (emphasis) span.append(make("em", {}, emphasis));
    else span.append(make("span", { class: "math inline", "data-tex": tex }, tex));
    at = match.index + whole.length;
  }
  span.append(text.slice(at));
  typeset(span);
  return span;
}
