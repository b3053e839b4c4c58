// Making elements: el("button", { class: "go", onclick }, "Go"), and the same for SVG.

const SVG = "http://www.w3.org/2000/svg";

export const el = (tag, set = {}, ...children) => fill(document.createElement(tag), set, children);
export const svg = (tag, set = {}, ...children) => fill(document.createElementNS(SVG, tag), set, children);

/** Set attributes (and `on...` listeners); null or false takes an attribute away. */
export function set(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === null || value === false || value === undefined) element.removeAttribute(name);
    else element.setAttribute(name, value === true ? "" : value);
  }
  return element;
}

function fill(element, attributes, children) {
  set(element, attributes);
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}
