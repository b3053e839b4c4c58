// The knobs of a moving picture: sliders with a field for exact values, choices, and steps to play.

import { el, set } from "../shared/dom.js";
import { rounded, text } from "../shared/numbers.js";
import { fits, matters } from "./state.js";

/** { root, draw(state) } for one knob; `change(name, value)` is called with what the learner sets. */
export function makeControl(knob, say, change, play) {
  return { choice: makeChoice, slider: makeSlider, steps: makeSteps, field: makeField }[knob.kind](knob, say, change, play);
}

function makeChoice(knob, say, change) {
  const group = `${knob.name}-${Math.random().toString(36).slice(2)}`;
  const options = knob.options.map((option) => {
    const input = el("input", { type: "radio", name: group, value: option, onchange: () => change(knob.name, option) });
    return { option, input, label: el("label", { class: "chip" }, input, el("span", {}, say(`${knob.name}.${option}`))) };
  });
  const root = el("div", { class: "choice", role: "radiogroup", "aria-label": say(`knob.${knob.name}`) }, options.map(({ label }) => label));
  function draw(state) {
    root.hidden = !matters(knob, state);
    for (const { option, input } of options) input.checked = state[knob.name] === option;
  }
  return { root, draw };
}

function makeSlider(knob, say, change, play) {
  const label = knob.label || say(`knob.${knob.name}`);
  const slider = el("input", { type: "range", min: knob.low, max: knob.high, step: knob.step, "aria-label": label,
    oninput: () => change(knob.name, Number(slider.value)) });
  const field = makeNumber(knob, label, say, change);
  const player = knob.plays ? makePlayer(knob, say, play) : null;
  const root = el("div", { class: "knob" }, el("span", { class: "knob-name", "aria-hidden": "true" }, label), slider, field.input, player?.root, field.trouble);
  function draw(state, playing) {
    root.hidden = !matters(knob, state);
    slider.value = String(state[knob.name]);
    field.draw(state);
    player?.draw(playing);
  }
  return { root, draw };
}

/** A number with no slider: one of many, such as the entries of a matrix. */
function makeField(knob, say, change) {
  const label = knob.label || say(`knob.${knob.name}`);
  const field = makeNumber(knob, label, say, change);
  const root = el("label", { class: "small-field" }, el("span", {}, label), field.input, field.trouble);
  function draw(state) {
    root.hidden = !matters(knob, state);
    field.draw(state);
  }
  return { root, draw };
}

function makeSteps(knob, say, change, play) {
  let now = 0;
  const label = knob.label || say(`knob.${knob.name}`);
  const go = (by) => change(knob.name, now + by);
  const slider = el("input", { type: "range", min: knob.low, max: knob.high, step: 1, "aria-label": label, oninput: () => change(knob.name, Number(slider.value)) });
  const back = el("button", { type: "button", class: "back", "aria-label": say("back"), title: say("back"), onclick: () => go(-1) }, "−1");
  const next = el("button", { type: "button", class: "next", "aria-label": say("next"), title: say("next"), onclick: () => go(1) }, "+1");
  const player = makePlayer(knob, say, play);
  const count = el("output", { class: "count" });
  const root = el("div", { class: "steps" }, player.root, back, next, el("span", { class: "knob-name" }, label), slider, count);
  function draw(state, playing) {
    now = state[knob.name];
    root.hidden = !matters(knob, state);
    slider.value = String(now);
    count.textContent = `${now}/${knob.high}`;
    back.disabled = now <= knob.low;
    next.disabled = now >= knob.high;
    player.draw(playing);
  }
  return { root, draw };
}

function makePlayer(knob, say, play) {
  const root = el("button", { type: "button", class: "play", onclick: () => play(knob) });
  function draw(playing) {
    root.textContent = playing === knob.name ? `❚❚ ${say("pause")}` : `▶ ${say("play")}`;
  }
  return { root, draw };
}

/** A field that takes a number when it is one the knob can have, and says so when not. */
function makeNumber(knob, label, say, change) {
  let now = NaN;
  const input = el("input", { type: "number", min: knob.low, max: knob.high, step: "any", "aria-label": label, oninput: typed, onchange: settle });
  const trouble = el("span", { class: "trouble", role: "alert" });

  function typed() {
    const wish = input.value === "" ? NaN : Number(input.value);
    const good = fits(knob, wish);
    set(input, { "aria-invalid": good ? null : "true" });
    trouble.textContent = good ? "" : say("range", { low: text(knob.low), high: text(knob.high) });
    if (good) change(knob.name, wish);
  }

  function settle() {
    set(input, { "aria-invalid": null });
    trouble.textContent = "";
    input.value = String(rounded(now, 6));
  }

  function draw(state) {
    now = state[knob.name];
    if (input.getRootNode().activeElement !== input) input.value = String(rounded(now, 6));
  }

  return { input, trouble, draw };
}
