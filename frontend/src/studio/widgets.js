// Moving pictures: an anywidget module, its state from the page, no kernel. The still picture that
// the server put there stays until the module has drawn, and for good when it fails.

import { all } from "./page.js";
import { widgetModule } from "./server.js";

export function startWidgets() {
  const near = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      near.unobserve(target);
      start(target);
    }
  }, { rootMargin: "800px" });
  for (const element of all(".widget[data-widget]")) near.observe(element);
}

async function start(element) {
  const still = element.innerHTML;
  try {
    const { default: widget } = await widgetModule(element.dataset.widget);
    const model = new Model(JSON.parse(element.dataset.state));
    await widget.initialize?.({ model });
    await widget.render({ model, el: element });
    element.classList.add("alive");
  } catch (error) {
    element.innerHTML = still; // our own server's SVG
    console.warn(`widget ${element.dataset.widget}: ${error.message}`);
  }
}

/** What an anywidget asks of its model, with nobody at the other end. */
class Model {
  constructor(state) {
    this.state = state;
    this.listeners = new EventTarget();
    this.wrapped = new Map();
  }

  get(name) {
    return this.state[name];
  }

  set(name, value) {
    if (typeof name === "object") return Object.entries(name).forEach(([key, each]) => this.set(key, each));
    if (this.state[name] === value) return;
    this.state[name] = value;
    this.tell(`change:${name}`, value);
    this.tell("change");
  }

  on(name, callback) {
    const heard = ({ detail }) => callback(...detail);
    this.wrapped.set(callback, [name, heard]);
    this.listeners.addEventListener(name, heard);
  }

  off(name, callback) {
    for (const [original, [event, heard]] of this.wrapped) {
      if ((name && event !== name) || (callback && original !== callback)) continue;
      this.listeners.removeEventListener(event, heard);
      this.wrapped.delete(original);
    }
  }

  tell(name, ...values) {
    this.listeners.dispatchEvent(new CustomEvent(name, { detail: [...values] }));
  }

  save_changes() {} // nobody to tell
  send() {}
}
