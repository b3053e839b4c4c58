// The glass network: one training step of a small network, walked through with its numbers.
//
// An anywidget module, and the same in a page without a kernel. Of its model it reads `network`,
// `strings` and `lang`, and keeps `step`, `selected` and `moves` there; where `address` names a
// key, they also stand in the page's address. Start reading in glass/step.js: the arithmetic.

import { makeAddress } from "./shared/address.js";
import { makeCard } from "./glass/card.js";
import { makeCurve } from "./glass/curve.js";
import { el, set } from "./shared/dom.js";
import { makeKnob } from "./glass/knob.js";
import { added, areMoves, read, replay, write } from "./glass/moves.js";
import { parse } from "./glass/names.js";
import { short } from "./shared/numbers.js";
import { makePicture } from "./glass/picture.js";
import { heroOf, selectionAt, stagesOf } from "./glass/stages.js";
import { glassStep } from "./glass/step.js";
import style from "./glass/style.css";
import { followTheme } from "./shared/theme.js";
import { makeWords } from "./glass/words.js";

const PHASES = ["forward", "loss", "backward", "update"];
const KEPT = ["step", "selected", "moves"];

function render({ model, el: place }) {
  const start = model.get("network");
  const stages = stagesOf(start);
  const last = stages.length - 1;
  // Without the attribute a digit typed into a field would be one of JupyterLab's shortcuts.
  const host = el("div", { class: "gobhir-glass", "data-lm-suppress-shortcuts": "true" });
  const shadow = host.attachShadow({ mode: "open" });
  const stopTheme = followTheme(host);
  place.replaceChildren(host);

  const key = model.get("address");
  const address = key ? makeAddress(key, (written) => take(read(written, start))) : null;
  let kept = sane(Object.fromEntries(KEPT.map((name) => [name, model.get(name)])));
  let parts = null;
  let width = 0;
  let frame = 0;
  let talk = 0;
  let telling = false;

  /** Step, selection and moves, each replaced by its default where it makes no sense. */
  function sane({ step, selected, moves }) {
    const good = Number.isInteger(step) && step >= 0 && step <= last ? step : 0;
    return {
      step: good,
      selected: typeof selected === "string" && parse(selected, start) ? selected : heroOf(stages[good], start),
      moves: areMoves(moves, start) ? moves : [],
    };
  }

  function viewOf({ step, selected, moves }) {
    const { state, losses } = replay(start, moves);
    const result = glassStep(state);
    const reached = (id) => stages.findIndex((stage) => stage.id === id) <= step;
    return { state, result, stages, step, stage: stages[step], selected, reached, losses: [...losses, result.loss] };
  }

  // ---- what can be done ----

  function take(found) {
    kept = sane({ step: 0, moves: [], ...found });
    draw();
  }

  function change(next) {
    kept = { ...kept, ...next };
    telling = true; // the model answers each `set` at once, when the others are not yet in
    for (const name of KEPT) model.set(name, kept[name]);
    telling = false;
    model.save_changes();
    const untouched = kept.step === 0 && !kept.moves.length;
    address?.put(untouched ? null : write(kept));
    draw();
  }

  function goTo(step) {
    const { state, result, stage } = viewOf(kept);
    change({ step, selected: selectionAt(stages[step], stage, kept.selected, state, result) });
    announce(`${parts.heading.textContent} ${parts.sentence.textContent}`);
    if (!matchMedia("(prefers-reduced-motion: reduce)").matches) parts.picture.animate();
  }

  const back = () => kept.step > 0 && goTo(kept.step - 1);

  function ahead() {
    if (kept.step < last) return goTo(kept.step + 1);
    kept = { ...kept, moves: added(kept.moves, ["go", 1], start) };
    goTo(0);
  }

  function move(knob, value) {
    change({ moves: added(kept.moves, [knob, value], start) });
    announceNumbers();
  }

  function reset() {
    kept = sane({});
    change({});
    announce(parts.heading.textContent);
  }

  function keys(event) {
    const keys = { PageDown: ahead, PageUp: back, ArrowRight: ahead, ArrowLeft: back };
    const isArrow = event.key.startsWith("Arrow");
    if (!keys[event.key] || event.altKey || event.ctrlKey || event.metaKey) return;
    if (isArrow && event.composedPath()[0].tagName === "INPUT") return;
    event.preventDefault();
    keys[event.key]();
  }

  function announce(sentence) {
    clearTimeout(talk);
    parts.live.textContent = sentence;
  }

  function announceNumbers() {
    clearTimeout(talk);
    talk = setTimeout(() => {
      const { result } = viewOf(kept);
      parts.live.textContent = parts.words.say("now", { loss: short(result.loss), output: result.output.map(short).join(", ") });
    }, 700);
  }

  // ---- what is seen ----

  function build() {
    const strings = model.get("strings");
    const lang = strings[model.get("lang")] ? model.get("lang") : Object.keys(strings)[0];
    const words = makeWords(strings[lang]);
    const button = (name, does, label) => el("button", { type: "button", class: name, onclick: does }, label);
    const heading = el("h2", { class: "heading" });
    const count = el("span", { class: "count" });
    const sentence = el("p", { class: "tell" });
    const phases = PHASES.map((phase) => {
      const own = stages.map((stage, step) => [stage, step]).filter(([stage]) => stage.phase === phase);
      const ticks = own.map(() => el("span", { class: "tick" }));
      const tab = el("button", { type: "button", class: "phase", onclick: () => goTo(own[0][1]) },
        words.say(`phase.${phase}`), el("span", { class: "ticks", "aria-hidden": "true" }, ticks));
      return { own, ticks, tab };
    });
    const previous = button("back", back, `← ${words.say("button.back")}`);
    const next = button("next", ahead, "");
    const rate = makeKnob("lr", words, move);
    const curve = makeCurve(words);
    const losses = el("span", { class: "losses" });
    const runaway = el("p", { class: "runaway", role: "alert" });
    const live = el("p", { class: "live", "aria-live": "polite" });
    const card = makeCard(words, (name) => makeKnob(name, words, move), goTo);
    const select = (selected) => {
      change({ selected });
      announce(card.root.innerText);
    };
    const picture = makePicture(start, width, words, select);
    const legend = el("p", { class: "legend" },
      el("span", { class: "key pos" }, words.say("positive")), el("span", { class: "key neg" }, words.say("negative")),
      el("span", {}, words.say("thick")));
    const train = el("div", { class: "train" },
      el("div", { class: "train-buttons" },
        button("update", () => move("go", 1), words.say("button.update")),
        button("ten", () => move("go", 10), words.say("button.ten")),
        button("reset", reset, words.say("button.reset"))),
      rate.root, el("div", { class: "curve-place" }, curve.root, losses), runaway);
    const body = el("div", { class: "body", role: "group", "aria-label": words.say("name"), lang, onkeydown: keys },
      el("header", {},
        el("div", { class: "phases" }, phases.map(({ tab }) => tab)),
        el("div", { class: "walk" }, previous, next),
        el("div", { class: "top" }, heading, count), sentence),
      el("div", { class: "main" }, picture.root, card.root,
        el("div", { class: "below" }, train, legend)),
      live);
    shadow.replaceChildren(el("style", {}, style), body);
    parts = { words, heading, count, sentence, phases, previous, next, rate, curve, losses, runaway, live, card, picture, body };
  }

  function draw() {
    cancelAnimationFrame(frame);
    const view = viewOf(kept);
    const { words } = parts;
    const { state, result, step, stage } = view;
    parts.heading.textContent = words.stage(stage, state);
    parts.count.textContent = words.say("of", { step: words.digits(step), last: words.digits(last) });
    parts.sentence.textContent = words.tell(view);
    for (const { own, ticks, tab } of parts.phases) {
      own.forEach(([, at], k) => ticks[k].classList.toggle("done", at <= step));
      set(tab, { "aria-current": own.some(([, at]) => at === step) ? "step" : null });
    }
    parts.previous.disabled = step === 0;
    parts.next.textContent = step < last ? `${words.say("button.next")} →` : `${words.say("button.round")} ↻`;
    parts.rate.draw(state);
    parts.curve.draw(view.losses);
    parts.losses.textContent = words.say("updates", { loss: short(result.loss), count: words.digits(view.losses.length - 1) });
    const fine = Number.isFinite(result.loss) && Number.isFinite(result.after.loss);
    parts.runaway.textContent = fine ? "" : words.say("runaway");
    parts.picture.draw(view);
    parts.card.draw(view);
  }

  function rebuild() {
    const name = shadow.activeElement?.dataset.name;
    build();
    draw();
    if (name) shadow.querySelector(`.button[data-name="${name}"]`)?.focus({ preventScroll: true });
  }

  // On wide pages the card stands beside the picture; the rest is the picture's.
  function roomFor() {
    const room = host.clientWidth || 290; // not yet in the page
    host.classList.toggle("beside", room >= 1000);
    return Math.floor(room >= 1000 ? room - 352 : room - 2);
  }

  function measure() {
    const room = roomFor();
    if (!host.clientWidth || Math.abs(room - width) < 2) return;
    width = room;
    rebuild();
  }

  const fromModel = () => {
    if (telling) return;
    const told = sane(Object.fromEntries(KEPT.map((name) => [name, model.get(name)])));
    if (KEPT.every((name) => JSON.stringify(told[name]) === JSON.stringify(kept[name]))) return;
    kept = told;
    draw();
  };
  const listeners = [...KEPT.map((name) => [`change:${name}`, fromModel]), ["change:lang", rebuild]];
  for (const [event, listener] of listeners) model.on(event, listener);

  const written = address?.get() ?? null;
  if (written !== null) kept = sane({ step: kept.step, moves: kept.moves, ...read(written, start) });
  width = roomFor();
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
    stopTheme();
    address?.stop();
    for (const [event, listener] of listeners) model.off(event, listener);
    host.remove();
  };
}

export default { render };
