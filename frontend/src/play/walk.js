// Forward and back through the training: buttons, slider, arrow keys, play and pause.

import { count, make, t } from "../studio/page.js";
import { short, view } from "./view.js";

const PACE = 700; // milliseconds between two steps while it plays
const STOPS = 60; // of a long training every so many steps are shown

export function startWalk(root) {
  const at = make("output", { class: "at" });
  const loss = make("output", { class: "loss" });
  const slider = make("input", { type: "range", min: 1, max: 1, value: 1, "aria-label": t("play.walk.slider") });
  const button = (sign, key, act) => make("button", { type: "button", class: "quiet", "aria-label": t(key), title: t(key), onclick: act }, sign);
  const first = button("⏮", "play.walk.first", () => go(0));
  const back = button("◀", "play.walk.back", () => go(view.k - 1));
  const play = button("▶▶", "play.walk.play", () => (timer ? pause() : begin()));
  const forward = button("▶", "play.walk.forward", () => go(view.k + 1));
  const last = button("⏭", "play.walk.last", () => go(view.steps - 1));
  const told = make("p", { class: "visually-hidden", role: "status", "aria-live": "polite" });
  root.append(
    make("p", { class: "readout" }, at, " · ", loss),
    make("div", { class: "buttons" }, first, back, play, forward, last),
    slider,
    told,
  );
  root.title = t("play.walk.keys");
  let timer = 0;

  const go = (k) => {
    pause();
    return view.go(k);
  };
  function begin() {
    if (view.k >= view.steps - 1) view.go(0);
    const stride = Math.max(1, Math.round(view.steps / STOPS));
    timer = setInterval(() => (view.k < view.steps - 1 ? view.go(view.k + stride) : pause()), PACE);
    name("⏸", "play.walk.pause");
  }
  function pause() {
    clearInterval(timer);
    timer = 0;
    name("▶▶", "play.walk.play");
  }
  function name(sign, key) {
    play.textContent = sign;
    play.setAttribute("aria-label", t(key));
    play.title = t(key);
  }

  slider.addEventListener("input", () => go(Number(slider.value) - 1));
  addEventListener("keydown", (event) => {
    const act = KEYS[event.key];
    if (!act || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey || isBusy(event.target, event.key)) return;
    event.preventDefault();
    if (event.key === " ") play.click();
    else go(act(view));
  });

  const words = (k) => t("play.walk.at", { step: count(k + 1), steps: count(view.steps) });
  const show = (k) => {
    slider.max = view.steps;
    slider.value = k + 1;
    slider.setAttribute("aria-valuetext", words(k));
    at.textContent = words(k);
    first.disabled = back.disabled = k === 0;
    forward.disabled = last.disabled = k >= view.steps - 1;
  };
  view.moved(show);
  view.shown(({ losses }, k) => {
    show(view.k); // which may have gone on meanwhile
    loss.textContent = t("play.walk.loss", { loss: short(losses[view.k] ?? losses[k]) });
    if (!timer) told.textContent = `${at.textContent}, ${loss.textContent}`;
  });
  view.failed(() => pause());
  return { pause };
}

const KEYS = {
  ArrowLeft: ({ k }) => k - 1,
  ArrowRight: ({ k }) => k + 1,
  Home: () => 0,
  End: ({ steps }) => steps - 1,
  " ": true,
};

/** Whether this key means something where the focus is: in a field, a list, a wide formula; the
    space bar also on a button. */
function isBusy(target, key) {
  const takes = "input, select, textarea, [contenteditable], [role=tab], .cm-editor, .chain, .table";
  return Boolean(target.closest?.(key === " " ? `${takes}, button, [role=button], a, summary` : takes));
}
