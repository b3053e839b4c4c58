// A page without a kernel, as the studio has them: the widget gets a small model of its own.
// `python -m tests.browser.glass_page` serves it: /?picture=descent&lang=bn&theme=dark

const query = new URLSearchParams(location.search);
const { default: widget } = await import(`/${query.get("picture") ?? "glass"}.js`);
document.documentElement.lang = query.get("lang") ?? "en";
if (query.get("theme")) document.documentElement.dataset.theme = query.get("theme");
const values = await (await fetch(`/state.json?${query}`)).json();

const listeners = {};
const model = {
  get: (name) => values[name],
  set(name, value) {
    values[name] = value;
    for (const listener of listeners[`change:${name}`] ?? []) listener();
  },
  save_changes: () => (model.saved = (model.saved ?? 0) + 1),
  on: (event, listener) => (listeners[event] ??= new Set()).add(listener),
  off: (event, listener) => listeners[event]?.delete(listener),
};
const el = document.querySelector("#place");
globalThis.widget = { model, el, listeners, leave: widget.render({ model, el }) };
