// Moving pictures without a kernel: the same anywidget modules, over a small model of their state.

import { all, config } from "./page.js";

export function startWidgets() {
  const watch = new IntersectionObserver((seen) => {
    for (const { isIntersecting, target } of seen) {
      if (!isIntersecting) continue;
      watch.unobserve(target);
      start(target);
    }
  }, { rootMargin: "600px" });
  for (const place of all(".widget[data-widget]")) watch.observe(place);
}

async function start(place) {
  const state = JSON.parse(place.dataset.state || "{}");
  if (!Object.keys(state).length) return;
  try {
    const module = await import(`${config.static}widgets/${place.dataset.widget}.js`);
    await module.default.render({ model: new Model(state), el: place });
  } catch (error) {
    console.error(error); // the drawing that came with the page stays
  }
}

/** What anywidget's modules ask of a model: get, set, save_changes, on, off, send. */
class Model {
  #state;
  #listeners = new Map();

  constructor(state) {
    this.#state = { ...state, lang: config.lang };
  }

  get(name) {
    return this.#state[name];
  }

  set(name, value) {
    this.#state[name] = value;
    for (const event of [`change:${name}`, "change"]) {
      for (const listener of this.#listeners.get(event) ?? []) listener();
    }
  }

  save_changes() {}
  send() {}

  on(event, listener) {
    if (!this.#listeners.has(event)) this.#listeners.set(event, new Set());
    this.#listeners.get(event).add(listener);
  }

  off(event, listener) {
    if (listener) this.#listeners.get(event)?.delete(listener);
    else this.#listeners.delete(event);
  }
}
