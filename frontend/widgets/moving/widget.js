// A moving picture: knobs, a scene made of their values, and its plots. All pictures but the glass
// network are made of this and one function: scene(state, given) in pictures/.
//
// An anywidget module, and the same in a page without a kernel. Of its model it reads `knobs`,
// `given`, `strings` and `lang`, and keeps `state` there; where `address` names a key, what differs
// from the start also stands in the page's address.

import { makeAddress } from "../shared/address.js";
import { el } from "../shared/dom.js";
import { followTheme } from "../shared/theme.js";
import marks from "../../../src/gobhir/widgets/marks.css";
import { makeControl } from "./controls.js";
import { speak } from "./draw.js";
import { makePlots } from "./plots.js";
import { read, sane, write } from "./state.js";
import style from "./style.css";

const QUIET = 700; // a screen reader hears the sentence when the numbers have come to rest

export const moving = (scene) => ({ render: ({ model, el: place }) => render(scene, model, place) });

function render(scene, model, place) {
  const knobs = model.get("knobs");
  const given = model.get("given");
  const byName = Object.fromEntries(knobs.map((knob) => [knob.name, knob]));
  // Without the attribute a digit typed into a field would be one of JupyterLab's shortcuts.
  const host = el("div", { class: "gobhir-moving", "data-lm-suppress-shortcuts": "true" });
  const shadow = host.attachShadow({ mode: "open" });
  const stopTheme = followTheme(host);
  place.replaceChildren(host);

  const key = model.get("address");
  const start = sane(knobs, model.get("state"));
  const asked = knobs.map((knob) => ({ ...knob, value: start[knob.name] }));
  const address = key ? makeAddress(key, (written) => take(read(asked, written))) : null;
  let state = start;
  let parts = null;
  let width = 0;
  let frame = 0;
  let talk = 0;
  let clock = 0;
  let playing = null;

  // ---- what can be done ----

  function take(next) {
    state = next;
    draw();
  }

  function change(values) {
    state = sane(knobs, { ...state, ...values });
    model.set("state", state);
    model.save_changes();
    address?.put(write(asked, state));
    draw();
    clearTimeout(talk);
    talk = setTimeout(() => (parts.live.textContent = parts.sentence.textContent), QUIET);
  }

  function byHand(values) {
    stop();
    change(values);
  }

  function play(knob) {
    if (playing === knob.name) return stop();
    stop();
    playing = knob.name;
    if (state[playing] >= knob.high) change({ [playing]: knob.low });
    clock = setInterval(() => {
      const next = Math.min(knob.high, state[knob.name] + knob.step);
      if (next >= knob.high) stop();
      change({ [knob.name]: Number(next.toFixed(6)) });
    }, knob.plays);
    draw();
  }

  function stop() {
    clearInterval(clock);
    playing = null;
    if (parts) draw();
  }

  // ---- what is seen ----

  function build() {
    const all = model.get("strings");
    const lang = all[model.get("lang")] ? model.get("lang") : Object.keys(all)[0];
    const strings = all[lang];
    const say = (name, values = {}) => speak({ word: name, with: values }, strings);
    const controls = knobs.map((knob) => makeControl(knob, say, (name, value) => byHand({ [name]: value }), play));
    const of = (...kinds) => controls.filter((_, k) => kinds.includes(knobs[k].kind)).map(({ root }) => root);
    const plots = makePlots(byName, strings, byHand);
    const sentence = el("p", { class: "tell" });
    const rows = el("div", { class: "rows" });
    const live = el("p", { class: "live", "aria-live": "polite" });
    const reset = el("button", { type: "button", class: "reset", onclick: () => byHand(start) }, say("reset"));
    const body = el("div", { class: "body gobhir-drawing", role: "group", "aria-label": say("name"), lang },
      el("header", {}, el("h2", {}, say("name")), reset),
      el("div", { class: "choices" }, of("choice")),
      el("div", { class: "parts" },
        plots.root,
        el("div", { class: "side" }, sentence, of("steps"), of("slider"), el("div", { class: "fields" }, of("field")), rows)),
      live);
    shadow.replaceChildren(el("style", {}, marks + style), body);
    parts = { strings, controls, plots, sentence, rows, live };
  }

  function draw() {
    const { strings, controls, plots, sentence, rows } = parts;
    const made = scene(state, given);
    sentence.textContent = speak(made.say, strings);
    const lines = made.rows.map((row) => el("p", {}, speak(row, strings)));
    rows.replaceChildren(...lines, ...(lines.length ? [el("p", { class: "precise" }, strings.precise)] : []));
    for (const control of controls) control.draw(state, playing);
    plots.show(made.plots, state);
  }

  function rebuild() {
    build();
    draw();
    draw(); // the plots' places are as wide as they are only once something stands in them
  }

  function measure() {
    if (!host.clientWidth || Math.abs(host.clientWidth - width) < 2) return;
    width = host.clientWidth;
    draw();
  }

  const fromModel = () => {
    const told = sane(knobs, model.get("state"));
    if (JSON.stringify(told) !== JSON.stringify(state)) take(told);
  };
  const listeners = [["change:state", fromModel], ["change:lang", rebuild]];
  for (const [event, listener] of listeners) model.on(event, listener);

  const written = address?.get() ?? null;
  if (written !== null) state = read(asked, written);
  rebuild();
  const observer = new ResizeObserver(() => {
    cancelAnimationFrame(frame);
    frame = requestAnimationFrame(measure);
  });
  observer.observe(host);

  return () => {
    observer.disconnect();
    cancelAnimationFrame(frame);
    clearTimeout(talk);
    clearInterval(clock);
    stopTheme();
    address?.stop();
    for (const [event, listener] of listeners) model.off(event, listener);
    host.remove();
  };
}
