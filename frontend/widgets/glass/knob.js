// One number that can be changed: a slider for fingers, a field for exact values.

import { el, set } from "../shared/dom.js";
import { getKnob, rangeOf } from "./moves.js";
import { rounded, text } from "../shared/numbers.js";

export function makeKnob(name, words, change) {
  const [low, high] = rangeOf(name);
  const label = words.knob(name);
  const slider = el("input", { type: "range", step: "0.05", "aria-label": label, oninput: () => change(name, Number(slider.value)) });
  const field = el("input", { type: "number", step: "0.1", min: low, max: high, "aria-label": label, oninput: typed, onchange: settle });
  const trouble = el("span", { class: "trouble", role: "alert" });
  const root = el("div", { class: "knob" }, el("span", { class: "knob-name", "aria-hidden": "true" }, label), slider, field, trouble);
  let value = NaN;

  function typed() {
    const wish = field.value === "" ? NaN : Number(field.value);
    const good = wish >= low && wish <= high;
    set(field, { "aria-invalid": good ? null : "true" });
    trouble.textContent = good ? "" : words.say("range", { low: text(low), high: text(high) });
    if (good) change(name, wish);
  }

  /** Leaving the field takes a wrong number out of it again. */
  function settle() {
    set(field, { "aria-invalid": null });
    trouble.textContent = "";
    field.value = String(rounded(value, 6));
  }

  function draw(state) {
    const now = getKnob(state, name);
    if (now === value) return;
    value = now;
    const reach = Math.min(high, Math.max(name === "lr" ? 5 : 2, Math.ceil(Math.abs(now))));
    set(slider, { min: name === "lr" ? 0 : -reach, max: reach });
    slider.value = String(now);
    if (field.getRootNode().activeElement !== field) field.value = String(rounded(now, 6));
  }

  return { root, draw, name };
}
