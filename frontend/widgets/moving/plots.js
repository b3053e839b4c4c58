// The plots on the page: each drawn as wide as its place is, with what can be touched laid over it.

import { el, set } from "../shared/dom.js";
import { draw, frameOf, speak } from "./draw.js";
import { snapped } from "./state.js";

/** `knobs`: by name; `change(values)` gets what a handle or a button sets. */
export function makePlots(knobs, strings, change) {
  const root = el("div", { class: "plots" });
  const places = [];
  let shown = { plots: [], state: {} };

  function place(k) {
    const svg = el("div", { class: "drawing", "aria-hidden": "true" });
    const over = el("div", { class: "over" });
    const made = { root: el("div", { class: "place" }, svg, over), svg, over, handles: [], buttons: [] };
    places[k] = made;
    root.append(made.root);
    return made;
  }

  function show(plots, state) {
    shown = { plots, state };
    root.dataset.count = plots.length;
    while (places.length > plots.length) places.pop().root.remove();
    plots.forEach((plot, k) => {
      const { root: home, svg, over, handles, buttons } = places[k] ?? place(k);
      const width = Math.max(220, home.clientWidth || 290);
      const frame = frameOf(plot, width);
      svg.innerHTML = draw(plot, width, strings);
      const at = ([x, y]) => [frame.left + frame.x(x), frame.top + frame.y(y)];
      fit(handles, plot.handles, over, () => makeHandle(k, handles.length));
      plot.handles.forEach((handle, n) => {
        const [left, top] = at(handle.at);
        const seen = left >= 0 && left <= width && top >= 0 && top <= frame.height;
        handles[n].hidden = !seen;
        set(handles[n], { style: `left:${left}px;top:${top}px`, "aria-label": handle.knobs.filter(Boolean).map(told).join(", ") });
      });
      fit(buttons, plot.buttons, over, () => makeButton(k, buttons.length));
      plot.buttons.forEach(({ box, label }, n) => {
        const [[left, bottom], [right, top]] = box.map(at);
        set(buttons[n], { style: `left:${left}px;top:${top}px;width:${right - left}px;height:${bottom - top}px`, "aria-label": speak(label, strings) });
      });
    });
  }

  const told = (name) => `${knobs[name].label || strings[`knob.${name}`]} ${speak(shown.state[name], strings)}`;

  function fit(list, wanted, over, make) {
    while (list.length > wanted.length) list.pop().remove();
    while (list.length < wanted.length) {
      const made = make();
      list.push(made);
      over.append(made);
    }
  }

  function makeHandle(k, n) {
    const now = () => shown.plots[k].handles[n].knobs;
    const grip = el("button", { type: "button", class: "grip", onpointerdown: down, onpointermove: move, onkeydown: keys });

    function down(event) {
      grip.setPointerCapture(event.pointerId);
      event.preventDefault();
      grip.focus({ preventScroll: true });
    }

    function move(event) {
      if (!grip.hasPointerCapture(event.pointerId)) return;
      const box = places[k].over.getBoundingClientRect();
      const plot = shown.plots[k];
      const frame = frameOf(plot, box.width);
      const x = plot.x[0] + ((event.clientX - box.left - frame.left) / frame.w) * (plot.x[1] - plot.x[0]);
      const y = plot.y[1] - ((event.clientY - box.top - frame.top) / frame.h) * (plot.y[1] - plot.y[0]);
      const [across, up] = now();
      change({ ...(across && { [across]: snapped(knobs[across], x) }), ...(up && { [up]: snapped(knobs[up], y) }) });
    }

    function keys(event) {
      const [across, up] = now();
      const [name, by] = { ArrowRight: [across, 1], ArrowLeft: [across, -1], ArrowUp: [up ?? across, 1], ArrowDown: [up ?? across, -1] }[event.key] ?? [];
      if (!name) return;
      event.preventDefault();
      change({ [name]: snapped(knobs[name], shown.state[name] + by * knobs[name].step) });
    }

    return grip;
  }

  function makeButton(k, n) {
    return el("button", { type: "button", class: "touch", onclick: () => change(shown.plots[k].buttons[n].set) });
  }

  return { root, show };
}
