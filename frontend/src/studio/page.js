// What every module needs of the page: its configuration, its sentences, making elements.

export const config = JSON.parse(document.getElementById("gobhir-config").textContent);

/** The sentence `key` in the page's language, with {placeholders} filled from `values`. */
export function t(key, values = {}) {
  const sentence = config.strings[key] ?? key;
  return sentence.replace(/\{(\w+)\}/g, (hole, name) => values[name] ?? hole);
}

/** The text of a {bn, en} message in the page's language. */
export const inPageLanguage = (message) => message?.[config.lang] ?? message?.en ?? "";

/** An element: `make("p", {class: "x", onclick}, "text", child)`. Text never becomes HTML. */
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child != null));
  return element;
}

export const all = (selector, root = document) => [...root.querySelectorAll(selector)];

const BANGLA = "০১২৩৪৫৬৭৮৯";
/** A number for counting in prose: Bangla digits on a Bangla page. */
export const count = (n) => (config.lang === "bn" ? `${n}`.replace(/\d/g, (d) => BANGLA[d]) : `${n}`);

/** `work`, once nothing has asked for it again for `wait` milliseconds; `.now()` does it at once. */
export function later(work, wait) {
  let timer = 0;
  const ask = () => {
    clearTimeout(timer);
    timer = setTimeout(ask.now, wait);
  };
  ask.now = () => {
    clearTimeout(timer);
    timer = 0;
    return work();
  };
  ask.waiting = () => timer !== 0;
  return ask;
}
